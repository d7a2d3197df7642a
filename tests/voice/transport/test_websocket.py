"""A microphone is handed on to whoever listens, in order; one packet that fails is one packet."""

from typing import Any

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_transport import TransportParams

from appliance import wire
from appliance.voice.transport.input import WINDOW_BYTES
from appliance.voice.transport.send_queue import SendQueue
from appliance.voice.transport.websocket import SocketInput

PACKET = b"\1\0" * 320


class Nobody:
    """A socket and its events, of which these tests need none."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever it is asked for
        raise AssertionError(name)


class Input(SocketInput):
    """With its errors and what would go through the queues written down."""

    def __init__(self) -> None:
        nobody: Any = Nobody()
        super().__init__(nobody, SendQueue(nobody, lambda _kind: None), nobody, TransportParams())
        self.queued: list[bytes] = []
        self.errors: list[str] = []

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, InputAudioRawFrame):
            self.queued.append(frame.audio)

    async def push_error(self, error_msg: str, *_more: object, **_named: object) -> None:
        self.errors.append(error_msg)

    async def hear(self, *packets: bytes) -> None:
        for pcm in packets:
            await self._take(wire.Audio(pcm))


async def test_until_somebody_listens_audio_waits_in_the_pipeline() -> None:
    microphone, heard = Input(), []

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(frame.audio)

    await microphone.hear(PACKET, PACKET)
    microphone.heard_by(listen, crowded=lambda: False)
    await microphone.hear(PACKET, PACKET)
    assert [len(pcm) for pcm in microphone.queued] == [WINDOW_BYTES]
    assert [len(pcm) for pcm in heard] == [WINDOW_BYTES]


async def test_those_who_listen_hear_one_after_the_other() -> None:
    microphone, heard = Input(), []

    def ears(name: str) -> Any:  # noqa: ANN401  a coroutine function
        async def listen(frame: InputAudioRawFrame) -> None:
            heard.append((name, len(frame.audio)))

        return listen

    microphone.heard_by(ears("first"), ears("second"), crowded=lambda: False)
    await microphone.hear(PACKET, PACKET, PACKET, PACKET)
    assert [name for name, _ in heard] == ["first", "second"] * 2


async def test_speech_comes_packet_by_packet_but_for_a_crowd() -> None:
    microphone, heard, crowd = Input(), [], [False]

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(len(frame.audio))

    microphone.heard_by(listen, crowded=lambda: crowd[0])
    up = FrameDirection.UPSTREAM
    await microphone.process_frame(VADUserStartedSpeakingFrame(start_secs=0.1), up)
    await microphone.hear(PACKET, PACKET)
    assert heard == [len(PACKET)] * 2
    crowd[0] = True
    await microphone.hear(*[PACKET] * 8)
    assert heard[2:] == [WINDOW_BYTES] * 5
    crowd[0] = False
    await microphone.hear(PACKET)
    await microphone.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2), up)
    await microphone.hear(PACKET)
    assert len(heard) == 8


async def test_a_packet_that_cannot_be_heard_is_told_and_the_next_one_is_heard() -> None:
    microphone, heard = Input(), []

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(frame.audio)
        if len(heard) == 1:
            raise RuntimeError("the model is broken")

    microphone.heard_by(listen, crowded=lambda: False)
    await microphone.hear(*[PACKET] * 4)
    assert len(heard) == 2
    assert len(microphone.errors) == 1
    assert "the model is broken" in microphone.errors[0]
