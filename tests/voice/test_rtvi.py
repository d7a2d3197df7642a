"""RTVI messages go to the client, and past the processors between."""

from typing import Any

from pipecat.frames.frames import Frame, OutputTransportMessageUrgentFrame
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pydantic import BaseModel

from appliance.voice.rtvi import RTVIOutbox


class Message(BaseModel):
    type: str = "bot-ready"
    data: str | None = None


async def test_a_message_is_handed_over_as_pipecat_would_send_it() -> None:
    sent: list[dict[str, Any]] = []

    class Pipecats(RTVIProcessor):
        async def push_frame(self, frame: Frame, *_more: object) -> None:
            assert isinstance(frame, OutputTransportMessageUrgentFrame)
            sent.append(frame.message)

    handed: list[dict[str, Any]] = []
    for exclude_none in (True, False):
        await Pipecats().push_transport_message(Message(), exclude_none)
        await RTVIOutbox(handed.append).push_transport_message(Message(), exclude_none)
    assert handed == sent == [{"type": "bot-ready"}, {"type": "bot-ready", "data": None}]
