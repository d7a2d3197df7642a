"""Ladders at run time, with engines whose time and memory the test controls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest

from appliance.engines import Synthesizer, Ticket, Transcriber, Transcript, Voice
from appliance.engines.ladder import with_failover
from appliance.engines.simulated import (
    SIMULATED_TRANSCRIPT,
    SimulatedSynthesizer,
    SimulatedTranscriber,
)
from appliance.engines.slot import EngineLoader, LadderContext
from appliance.engines.supervisor import EngineSupervisor
from appliance.errors import (
    EngineBusy,
    EngineError,
    EngineFailed,
    EngineOverloaded,
    EngineStalled,
    ModelMissing,
)

MB = 10**6
BROKEN = EngineFailed("the GPU is gone")
OVERLOADED = EngineOverloaded("large is far too slow")
STALLED = EngineStalled("no answer")


class MemoryTranscriber(SimulatedTranscriber):
    """Takes memory of the machine until it is closed; transcribes while `may_answer` is set."""

    def __init__(self, name: str, machine: "Machine", memory: int) -> None:
        super().__init__(0.0)
        self.name = name
        self.machine, self.memory = machine, memory
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        machine.free -= memory

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        await self.may_answer.wait()
        assert self.memory, "used after it was closed"
        return Transcript(self.name)

    async def close(self) -> None:
        self.machine.free += self.memory
        self.memory = 0


@dataclass
class Machine:
    """What the ladder depends on: memory, a clock, and whether a user is in a turn."""

    free: int = 3000 * MB
    time: float = 0.0
    idle: bool = True
    contended: bool = False
    faults: dict[str, EngineError] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)
    transcribers: dict[str, MemoryTranscriber] = field(default_factory=dict)

    def transcriber(self, name: str, memory: int) -> EngineLoader[Transcriber]:
        async def load() -> Transcriber:
            self.loaded.append(name)
            if name in self.faults:
                raise self.faults[name]
            self.transcribers[name] = MemoryTranscriber(name, self, memory * MB)
            return self.transcribers[name]

        return EngineLoader(name, load, memory * MB)

    def supervisor(self) -> EngineSupervisor:
        loaders = [
            self.transcriber("large", 1500),
            self.transcriber("small", 500),
            self.transcriber("starter", 0),
        ]
        context = LadderContext(
            idle=lambda: self.idle,
            has_room=lambda size, _pool: size <= self.free,
            contended=lambda: self.contended,
            now=lambda: self.time,
            retry_seconds=(60.0, 300.0, 1800.0),
        )
        return EngineSupervisor(loaders, VOICES, lambda: None, context)

    def loaders(self, *names: str) -> list[EngineLoader[Transcriber]]:
        return [self.transcriber(name, MEMORY[name]) for name in names]


MEMORY = {"large": 1500, "medium": 900, "small": 500, "starter": 0}


def regained(supervisor: EngineSupervisor) -> int | None:
    return supervisor.step_up_bytes()


def in_use(supervisor: EngineSupervisor) -> bool:
    """A function, as the value changes while the test awaits."""
    return supervisor.in_use


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  the supervisor's task sets no event
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


async def test_requests_under_way_on_a_failed_engine_may_finish(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    machine.transcribers["large"].may_answer.clear()
    transcribing = asyncio.create_task(supervisor.stt.current.transcribe(b""))
    await asyncio.sleep(0)
    assert in_use(supervisor)
    assert supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    settling = asyncio.create_task(supervisor.load_better())
    await until(lambda: supervisor.settling)
    assert machine.loaded == ["starter", "large"]
    machine.transcribers["large"].may_answer.set()
    assert (await transcribing).text == "large"
    await settling
    assert (supervisor.stt.current.name, in_use(supervisor)) == ("small", False)


async def test_a_busy_engine_has_not_failed(supervisor: EngineSupervisor) -> None:
    assert not supervisor.stt.report_failure(supervisor.stt.current, EngineBusy("too much asked"))
    assert supervisor.stt.current.name == "large"


async def test_pauses_grow_and_no_attempt_is_made_during_a_turn(
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
    machine.time += 4000  # stable since: the next failure counts as the first
    assert supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    assert supervisor.states()["stt"]["ladder"][0]["retry_seconds"] == 60


async def test_a_failed_attempt_leaves_the_smaller_engine_in_place(
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


async def test_without_room_for_both_the_smaller_engine_is_closed_first(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    await supervisor.load_better()
    machine.free -= 1400 * MB  # 1100 MB are left, and what small holds
    machine.time += 61
    await supervisor.load_better()
    assert supervisor.stt.current.name == "large"
    machine.free += 1400 * MB


async def test_without_memory_no_attempt_is_made(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    supervisor.stt.report_failure(supervisor.stt.current, BROKEN)
    await supervisor.load_better()
    machine.free -= 1600 * MB
    machine.time += 61
    await supervisor.load_better()
    assert (supervisor.stt.current.name, machine.loaded[-1]) == ("small", "small")
    machine.free += 1600 * MB


async def test_missing_files_are_permanent_failures() -> None:
    machine = Machine(faults={"large": ModelMissing("no model there")})
    supervisor = machine.supervisor()
    await supervisor.load_starters()
    await supervisor.load_better()
    machine.time += 10_000
    await supervisor.load_better()
    assert machine.loaded == ["starter", "large", "small"]
    await supervisor.close()


async def test_lack_of_memory_steps_down_and_up_again(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    assert regained(supervisor) is None
    machine.free -= 900 * MB  # another program takes it
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


async def test_a_smaller_engine_that_does_not_fit_is_passed_over(
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


async def test_the_supervisor_replaces_engines_by_itself(machine: Machine) -> None:
    changes: list[str] = []
    engines = EngineSupervisor(
        [
            machine.transcriber("large", 1500),
            machine.transcriber("small", 500),
            machine.transcriber("starter", 0),
        ],
        VOICES,
        lambda: changes.append(engines.states()["stt"]["name"]),
        LadderContext(idle=lambda: machine.idle, retry_seconds=(0.01,)),
    )
    await engines.load_starters()
    supervising = asyncio.create_task(engines.supervise())
    engines.stt.report_failure(
        engines.stt.current, BROKEN
    )  # the last one stays, and nothing happens
    await engines.load_better()
    machine.idle = False
    assert engines.stt.report_failure(engines.stt.current, BROKEN)
    await until(lambda: "small" in machine.transcribers)
    assert engines.stt.current.name == "starter"  # until the answer is over
    machine.idle = True
    await until(lambda: engines.stt.current.name == "large")
    assert changes[-4:] == ["large", "starter", "small", "large"]
    supervising.cancel()
    await asyncio.gather(supervising, return_exceptions=True)
    await engines.close()


async def test_an_engine_is_in_use_until_its_stream_ends() -> None:
    supervisor = Machine().supervisor()
    await supervisor.load_starters()
    speaking = aiter(supervisor.tts.current.synthesize("one two", Voice()))
    assert await anext(speaking)
    assert in_use(supervisor)
    with pytest.raises(StopAsyncIteration):
        await anext(speaking)
    assert not in_use(supervisor)
    await supervisor.close()


class Failing(SimulatedTranscriber):
    """Fails at every request."""

    error: EngineError = BROKEN

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        raise self.error


class EngineSequence:
    """An EngineProvider: engines one after the other, and the failures reported of them."""

    def __init__(self, *engines: SimulatedTranscriber) -> None:
        self.engines = list(engines)
        self.reported: list[SimulatedTranscriber] = []

    @property
    def current(self) -> SimulatedTranscriber:
        return self.engines[0]

    def report_failure(self, engine: SimulatedTranscriber, error: EngineError) -> bool:
        self.reported.append(engine)
        if len(self.engines) > 1:
            self.engines.pop(0)
            return True
        return False


async def _transcribe(engine: SimulatedTranscriber) -> str:
    return (await engine.transcribe(b"")).text


async def test_failover_tries_one_engine_after_the_other() -> None:
    first, second, third = Failing(0.0), Failing(0.0), SimulatedTranscriber(0.0)
    engines = EngineSequence(first, second, third)
    assert await with_failover(engines, _transcribe) == SIMULATED_TRANSCRIPT
    assert engines.reported == [first, second]


async def test_failover_raises_the_error_of_an_engine_without_replacement() -> None:
    engines = EngineSequence(Failing(0.0), Failing(0.0))
    last = engines.engines[1]
    with pytest.raises(EngineFailed, match="the GPU is gone"):
        await with_failover(engines, _transcribe)
    assert engines.reported[-1] is last


async def test_failover_leaves_a_busy_engine_in_place(supervisor: EngineSupervisor) -> None:
    async def busy(_engine: Transcriber) -> str:
        raise EngineBusy("too much asked")

    with pytest.raises(EngineBusy):
        await with_failover(supervisor.stt, busy)


async def test_another_plan_takes_over_and_what_is_in_both_stays(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    await supervisor.replace_loaders(machine.loaders("small", "starter"), VOICES)
    assert supervisor.stt.current.name == "starter"
    await supervisor.load_better()
    assert supervisor.stt.current.name == "small"
    small = supervisor.stt.current
    await supervisor.replace_loaders(machine.loaders("medium", "small", "starter"), VOICES)
    assert supervisor.stt.current is small  # it answers while the better one loads
    assert supervisor.ready
    await supervisor.load_better()
    assert supervisor.stt.current.name == "medium"
    assert machine.loaded == ["starter", "large", "small", "medium"]
    assert machine.free == 2100 * MB


async def test_a_failed_engine_of_another_plan_is_tried_again(machine: Machine) -> None:
    machine.faults["large"] = ModelMissing("no such directory")
    supervisor = machine.supervisor()
    await supervisor.load_starters()
    await supervisor.load_better()
    assert supervisor.stt.current.name == "small"
    machine.faults.clear()
    await supervisor.replace_loaders(machine.loaders("large", "small", "starter"), VOICES)
    await supervisor.load_better()
    assert supervisor.stt.current.name == "large"
    await supervisor.close()


async def test_an_answer_under_way_ends_with_the_engine_that_another_plan_drops(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    large = machine.transcribers["large"]
    large.may_answer.clear()
    answer = asyncio.create_task(supervisor.stt.current.transcribe(b""))
    await until(lambda: in_use(supervisor))
    await supervisor.replace_loaders(machine.loaders("small", "starter"), VOICES)
    assert supervisor.stt.current.name == "starter"  # for whoever asks meanwhile
    loading = asyncio.create_task(supervisor.load_better())
    await asyncio.sleep(0.05)
    large.may_answer.set()
    assert (await answer).text == "large"
    await loading
    assert supervisor.stt.current.name == "small"
    assert machine.free == 2500 * MB


async def test_another_plan_takes_over_between_turns(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    await supervisor.replace_loaders(machine.loaders("small", "starter"), VOICES)
    machine.idle = False
    loading = asyncio.create_task(supervisor.load_better())
    await until(lambda: "small" in machine.transcribers)
    await asyncio.sleep(0.05)
    assert supervisor.stt.current.name == "starter"
    machine.idle = True
    await loading
    assert supervisor.stt.current.name == "small"


async def test_another_plan_forgets_steps_down(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    assert supervisor.step_down()
    assert regained(supervisor) is not None
    await supervisor.replace_loaders(machine.loaders("large", "small", "starter"), VOICES)
    assert regained(supervisor) is None
    await supervisor.load_better()
    assert supervisor.stt.current.name == "large"


async def test_an_overloaded_engine_rests_and_nothing_is_loaded(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    machine.contended = True
    assert supervisor.stt.report_failure(supervisor.stt.current, OVERLOADED)
    await supervisor.load_better()
    assert supervisor.stt.current.name == "starter"
    assert machine.loaded == ["starter", "large"]
    shown = supervisor.states()["stt"]
    assert shown["why"] == "the processors are overloaded; large rests"
    assert states(supervisor) == ["resting", "waiting", "ready"]
    assert shown["ladder"][0]["retry_seconds"] == 10
    machine.time += 30
    await supervisor.load_better()
    assert supervisor.stt.current.name == "starter"  # the processors are still contended
    machine.contended, machine.idle = False, False
    await supervisor.load_better()
    assert supervisor.stt.current.name == "starter"  # somebody is in a turn
    machine.idle = True
    await supervisor.load_better()
    assert (await supervisor.stt.current.transcribe(b"")).text == "large"
    assert machine.loaded == ["starter", "large"]
    assert states(supervisor) == ["ready", "waiting", "ready"]


async def test_an_overloaded_engine_is_tried_in_the_end_on_processors_that_are_never_free(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    machine.contended = True
    assert supervisor.stt.report_failure(supervisor.stt.current, OVERLOADED)
    machine.time += 10 + 60
    await supervisor.load_better()
    assert supervisor.stt.current.name == "large"
    assert supervisor.stt.report_failure(supervisor.stt.current, OVERLOADED)
    assert supervisor.states()["stt"]["ladder"][0]["retry_seconds"] == 20


async def test_the_overload_of_an_engine_that_another_session_left_changes_nothing(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    large = supervisor.stt.current
    assert supervisor.stt.report_failure(large, OVERLOADED)
    assert supervisor.stt.report_failure(large, OVERLOADED)
    assert not supervisor.stt.report_failure(supervisor.stt.current, OVERLOADED)
    assert supervisor.stt.current.name == "starter"
    assert supervisor.states()["stt"]["ladder"][0]["retry_seconds"] == 10


async def test_an_engine_that_rests_gives_way_to_lack_of_memory(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    assert supervisor.stt.report_failure(supervisor.stt.current, OVERLOADED)
    assert supervisor.step_down() == "large gives way to small"
    await supervisor.load_better()
    assert (supervisor.stt.current.name, machine.free) == ("small", 2500 * MB)


async def test_another_plan_keeps_or_drops_an_engine_that_rests(
    machine: Machine, supervisor: EngineSupervisor
) -> None:
    assert supervisor.stt.report_failure(supervisor.stt.current, OVERLOADED)
    await supervisor.replace_loaders(machine.loaders("large", "starter"), VOICES)
    await supervisor.load_better()
    assert states(supervisor) == ["resting", "ready"]
    await supervisor.replace_loaders(machine.loaders("medium", "starter"), VOICES)
    await supervisor.load_better()
    assert (supervisor.stt.current.name, machine.free) == ("medium", 2100 * MB)


def kinds(machine: Machine) -> list[EngineLoader[Transcriber]]:
    """Two compute types of one model, a smaller model, and the first on another device."""
    return [
        replace(machine.transcriber("base int8", 300), cost=1.0, device="cpu"),
        replace(machine.transcriber("base float32", 500), cost=1.5, device="cpu"),
        replace(machine.transcriber("tiny int8", 250), cost=0.5, device="cpu"),
        machine.transcriber("starter", 0),
    ]


@pytest.mark.parametrize(("error", "successor"), [(STALLED, "tiny int8"), (BROKEN, "base float32")])
async def test_no_slower_engine_replaces_one_that_stalled(
    machine: Machine, error: EngineError, successor: str
) -> None:
    supervisor = EngineSupervisor(
        kinds(machine), VOICES, lambda: None, LadderContext(now=lambda: machine.time)
    )
    await supervisor.load_starters()
    await supervisor.load_better()
    assert supervisor.stt.report_failure(supervisor.stt.current, error)
    await supervisor.load_better()
    assert supervisor.stt.current.name == successor
    await supervisor.close()


async def test_the_other_device_may_replace_an_engine_that_stalled(machine: Machine) -> None:
    loaders = kinds(machine)
    loaders[0] = replace(loaders[0], device="cuda")
    supervisor = EngineSupervisor(
        loaders, VOICES, lambda: None, LadderContext(now=lambda: machine.time)
    )
    await supervisor.load_starters()
    await supervisor.load_better()
    assert supervisor.stt.report_failure(supervisor.stt.current, STALLED)
    await supervisor.load_better()
    assert supervisor.stt.current.name == "base float32"
    await supervisor.close()
