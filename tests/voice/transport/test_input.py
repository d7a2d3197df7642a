"""Audio is batched without loss and delivered in order; a frame that fails is one frame."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_transport import TransportParams

from appliance import wire
from appliance.audio.format import INPUT_RATE
from appliance.voice.transport.input import (
    LONG_SILENCE_SECONDS,
    LONG_SILENCE_WINDOWS,
    WINDOW_BYTES,
    PacketBatcher,
    SocketInput,
)
from appliance.voice.transport.send_queue import SendQueue

PACKET_BYTES = 640
PACKET = b"\1\0" * (PACKET_BYTES // 2)


def test_speech_is_delivered_at_once() -> None:
    batcher = PacketBatcher()
    assert batcher.add(PACKET, at_once=False) == b""
    assert batcher.add(PACKET, at_once=True) == 2 * PACKET
    assert batcher.add(PACKET, at_once=True) == PACKET


def test_without_speech_a_window_is_delivered_when_it_is_full() -> None:
    batcher = PacketBatcher()
    pieces = [len(batcher.add(PACKET, at_once=False)) for _ in range(8)]
    assert pieces == [0, WINDOW_BYTES, 0, WINDOW_BYTES, WINDOW_BYTES, 0, WINDOW_BYTES, WINDOW_BYTES]


def test_long_silence_is_delivered_in_large_batches_until_the_first_sound() -> None:
    batcher = PacketBatcher()
    packets = int(LONG_SILENCE_SECONDS * INPUT_RATE * 2 / PACKET_BYTES)
    for _ in range(packets):
        batcher.add(bytes(PACKET_BYTES), at_once=False)
    pieces = [len(batcher.add(bytes(PACKET_BYTES), at_once=False)) for _ in range(packets)]
    assert set(pieces) == {0, LONG_SILENCE_WINDOWS * WINDOW_BYTES}
    while batcher.add(bytes(PACKET_BYTES), at_once=False):
        pass
    kept = bytes(PACKET_BYTES)
    for _ in range(2):
        assert batcher.add(bytes(PACKET_BYTES), at_once=False) == b""
        kept += bytes(PACKET_BYTES)
    delivered = batcher.add(PACKET, at_once=False)
    # All that was kept of the silence comes before it, and whole windows of both.
    assert len(delivered) % WINDOW_BYTES == 0
    assert len(delivered) > len(kept)
    assert delivered.endswith(PACKET[: len(delivered) % PACKET_BYTES or PACKET_BYTES])


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.sampled_from([0, 0, 0, 7]), st.booleans()), max_size=60
    )
)
def test_no_audio_is_lost_or_out_of_order(packets: list[tuple[int, int, bool]]) -> None:
    batcher, received, delivered = PacketBatcher(), b"", b""
    for samples, value, speaking in packets:
        pcm = bytes([value, 0]) * samples * 10
        received += pcm
        delivered += batcher.add(pcm, at_once=speaking)
        assert received.startswith(delivered)
        assert len(received) - len(delivered) < LONG_SILENCE_WINDOWS * WINDOW_BYTES
    assert delivered + batcher.add(b"", at_once=True) == received


class Unused:
    """A socket and callbacks of which these tests reach only what a recording hears."""

    def __init__(self) -> None:
        self.recorded: list[bytes] = []

    def heard(self, pcm: bytes) -> None:
        self.recorded.append(pcm)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any attribute
        raise AssertionError(name)


class RecordedInput(SocketInput):
    """Notes its errors and the frames that it pushes."""

    def __init__(self) -> None:
        unused: Any = Unused()
        super().__init__(unused, SendQueue(unused, lambda _kind: None), unused, TransportParams())
        self.pushed: list[bytes] = []
        self.errors: list[str] = []

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, InputAudioRawFrame):
            self.pushed.append(frame.audio)

    async def push_error(self, error_msg: str, *_more: object, **_named: object) -> None:
        self.errors.append(error_msg)

    async def hear(self, *packets: bytes) -> None:
        for pcm in packets:
            await self._process(wire.Audio(pcm))


async def test_without_listeners_audio_is_pushed_into_the_pipeline() -> None:
    transport, heard = RecordedInput(), []

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(frame.audio)

    await transport.hear(PACKET, PACKET)
    transport.deliver_to(listen, crowded=lambda: False)
    transport.begin_delivery()
    await transport.hear(PACKET, PACKET)
    assert [len(pcm) for pcm in transport.pushed] == [WINDOW_BYTES]
    assert [len(pcm) for pcm in heard] == [WINDOW_BYTES]


async def test_audio_that_comes_before_the_pipeline_runs_keeps_its_place() -> None:
    transport, heard = RecordedInput(), []

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(frame.audio)

    transport.deliver_to(listen, crowded=lambda: False)
    packets = [bytes([number]) * WINDOW_BYTES for number in range(1, 5)]
    hearing = asyncio.create_task(transport.hear(*packets))
    await asyncio.sleep(0)
    assert heard == transport.pushed == []
    transport.begin_delivery()
    await hearing
    assert heard == packets
    assert transport.pushed == []


async def test_listeners_are_called_one_after_the_other() -> None:
    transport, heard = RecordedInput(), []

    def listener(name: str) -> Any:  # noqa: ANN401  a coroutine function
        async def listen(frame: InputAudioRawFrame) -> None:
            heard.append((name, len(frame.audio)))

        return listen

    transport.deliver_to(listener("first"), listener("second"), crowded=lambda: False)
    transport.begin_delivery()
    await transport.hear(PACKET, PACKET, PACKET, PACKET)
    assert [name for name, _ in heard] == ["first", "second"] * 2


async def test_speech_is_delivered_packet_by_packet_unless_many_speak() -> None:
    transport, heard, crowd = RecordedInput(), [], [False]

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(len(frame.audio))

    transport.deliver_to(listen, crowded=lambda: crowd[0])
    transport.begin_delivery()
    up = FrameDirection.UPSTREAM
    await transport.process_frame(VADUserStartedSpeakingFrame(start_secs=0.1), up)
    await transport.hear(PACKET, PACKET)
    assert heard == [len(PACKET)] * 2
    crowd[0] = True
    await transport.hear(*[PACKET] * 8)
    assert heard[2:] == [WINDOW_BYTES] * 5
    crowd[0] = False
    await transport.hear(PACKET)
    await transport.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2), up)
    await transport.hear(PACKET)
    assert len(heard) == 8


async def test_a_listener_that_fails_is_reported_and_the_next_frame_is_delivered() -> None:
    transport, heard = RecordedInput(), []

    async def listen(frame: InputAudioRawFrame) -> None:
        heard.append(frame.audio)
        if len(heard) == 1:
            raise RuntimeError("the model is broken")

    transport.deliver_to(listen, crowded=lambda: False)
    transport.begin_delivery()
    await transport.hear(*[PACKET] * 4)
    assert len(heard) == 2
    assert len(transport.errors) == 1
    assert "the model is broken" in transport.errors[0]
