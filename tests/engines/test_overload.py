"""Engines on processors that others keep busy: slow, and neither thrown out nor loaded again."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.engines import Ticket, Transcriber, Transcript
from appliance.engines.ladder import with_failover
from appliance.engines.simulated import SimulatedSynthesizer, SimulatedTranscriber
from appliance.engines.slot import EngineLoader, LadderContext
from appliance.engines.supervisor import EngineSupervisor
from appliance.engines.worker import WorkerPool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no measures"),
]

CORES = os.cpu_count() or 1
BURST_SECONDS = 8.0
STALL_SECONDS = 0.4
WORK_SECONDS = 0.2
"""Processor time of a request: several times STALL_SECONDS of the wall clock under such a load."""


class ComputingTranscriber(SimulatedTranscriber):
    """Computes for WORK_SECONDS of processor time, beyond Python's lock as real engines do."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.name = "computing"
        self.workers = WorkerPool("computing")

    @property
    def stuck_seconds(self) -> float:  # type: ignore[override]  # a constant of the base class
        return self.workers.stuck_seconds

    def _compute(self) -> Transcript:
        # The library's thread, which Python does not know, has the work; hashing needs no lock.
        import hashlib

        block, end = bytes(1 << 20), time.thread_time() + WORK_SECONDS
        while time.thread_time() < end:
            hashlib.sha256(block).digest()
        return Transcript("computed")

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        return await self.workers.run(self._compute, ticket=ticket)

    async def close(self) -> None:
        await self.workers.close()


class HangingTranscriber(ComputingTranscriber):
    """Hangs from its first request on."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "hanging"
        self.go_on = threading.Event()

    def _compute(self) -> Transcript:
        self.go_on.wait()
        return Transcript("")

    async def close(self) -> None:
        self.go_on.set()
        await super().close()


@contextmanager
def busy_processors(count: int) -> Iterator[None]:
    """Runs processes that compute and nothing else, for BURST_SECONDS at most."""
    code = (
        f"import time; end = time.monotonic() + {BURST_SECONDS}\nwhile time.monotonic() < end: pass"
    )
    burning = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


async def loaded(engine: type[ComputingTranscriber], loads: list[str]) -> EngineSupervisor:
    async def load() -> Transcriber:
        made = engine()
        loads.append(made.name)
        return made

    async def starter() -> Transcriber:
        return SimulatedTranscriber(0.0)

    async def voice() -> SimulatedSynthesizer:
        return SimulatedSynthesizer(0.0)

    supervisor = EngineSupervisor(
        [EngineLoader("engine", load), EngineLoader("starter", starter)],
        [EngineLoader("voice", voice)],
        lambda: None,
        LadderContext(stall_seconds=STALL_SECONDS, retry_seconds=(1000.0,)),
    )
    await supervisor.load_starters()
    await supervisor.load_better()
    return supervisor


async def test_a_slow_engine_on_busy_processors_is_not_thrown_out() -> None:
    loads: list[str] = []
    supervisor = await loaded(ComputingTranscriber, loads)
    end = time.monotonic() + BURST_SECONDS - 1.0
    longest, texts = 0.0, []
    with busy_processors(2 * CORES):
        while time.monotonic() < end:
            begin = time.monotonic()
            # Three at a time: two of them wait in the queue as well.
            asked = [
                with_failover(supervisor.stt, lambda engine: engine.transcribe(bytes(16_000)))
                for _ in range(3)
            ]
            texts += [transcript.text for transcript in await asyncio.gather(*asked)]
            longest = max(longest, time.monotonic() - begin)
            await supervisor.load_better()
    assert set(texts) == {"computed"}
    assert longest > 2 * STALL_SECONDS, "the processors were not busy"
    assert loads == ["computing"]
    assert supervisor.states()["stt"]["ladder"][0]["state"] == "ready"
    await supervisor.close()


async def test_an_overloaded_engine_rests_and_answers_again_without_being_loaded() -> None:
    """Everybody is answered: by the starter engine, where the good one takes far too long."""
    loads: list[str] = []
    supervisor = await loaded(ComputingTranscriber, loads)
    end = time.monotonic() + BURST_SECONDS - 1.0
    with busy_processors(6 * CORES):
        while time.monotonic() < end:
            answer = await with_failover(
                supervisor.stt, lambda engine: engine.transcribe(b"", ticket=Ticket())
            )
            assert answer.text
            await supervisor.load_better()
            await asyncio.sleep(0.05)
            assert supervisor.states()["stt"]["ladder"][0]["state"] in ("ready", "resting")
    assert loads == ["computing"]
    await supervisor.close()


async def test_an_engine_that_hangs_is_found_out_on_busy_processors() -> None:
    supervisor = await loaded(HangingTranscriber, [])
    with busy_processors(2 * CORES):
        begin = time.monotonic()
        answer = await with_failover(supervisor.stt, lambda engine: engine.transcribe(b""))
        assert time.monotonic() - begin < 5 * STALL_SECONDS + 2.0
    assert answer.text == "why is the sea salty"
    assert supervisor.states()["stt"]["ladder"][0]["state"] == "failed"
    await supervisor.close()
