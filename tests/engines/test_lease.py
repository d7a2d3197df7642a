"""Leases: an engine that hangs fails its requests in time; requests in the queue may wait."""

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from appliance.audio.format import INPUT_RATE
from appliance.engines import Priority, Ticket, Transcript, Voice
from appliance.engines.lease import OVERLOAD_FACTOR, Lease, LeasedSynthesizer, LeasedTranscriber
from appliance.engines.worker import Emit, WorkerPool
from appliance.errors import EngineFailed, EngineOverloaded, EngineStalled

STALL_SECONDS = 0.05


@dataclass
class HangingEngine:
    """Both kinds of engine, on a real thread that hangs until `go_on` is set."""

    name = "hanging"
    supports_interim = True
    is_idle = True
    voices = ("one",)
    streams = True
    workers: WorkerPool = field(default_factory=lambda: WorkerPool("hanging"))
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def stuck_seconds(self) -> float:
        return self.workers.stuck_seconds

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        await self.workers.run(self.go_on.wait, ticket=ticket)
        return Transcript("heard")

    def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        def produce(emit: Emit) -> None:
            emit(b"\1\0")
            self.go_on.wait()

        return self.workers.stream(produce, ticket)

    async def close(self) -> None:
        self.go_on.set()
        await self.workers.close()


@pytest.fixture
def engine() -> Iterator[HangingEngine]:
    made = HangingEngine()
    yield made
    made.go_on.set()


async def test_a_transcriber_that_hangs_fails_and_releases_its_lease(engine: HangingEngine) -> None:
    lease = Lease(STALL_SECONDS)
    leased = LeasedTranscriber(engine, lease)
    with pytest.raises(EngineFailed, match="hanging gives no answer"):
        await leased.transcribe(b"")
    assert not lease.in_use
    # A later request fails at once.
    with pytest.raises(EngineFailed):
        await leased.transcribe(b"")
    await engine.close()


async def test_a_synthesizer_that_hangs_after_a_chunk_fails(engine: HangingEngine) -> None:
    lease = Lease(STALL_SECONDS)
    speaking = aiter(LeasedSynthesizer(engine, lease).synthesize("", Voice()))
    with lease.hold(60.0):  # the first chunk may take as long
        assert await anext(speaking) == b"\1\0"
    with pytest.raises(EngineFailed, match="hanging gives no answer"):
        await anext(speaking)
    assert not lease.in_use
    await engine.close()


async def test_the_timeout_grows_with_all_speech_at_work(engine: HangingEngine) -> None:
    lease = Lease(STALL_SECONDS)
    leased = LeasedTranscriber(engine, lease)
    hearing = [
        asyncio.create_task(leased.transcribe(bytes(2 * INPUT_RATE * seconds)))
        for seconds in (60, 0)
    ]
    _, pending = await asyncio.wait(hearing, timeout=4 * STALL_SECONDS)
    assert len(pending) == 2
    engine.go_on.set()
    assert [(await each).text for each in hearing] == ["heard", "heard"]
    await engine.close()


async def test_a_cancelled_request_releases_the_lease(engine: HangingEngine) -> None:
    lease = Lease(STALL_SECONDS)
    hearing = asyncio.create_task(LeasedTranscriber(engine, lease).transcribe(bytes(320_000)))
    await asyncio.sleep(0)
    before = lease.in_use
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    assert (before, lease.in_use) == (True, False)
    assert lease.stall_timeout == STALL_SECONDS
    await engine.close()


async def test_a_hanging_engine_is_told_from_an_overloaded_one(engine: HangingEngine) -> None:
    with pytest.raises(EngineStalled):
        await LeasedTranscriber(engine, Lease(STALL_SECONDS)).transcribe(b"", ticket=Ticket())
    await engine.close()


class StarvedEngine(HangingEngine):
    """Has no processor until `go_on` is set: by its own account it is not stuck."""

    @property
    def stuck_seconds(self) -> float:
        return 1e-6


async def test_a_user_who_waits_is_not_left_to_an_engine_without_a_processor() -> None:
    engine = StarvedEngine()
    lease = Lease(STALL_SECONDS)
    begin = time.monotonic()
    with pytest.raises(EngineOverloaded, match="too little of the processors"):
        await LeasedTranscriber(engine, lease).transcribe(b"", ticket=Ticket())
    assert time.monotonic() - begin >= OVERLOAD_FACTOR * STALL_SECONDS
    assert not lease.in_use
    await engine.close()


@pytest.mark.parametrize("ticket", [None, Ticket(Priority.LATER), Ticket(Priority.AHEAD)])
async def test_work_that_nobody_waits_for_may_take_any_time(ticket: Ticket | None) -> None:
    engine = StarvedEngine()
    leased = LeasedTranscriber(engine, Lease(STALL_SECONDS))
    hearing = asyncio.create_task(leased.transcribe(b"", ticket=ticket))
    await asyncio.wait({hearing}, timeout=2 * OVERLOAD_FACTOR * STALL_SECONDS)
    engine.go_on.set()
    assert (await hearing).text == "heard"
    await engine.close()


async def test_the_last_engine_may_take_any_time() -> None:
    engine = StarvedEngine()
    leased = LeasedTranscriber(engine, Lease(STALL_SECONDS, math.inf))
    hearing = asyncio.create_task(leased.transcribe(b"", ticket=Ticket()))
    await asyncio.wait({hearing}, timeout=2 * OVERLOAD_FACTOR * STALL_SECONDS)
    engine.go_on.set()
    assert (await hearing).text == "heard"
    await engine.close()


async def test_a_sentence_that_has_begun_is_not_cut_off_for_slowness() -> None:
    engine = StarvedEngine()
    leased = LeasedSynthesizer(engine, Lease(STALL_SECONDS))
    speaking = aiter(leased.synthesize("", Voice(), Ticket()))
    assert await anext(speaking) == b"\1\0"
    rest = asyncio.create_task(_rest_of(speaking))
    await asyncio.wait({rest}, timeout=2 * OVERLOAD_FACTOR * STALL_SECONDS)
    engine.go_on.set()
    assert await rest == []
    await engine.close()


async def _rest_of(chunks: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in chunks]


def test_the_least_real_time_factor_counts_and_short_speech_does_not() -> None:
    lease = Lease()
    for seconds, speech in ((9.0, 0.5), (2.0, 2.0), (8.0, 4.0), (1.0, 2.0), (3.0, 2.0)):
        lease.record(Ticket(started_at=1.0), seconds, speech)
    assert lease.real_time_factor == 0.5


async def test_what_comes_from_a_cache_says_nothing_of_the_speed(engine: HangingEngine) -> None:
    lease = Lease()
    lease.record(Ticket(), 0.001, 5.0)
    before = lease.real_time_factor
    engine.go_on.set()
    speaking = LeasedSynthesizer(engine, lease).synthesize("a" * 30, Voice(), Ticket())
    assert len(await _rest_of(speaking)) == 1
    assert (before, lease.real_time_factor is not None) == (None, True)
    await engine.close()
