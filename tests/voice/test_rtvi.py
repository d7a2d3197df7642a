"""RTVI messages go to the client past the processors of the pipeline."""

from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.frames.frames import Frame, OutputTransportMessageUrgentFrame, TextFrame
from pipecat.processors.frameworks.rtvi import RTVIObserver, RTVIProcessor
from pydantic import BaseModel

from appliance.voice.transport.taken_texts import TakenTexts
from appliance.voice.transport.websocket import RTVIOutbox


class Message(BaseModel):
    type: str = "bot-ready"
    data: str | None = None


async def test_a_message_is_passed_on_as_pipecat_would_send_it() -> None:
    sent: list[dict[str, Any]] = []

    class PipecatProcessor(RTVIProcessor):
        async def push_frame(self, frame: Frame, *_more: object) -> None:
            assert isinstance(frame, OutputTransportMessageUrgentFrame)
            sent.append(frame.message)

    passed: list[dict[str, Any]] = []
    for exclude_none in (True, False):
        await PipecatProcessor().push_transport_message(Message(), exclude_none)
        await RTVIOutbox(passed.append, TakenTexts().of("c")).push_transport_message(
            Message(), exclude_none
        )
    assert passed == sent == [{"type": "bot-ready"}, {"type": "bot-ready", "data": None}]


async def test_a_frame_that_cannot_be_reported_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("no id")

    monkeypatch.setattr(RTVIObserver, "on_push_frame", fail)
    observer = RTVIOutbox(lambda _message: None, TakenTexts().of("c")).create_rtvi_observer()
    pushed: Any = SimpleNamespace(frame=TextFrame("It is noon."))
    await observer.on_push_frame(pushed)
    assert "could not be reported to the page" in caplog.text
