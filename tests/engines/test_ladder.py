"""A ladder at run time, with engines that take time and memory by the word of the test alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from appliance.engines import Synthesizer, Ticket, Transcriber, Transcript, Voice
from appliance.engines.ladder import EngineLoader, LadderContext
from appliance.engines.simulated import SimulatedSynthesizer, SimulatedTranscriber
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

    def supervisor(self) -> EngineSupervisor:
        ears = [self.ear("large", 1500), self.ear("small", 500), self.ear("starter", 0)]
        context = LadderContext(
            idle=lambda: self.idle,
            has_room=lambda size, _pool: size <= self.free,
            now=lambda: self.time,
            retry_seconds=(60.0, 300.0, 1800.0),
        )
        return EngineSupervisor(ears, VOICES, lambda: None, context)


def regained(supervisor: EngineSupervisor) -> int | None:
    return supervisor.step_up_bytes()


def in_use(supervisor: EngineSupervisor) -> bool:
    """Asked anew: it changes while the test awaits."""
    return supervisor.in_use


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what a task of the supervisor does has no event
            await asyncio.sleep(0.01)


async def _buzz() -> Synthesizer:
    return SimulatedSynthesizer(0.0)


VOICES = [EngineLoader("buzz", _buzz)]


@pytest.fixture
async def machine() -> Machine:
    return Machine()


@pytest.fixture
async def supervisor(machine: Machine) -> AsyncIterator[EngineSupervisor]:
    supervisor = machine.supervisor()
    await supervisor.load_starters()
    await supervisor.load_better()
    yield supervisor
    await supervisor.close()
    assert machine.free == 3000 * MB


def states(supervisor: EngineSupervisor) -> list[str]:
    return [slot["state"] for slot in supervisor.states()["stt"]["ladder"]]


async def test_the_next_engine_replaces_one_that_failed(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    assert supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    assert supervisor.stt.current.name == "starter"
    await supervisor.load_better()
    assert (await supervisor.stt.current.transcribe(b"")).text == "small"
    assert machine.free == 2500 * MB
    shown = supervisor.states()["stt"]
    assert (shown["name"], shown["why"]) == ("small", "large failed: the GPU is gone")
    assert shown["ladder"][0]["retry_seconds"] == 60
    assert shown["since"] >= shown["ladder"][0]["since"] > 0


async def test_who_still_uses_a_failed_engine_may_finish(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    machine.ears["large"].may_hear.clear()
    hearing = asyncio.create_task(supervisor.stt.current.transcribe(b""))
    await asyncio.sleep(0)
    assert in_use(supervisor)
    assert supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    settling = asyncio.create_task(supervisor.load_better())
    await until(lambda: supervisor.settling)
    assert machine.loaded == ["starter", "large"]
    machine.ears["large"].may_hear.set()
    assert (await hearing).text == "large"
    await settling
    assert (supervisor.stt.current.name, in_use(supervisor)) == ("small", False)


async def test_too_busy_is_no_failure(supervisor: EngineSupervisor) -> None:
    assert not supervisor.stt.report_failure(supervisor.stt.current, EngineBusy("too much asked"))
    assert supervisor.stt.current.name == "large"


async def test_the_way_back_is_longer_every_time_and_never_in_a_turn(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    for pause in (60, 300, 1800, 1800):
        assert supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
        machine.time += pause - 1
        await supervisor.load_better()
        assert supervisor.stt.current.name == "small"
        machine.time, machine.idle = machine.time + 2, False
        await supervisor.load_better()
        assert supervisor.stt.current.name == "small"
        machine.idle = True
        await supervisor.load_better()
        assert supervisor.stt.current.name == "large"
        assert supervisor.states()["stt"]["why"] == "the first choice of the plan"
    machine.time += 4000  # it has held out: the next failure is a first one again
    assert supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    assert supervisor.states()["stt"]["ladder"][0]["retry_seconds"] == 60


async def test_what_fails_again_leaves_the_smaller_one_answering(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    machine.faults["large"] = EngineFailed("still gone")
    await supervisor.load_better()
    machine.time += 61
    await supervisor.load_better()
    assert machine.loaded == ["starter", "large", "small", "large"]
    assert supervisor.stt.current.name == "small"
    assert states(supervisor) == ["failed", "ready", "ready"]
    assert supervisor.states()["stt"]["ladder"][0]["error"] == "still gone"


async def test_without_room_for_both_the_smaller_one_goes_first(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    await supervisor.load_better()
    machine.free -= 1400 * MB  # 1100 MB are left, and what small holds
    machine.time += 61
    await supervisor.load_better()
    assert supervisor.stt.current.name == "large"
    machine.free += 1400 * MB


async def test_a_lasting_want_of_memory_means_no_new_attempt(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    await supervisor.load_better()
    machine.free -= 1600 * MB
    machine.time += 61
    await supervisor.load_better()
    assert (supervisor.stt.current.name, machine.loaded[-1]) == ("small", "small")
    machine.free += 1600 * MB


async def test_missing_files_are_not_looked_for_again() -> None:
    machine = Machine(faults={"large": ModelMissing("no model there")})
    supervisor = machine.supervisor()
    await supervisor.load_starters()
    await supervisor.load_better()
    machine.time += 10_000
    await supervisor.load_better()
    assert machine.loaded == ["starter", "large", "small"]
    await supervisor.close()


async def test_want_of_memory_steps_down_and_up_again(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    assert regained(supervisor) is None
    machine.free -= 900 * MB  # somebody else takes it
    assert supervisor.step_down() == "large gives way to small"
    assert supervisor.stt.current.name == "starter"
    await supervisor.load_better()
    assert supervisor.stt.current.name == "small"
    assert supervisor.states()["stt"]["why"] == "memory is short"
    assert regained(supervisor) == 1000 * MB
    assert supervisor.step_down() == "small gives way to starter"
    await supervisor.load_better()
    assert (supervisor.stt.current.name, supervisor.step_down()) == ("starter", "")
    machine.free += 900 * MB
    for name in ("small", "large"):
        supervisor.step_up()
        await supervisor.load_better()
        assert supervisor.stt.current.name == name
    assert regained(supervisor) is None


async def test_a_smaller_one_that_does_not_fit_either_is_left_out(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    machine.free -= 2700 * MB  # 300 MB are left when large is closed
    assert supervisor.step_down() == "large gives way to small"
    await supervisor.load_better()
    assert (supervisor.stt.current.name, machine.loaded) == ("starter", ["starter", "large"])
    assert regained(supervisor) == 1500 * MB
    machine.free += 2700 * MB
    supervisor.step_up()
    await supervisor.load_better()
    assert supervisor.stt.current.name == "large"


async def test_the_tender_does_it_by_itself(machine: Machine) -> None:
    changes: list[str] = []
    tended = EngineSupervisor(
        [machine.ear("large", 1500), machine.ear("small", 500), machine.ear("starter", 0)],
        VOICES,
        lambda: changes.append(tended.states()["stt"]["name"]),
        LadderContext(idle=lambda: machine.idle, retry_seconds=(0.01,)),
    )
    await tended.load_starters()
    tending = asyncio.create_task(tended.supervise())
    tended.stt.report_failure(tended.stt.current, BROKEN)  # the last one stays, and nothing happens
    await tended.load_better()
    machine.idle = False
    assert tended.stt.report_failure(tended.stt.current, BROKEN)
    await until(lambda: "small" in machine.ears)
    assert tended.stt.current.name == "starter"  # until the answer is over
    machine.idle = True
    await until(lambda: tended.stt.current.name == "large")
    assert changes[-4:] == ["large", "starter", "small", "large"]
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    await tended.close()


async def test_a_sentence_in_progress_is_finished_by_the_voice_that_began_it() -> None:
    supervisor = Machine().supervisor()
    await supervisor.load_starters()
    speaking = aiter(supervisor.tts.current.synthesize("one two", Voice()))
    assert await anext(speaking)
    assert in_use(supervisor)
    with pytest.raises(StopAsyncIteration):
        await anext(speaking)
    assert not in_use(supervisor)
    await supervisor.close()
