"""A ladder at run time, with engines that take time and memory by the word of the test alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from appliance.engines import Synthesizer, Ticket, Transcriber, Transcript, Voice
from appliance.engines.ladder import LadderContext
from appliance.engines.simulated import SimulatedSynthesizer, SimulatedTranscriber
from appliance.engines.slot import EngineLoader
from appliance.engines.supervisor import EngineSupervisor
from appliance.errors import EngineBusy, EngineError, EngineFailed, ModelMissing

MB = 10**6
BROKEN = EngineFailed("the GPU is gone")


class Ear(SimulatedTranscriber):
    """Takes memory of the machine until it is closed; hears when it is let."""

    def __init__(self, name: str, machine: "Machine", memory: int) -> None:
        super().__init__(0.0)
        self.name = name
        self.machine, self.memory = machine, memory
        self.may_hear = asyncio.Event()
        self.may_hear.set()
        machine.free -= memory

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        await self.may_hear.wait()
        assert self.memory, "heard after it was closed"
        return Transcript(self.name)

    async def close(self) -> None:
        self.machine.free += self.memory
        self.memory = 0


@dataclass
class Machine:
    """What the ladder looks at: memory, a clock, and whether anybody is in a turn."""

    free: int = 3000 * MB
    time: float = 0.0
    idle: bool = True
    faults: dict[str, EngineError] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)
    ears: dict[str, Ear] = field(default_factory=dict)

    def ear(self, name: str, memory: int) -> EngineLoader[Transcriber]:
        async def load() -> Transcriber:
            self.loaded.append(name)
            if name in self.faults:
                raise self.faults[name]
            self.ears[name] = Ear(name, self, memory * MB)
            return self.ears[name]

        return EngineLoader(name, load, memory * MB)

    def roster(self) -> EngineSupervisor:
        ears = [self.ear("large", 1500), self.ear("small", 500), self.ear("starter", 0)]
        around = LadderContext(
            idle=lambda: self.idle,
            room=lambda size, _card: size <= self.free,
            now=lambda: self.time,
            pauses=(60.0, 300.0, 1800.0),
        )
        return EngineSupervisor(ears, VOICES, lambda: None, around)


def regained(roster: EngineSupervisor) -> int | None:
    return roster.regained_by_step_up()


def in_use(roster: EngineSupervisor) -> bool:
    """Asked anew: it changes while the test awaits."""
    return roster.in_use


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what a task of the roster does has no event
            await asyncio.sleep(0.01)


async def _buzz() -> Synthesizer:
    return SimulatedSynthesizer(0.0)


VOICES = [EngineLoader("buzz", _buzz)]


@pytest.fixture
async def machine() -> Machine:
    return Machine()


@pytest.fixture
async def roster(machine: Machine) -> AsyncIterator[EngineSupervisor]:
    roster = machine.roster()
    await roster.load_starters()
    await roster.load_better()
    yield roster
    await roster.close()
    assert machine.free == 3000 * MB


def states(roster: EngineSupervisor) -> list[str]:
    return [rung["state"] for rung in roster.states()["stt"]["ladder"]]


async def test_the_next_rung_takes_the_place_of_one_that_failed(
    machine: Machine, roster: EngineSupervisor
) -> None:
    assert roster.failed(roster.transcriber, BROKEN)
    assert roster.transcriber.name == "starter"
    await roster.load_better()
    assert (await roster.transcriber.transcribe(b"")).text == "small"
    assert machine.free == 2500 * MB
    shown = roster.states()["stt"]
    assert (shown["name"], shown["why"]) == ("small", "large failed: the GPU is gone")
    assert shown["ladder"][0]["retry_seconds"] == 60
    assert shown["since"] >= shown["ladder"][0]["since"] > 0


async def test_who_still_uses_a_failed_engine_may_finish(
    machine: Machine, roster: EngineSupervisor
) -> None:
    machine.ears["large"].may_hear.clear()
    hearing = asyncio.create_task(roster.transcriber.transcribe(b""))
    await asyncio.sleep(0)
    assert in_use(roster)
    assert roster.failed(roster.transcriber, BROKEN)
    settling = asyncio.create_task(roster.load_better())
    await until(lambda: roster.settling)
    assert machine.loaded == ["starter", "large"]
    machine.ears["large"].may_hear.set()
    assert (await hearing).text == "large"
    await settling
    assert (roster.transcriber.name, in_use(roster)) == ("small", False)


async def test_too_busy_is_no_failure(roster: EngineSupervisor) -> None:
    assert not roster.failed(roster.transcriber, EngineBusy("too much asked"))
    assert roster.transcriber.name == "large"


async def test_the_way_back_is_longer_every_time_and_never_in_a_turn(
    machine: Machine, roster: EngineSupervisor
) -> None:
    for pause in (60, 300, 1800, 1800):
        assert roster.failed(roster.transcriber, BROKEN)
        machine.time += pause - 1
        await roster.load_better()
        assert roster.transcriber.name == "small"
        machine.time, machine.idle = machine.time + 2, False
        await roster.load_better()
        assert roster.transcriber.name == "small"
        machine.idle = True
        await roster.load_better()
        assert roster.transcriber.name == "large"
        assert roster.states()["stt"]["why"] == "the first choice of the plan"
    machine.time += 4000  # it has held out: the next failure is a first one again
    assert roster.failed(roster.transcriber, BROKEN)
    assert roster.states()["stt"]["ladder"][0]["retry_seconds"] == 60


async def test_what_fails_again_leaves_the_smaller_one_answering(
    machine: Machine, roster: EngineSupervisor
) -> None:
    roster.failed(roster.transcriber, BROKEN)
    machine.faults["large"] = EngineFailed("still gone")
    await roster.load_better()
    machine.time += 61
    await roster.load_better()
    assert machine.loaded == ["starter", "large", "small", "large"]
    assert roster.transcriber.name == "small"
    assert states(roster) == ["failed", "ready", "ready"]
    assert roster.states()["stt"]["ladder"][0]["error"] == "still gone"


async def test_without_room_for_both_the_smaller_one_goes_first(
    machine: Machine, roster: EngineSupervisor
) -> None:
    roster.failed(roster.transcriber, BROKEN)
    await roster.load_better()
    machine.free -= 1400 * MB  # 1100 MB are left, and what small holds
    machine.time += 61
    await roster.load_better()
    assert roster.transcriber.name == "large"
    machine.free += 1400 * MB


async def test_a_lasting_want_of_memory_means_no_new_attempt(
    machine: Machine, roster: EngineSupervisor
) -> None:
    roster.failed(roster.transcriber, BROKEN)
    await roster.load_better()
    machine.free -= 1600 * MB
    machine.time += 61
    await roster.load_better()
    assert (roster.transcriber.name, machine.loaded[-1]) == ("small", "small")
    machine.free += 1600 * MB


async def test_missing_files_are_not_looked_for_again() -> None:
    machine = Machine(faults={"large": ModelMissing("no model there")})
    roster = machine.roster()
    await roster.load_starters()
    await roster.load_better()
    machine.time += 10_000
    await roster.load_better()
    assert machine.loaded == ["starter", "large", "small"]
    await roster.close()


async def test_want_of_memory_steps_down_and_up_again(
    machine: Machine, roster: EngineSupervisor
) -> None:
    assert regained(roster) is None
    machine.free -= 900 * MB  # somebody else takes it
    assert roster.step_down() == "large gives way to small"
    assert roster.transcriber.name == "starter"
    await roster.load_better()
    assert roster.transcriber.name == "small"
    assert roster.states()["stt"]["why"] == "memory is short"
    assert regained(roster) == 1000 * MB
    assert roster.step_down() == "small gives way to starter"
    await roster.load_better()
    assert (roster.transcriber.name, roster.step_down()) == ("starter", "")
    machine.free += 900 * MB
    for name in ("small", "large"):
        roster.step_up()
        await roster.load_better()
        assert roster.transcriber.name == name
    assert regained(roster) is None


async def test_a_smaller_one_that_does_not_fit_either_is_left_out(
    machine: Machine, roster: EngineSupervisor
) -> None:
    machine.free -= 2700 * MB  # 300 MB are left when large is closed
    assert roster.step_down() == "large gives way to small"
    await roster.load_better()
    assert (roster.transcriber.name, machine.loaded) == ("starter", ["starter", "large"])
    assert regained(roster) == 1500 * MB
    machine.free += 2700 * MB
    roster.step_up()
    await roster.load_better()
    assert roster.transcriber.name == "large"


async def test_the_tender_does_it_by_itself(machine: Machine) -> None:
    changes: list[str] = []
    tended = EngineSupervisor(
        [machine.ear("large", 1500), machine.ear("small", 500), machine.ear("starter", 0)],
        VOICES,
        lambda: changes.append(tended.states()["stt"]["name"]),
        LadderContext(idle=lambda: machine.idle, pauses=(0.01,)),
    )
    await tended.load_starters()
    tending = asyncio.create_task(tended.tend())
    tended.failed(tended.transcriber, BROKEN)  # the last one stays, and nothing happens
    await tended.load_better()
    machine.idle = False
    assert tended.failed(tended.transcriber, BROKEN)
    await until(lambda: "small" in machine.ears)
    assert tended.transcriber.name == "starter"  # until the answer is over
    machine.idle = True
    await until(lambda: tended.transcriber.name == "large")
    assert changes[-4:] == ["large", "starter", "small", "large"]
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    await tended.close()


async def test_a_sentence_in_progress_is_finished_by_the_voice_that_began_it() -> None:
    roster = Machine().roster()
    await roster.load_starters()
    speaking = aiter(roster.synthesizer.synthesize("one two", Voice()))
    assert await anext(speaking)
    assert in_use(roster)
    with pytest.raises(StopAsyncIteration):
        await anext(speaking)
    assert not in_use(roster)
    await roster.close()
