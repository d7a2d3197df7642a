"""The send queue of a client that reads slowly, or not at all."""

import asyncio
from collections import Counter

from appliance import wire
from appliance.voice.transport.send_queue import MAX_QUEUED_AUDIO, MAX_QUEUED_MESSAGES, SendQueue

PCM = bytes(960)


class Peer:
    """A socket whose peer reads only as often as the test lets it."""

    def __init__(self) -> None:
        self.reads = asyncio.Semaphore(0)
        self.got: list[wire.Frame] = []

    async def receive(self) -> bytes | str | None:
        return None

    async def send(self, data: bytes) -> None:
        await self.reads.acquire()
        self.got.append(wire.decode(data))

    async def close(self, code: int, reason: str) -> None:
        raise AssertionError("a send queue closes nothing")

    def read(self, count: int) -> None:
        for _ in range(count):
            self.reads.release()


async def test_audio_that_is_not_read_is_dropped_and_messages_are_kept() -> None:
    peer, dropped = Peer(), Counter[str]()
    queue = SendQueue(peer, lambda what: dropped.update([what]))
    for number in range(20):
        queue.put_audio(PCM, 24_000)
        queue.put_message({"n": number})
    assert dropped == {"output": 20 - MAX_QUEUED_AUDIO}
    writing = asyncio.create_task(queue.run())
    peer.read(100)
    await queue.drain(5)
    writing.cancel()
    assert sum(isinstance(frame, wire.Audio) for frame in peer.got) == MAX_QUEUED_AUDIO
    kept = [frame.data["n"] for frame in peer.got if isinstance(frame, wire.Message)]
    assert kept == list(range(20))


async def test_room_for_audio_comes_back_as_it_is_read() -> None:
    peer, dropped = Peer(), Counter[str]()
    queue = SendQueue(peer, lambda what: dropped.update([what]))
    writing = asyncio.create_task(queue.run())
    for _ in range(50):
        queue.put_audio(PCM, 24_000)
        peer.read(1)
        await queue.drain(5)
    writing.cancel()
    assert not dropped
    assert len(peer.got) == 50


async def test_an_interruption_overtakes_audio_but_no_message() -> None:
    peer = Peer()
    queue = SendQueue(peer, lambda _: None)
    queue.put_message({"n": 1})
    queue.put_audio(PCM, 24_000)
    queue.interrupt()
    queue.put_audio(PCM, 24_000)
    writing = asyncio.create_task(queue.run())
    peer.read(100)
    await queue.drain(5)
    writing.cancel()
    assert peer.got == [wire.Message({"n": 1}), wire.Interruption(), wire.Audio(PCM, 24_000)]


async def test_a_client_that_never_reads_overflows_a_bounded_queue() -> None:
    queue = SendQueue(Peer(), lambda _: None)
    writing = asyncio.create_task(queue.run())
    for number in range(MAX_QUEUED_MESSAGES - 1):
        queue.put_message({"n": number})
    assert not queue.overflowed.is_set()
    for number in range(100):
        queue.put_message({"n": number})
    async with asyncio.timeout(5):
        await queue.overflowed.wait()
    assert len(queue._items) <= MAX_QUEUED_MESSAGES
    writing.cancel()
