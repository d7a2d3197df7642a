"""RTVI messages go to the client past the processors of the pipeline."""

from typing import Any

from pipecat.frames.frames import Frame, OutputTransportMessageUrgentFrame
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pydantic import BaseModel

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
        await RTVIOutbox(passed.append).push_transport_message(Message(), exclude_none)
    assert passed == sent == [{"type": "bot-ready"}, {"type": "bot-ready", "data": None}]
