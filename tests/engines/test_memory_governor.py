"""The memory governor, with real engines, on a machine whose files say how much is free."""

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.config import loader
from appliance.engines.factory import synthesizer_loaders, transcriber_loaders
from appliance.engines.memory_governor import GovernorMetrics, MemoryGovernor
from appliance.engines.slot import LadderContext
from appliance.engines.supervisor import EngineSupervisor
from appliance.hardware import planner
from appliance.hardware.memory_pressure import MemoryPool, PressureLevel, has_room, read_pools
from tests.daemon import MICRO_MODELS, command
from tests.engines.conftest import GRAMMAR
from tests.hardware.boards import meminfo, write

# Real engines are loaded for every test: seconds each.
pytestmark = pytest.mark.slow


@dataclass
class Machine:
    """A machine below `root` with the engines of a plan and their governor."""

    root: Path
    time: float = 0.0
    idle: bool = True
    notices: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.available(5_000)
        chosen = loader.load([], MICRO_MODELS)
        plan = planner.plan_for(chosen)
        self.supervisor = EngineSupervisor(
            transcriber_loaders(plan, chosen, GRAMMAR),
            synthesizer_loaders(plan, chosen),
            lambda: self.notices.append("another engine answers"),
            LadderContext(idle=lambda: self.idle, has_room=self._has_room),
        )
        self.governor = MemoryGovernor(
            lambda: read_pools(self.root, tuple),
            lambda: self.supervisor,
            lambda: self.idle,
            GovernorMetrics(
                lambda _available, level: self.notices.append(level), self.notices.append
            ),
            lambda: self.time,
        )

    def _has_room(self, size: int, pool: MemoryPool) -> bool:
        return has_room(size, pool, self.root, tuple)

    def available(self, megabytes: int) -> None:
        write(self.root, "proc/meminfo", meminfo(8_000_000, megabytes * 1000))

    async def rounds(self, count: int) -> None:
        """Takes `count` readings, and the steps that they call for."""
        for _ in range(count):
            self.time += 2
            self.governor.observe(read_pools(self.root, tuple))
            if self.supervisor.settling:
                await self.supervisor.load_better()

    @property
    def names(self) -> tuple[str, str]:
        return self.supervisor.stt.current.name, self.supervisor.tts.current.name


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = await asyncio.to_thread(Machine, tmp_path)
    await machine.supervisor.load_starters()
    await machine.supervisor.load_better()
    machine.notices.clear()
    yield machine
    await machine.supervisor.close()


async def test_down_to_the_starters_and_up_again(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    whisper, kokoro = machine.names
    machine.available(300)  # tight; the larger of the two goes first
    await machine.rounds(2)
    assert machine.names == (whisper, kokoro)
    await machine.rounds(1)
    assert machine.names == (whisper, "espeak")
    assert machine.governor.state() == {
        "available": 300_000 * 1024,
        "state": "tight",
        "action": "memory is short: kokoro kokoro-micro cpu gives way to espeak",
    }
    await machine.rounds(3)
    assert machine.names == ("sphinx", "espeak")
    heard = await machine.supervisor.stt.current.transcribe(command("what_time_is_it"))
    assert heard.text
    assert {"down", "another engine answers", PressureLevel.TIGHT} <= set(machine.notices)
    assert "memory of the machine: tight, 307 MB available" in caplog.text
    await machine.rounds(10)  # there is nothing left to give up
    machine.available(5_000)
    await machine.rounds(92)
    assert machine.names == (whisper, "espeak")
    await machine.rounds(92)
    assert machine.names == (whisper, kokoro)
    assert machine.governor.state()["state"] == "ok"
    assert machine.notices.count("up") == machine.notices.count("down") == 2


async def test_turns_are_disturbed_only_by_a_critical_lack(machine: Machine) -> None:
    before, machine.idle = machine.names, False
    machine.available(300)
    await machine.rounds(20)
    assert machine.names == before
    machine.available(50)
    await machine.rounds(5)
    assert machine.names == before
    machine.time += 2
    machine.governor.observe(read_pools(machine.root, tuple))
    assert "espeak" in machine.names
    machine.idle = True


async def test_unknown_memory_changes_nothing(machine: Machine) -> None:
    before = machine.names
    write(machine.root, "proc/meminfo", "")
    await machine.rounds(10)
    assert machine.names == before


async def test_replaced_engines_are_freed(machine: Machine) -> None:
    sessions: list[weakref.ref[Any]] = []
    for lease in (machine.supervisor.stt.current, machine.supervisor.tts.current):
        engine: Any = lease
        inner = getattr(engine._engine, "_main", engine._engine)  # Kokoro with its substitutes
        sessions.append(weakref.ref(inner))
        held = inner._loaded.renderer if hasattr(inner, "_loaded") else inner._decoder
        sessions.append(weakref.ref(held))
    del lease, engine, inner, held
    gc.disable()  # references must end without it
    try:
        machine.available(300)
        await machine.rounds(6)
    finally:
        gc.enable()
    assert machine.names == ("sphinx", "espeak")
    assert [session() for session in sessions] == [None] * 4
