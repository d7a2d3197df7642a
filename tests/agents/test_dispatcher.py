"""The dispatcher: one task of an agent at a time, stored before it runs; an end is final."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agents import AgentOutcome, AgentProgress, Report, SessionStarted
from appliance.agents.dispatcher import (
    LONGEST_PROGRESS,
    MOST_PROGRESS,
    MOST_WAITING,
    Dispatcher,
    Origin,
    begun,
    finished,
    resumable,
    stopped,
    updated,
)
from appliance.conversation import Task, TaskState
from appliance.errors import AgentError, StoreError

HERE = Origin("c1", "s1", "k1")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  it comes to hold in another coroutine of this loop
            await asyncio.sleep(0)


@dataclass
class MemoryStore:
    """A TaskStore in memory."""

    rows: dict[str, Task] = field(default_factory=dict)
    happened: list[Mapping[str, Any]] = field(default_factory=list)
    broken: bool = False
    sessions: dict[tuple[str, str], str] = field(default_factory=dict)

    async def add(self, task: Task) -> None:
        if self.broken:
            raise StoreError("the disk is full")
        self.rows[task.id] = task

    def save(self, task: Task, happened: Mapping[str, Any]) -> None:
        self.rows[task.id] = task
        self.happened.append(happened)

    def unsettled(self) -> Sequence[Task]:
        return [t for t in self.rows.values() if not t.announced or not t.state.ended]

    async def latest_session(self, agent: str, conversation_id: str) -> str:
        return self.sessions.get((agent, conversation_id), "")


@dataclass
class Worker:
    """An agent that does its work once `go` is set."""

    work_as: Callable[[Task, Report], AgentOutcome] = lambda task, report: AgentOutcome(
        True, "done"
    )
    name: str = "claude"
    title: str = "Claude"
    seconds: float = 60.0
    missing: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    at_work: list[Task] = field(default_factory=list)
    most_at_once: int = 0

    def check(self) -> None:
        if self.missing:
            raise AgentError("it is not installed")

    async def work(self, task: Task, report: Report) -> AgentOutcome:
        self.at_work.append(task)
        self.most_at_once = max(self.most_at_once, len(self.at_work))
        try:
            await self.go.wait()
            return self.work_as(task, report)
        finally:
            self.at_work.remove(task)


@dataclass
class Scenario:
    """A dispatcher with one worker, and what it reports."""

    worker: Worker
    store: MemoryStore = field(default_factory=MemoryStore)
    changes: list[Task] = field(default_factory=list)
    ends: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            [self.worker], self.store, lambda: 1.0, self.changes.append, self.ends.append
        )

    async def ask(self, request: str = "do it", **more: Any) -> Task:  # noqa: ANN401  of accept
        return await self.dispatcher.accept("claude", request, HERE, **more)

    async def settled(self) -> None:
        await until(lambda: not self.dispatcher.active())

    async def working(self) -> None:
        await until(lambda: bool(self.worker.at_work))


@asynccontextmanager
async def scenario(
    worker: Worker | None = None, store: MemoryStore | None = None
) -> AsyncIterator[Scenario]:
    made = Scenario(worker or Worker(), store or MemoryStore())
    try:
        yield made
    finally:
        await made.dispatcher.close()


async def test_a_task_is_stored_before_it_runs() -> None:
    async with scenario() as here:
        task = await here.ask()
        assert here.store.rows[task.id].state is TaskState.ACCEPTED
        here.worker.go.set()
        await here.settled()
        assert [change.state.value for change in here.changes] == ["accepted", "running", "done"]
        assert here.store.rows[task.id].result == "done"
        assert here.ends == [here.changes[-1]]
        assert here.dispatcher.announced(here.ends[0]).announced
        assert here.store.unsettled() == []


async def test_tasks_run_one_at_a_time_in_order() -> None:
    async with scenario() as here:
        for number in range(5):
            await here.ask(str(number))
        await here.working()
        states = [task.state.value for task in here.dispatcher.active()]
        assert states == ["running", *["accepted"] * 4]
        here.worker.go.set()
        await here.settled()
        assert here.worker.most_at_once == 1
        assert [task.request for task in here.ends] == ["0", "1", "2", "3", "4"]


async def test_the_next_task_of_a_conversation_continues_its_session() -> None:
    def name_it(task: Task, report: Report) -> AgentOutcome:
        report(SessionStarted(task.agent_session or "new"))
        return AgentOutcome(True, task.agent_session)

    async with scenario(Worker(name_it)) as here:
        here.worker.go.set()
        here.store.sessions["claude", "c1"] = "from before"
        for more in ({}, {"follows": False}, {"agent_session": "named"}, {}):
            await here.ask(**more)
        await here.settled()
        assert [task.result for task in here.ends] == ["from before", "", "named", "named"]


async def test_a_waiting_task_is_cancelled_without_running() -> None:
    async with scenario() as here:
        first = await here.ask("first")
        second = await here.ask("second")
        stopped = await here.dispatcher.stop(second.id)
        assert stopped is not None
        assert stopped.state is TaskState.CANCELLED
        assert await here.dispatcher.stop(second.id) is None
        here.worker.go.set()
        await here.settled()
        assert [task.id for task in here.ends] == [first.id]
        assert here.store.unsettled()[0].id == first.id


async def test_a_task_that_a_person_stops_is_not_announced() -> None:
    async with scenario() as here:
        task = await here.ask()
        await here.working()
        await here.dispatcher.stop(task.id, TaskState.INTERRUPTED)
        assert here.worker.at_work == []
        assert here.store.rows[task.id].state is TaskState.INTERRUPTED
        assert here.ends == []
        assert here.store.unsettled() == []


async def test_tasks_interrupted_by_a_stop_are_announced_at_the_next_start() -> None:
    store = MemoryStore()
    async with scenario(store=store) as here:
        running = await here.ask("running")
        waiting = await here.ask("waiting")
        await here.working()
    assert here.ends == []
    assert {store.rows[task.id].state for task in (running, waiting)} == {TaskState.INTERRUPTED}
    async with scenario(store=store) as later:
        later.dispatcher.restore(store.unsettled())
        assert [task.request for task in later.ends] == ["running", "waiting"]


async def test_a_task_cut_off_by_a_kill_is_interrupted() -> None:
    store = MemoryStore()
    cut_off = Task("t1", "claude", "do it", TaskState.RUNNING, 0.0, 0.0, progress="half")
    unheard = Task("t2", "claude", "do it", TaskState.DONE, 0.0, 0.0, result="all")
    store.rows = {task.id: task for task in (cut_off, unheard)}
    async with scenario(store=store) as here:
        here.dispatcher.restore(store.unsettled())
        assert [task.state.value for task in here.ends] == ["interrupted", "done"]
        assert store.rows["t1"].progress == "half"
        assert here.dispatcher.active() == ()


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (AgentError("it is out of reach"), "it is out of reach"),
        (TimeoutError(), "It took longer than 1 minutes."),
        (ZeroDivisionError(), "It failed for a reason that only the log knows."),
    ],
)
async def test_a_failure_ends_one_task_only(raised: Exception, said: str) -> None:
    def fail(task: Task, report: Report) -> AgentOutcome:
        if task.request == "break":
            raise raised
        return AgentOutcome(True, "fine")

    async with scenario(Worker(fail)) as here:
        here.worker.go.set()
        await here.ask("break")
        await here.ask("next")
        await here.settled()
        assert [(t.state.value, t.result) for t in here.ends] == [
            ("failed", said),
            ("done", "fine"),
        ]


async def test_a_task_over_its_time_limit_fails() -> None:
    async with scenario(Worker(seconds=0.01)) as here:
        await here.ask()
        await until(lambda: bool(here.ends))
        assert here.ends[0].state is TaskState.FAILED


async def test_stored_progress_is_limited() -> None:
    def chatter(task: Task, report: Report) -> AgentOutcome:
        for number in range(MOST_PROGRESS + 50):
            report(AgentProgress(str(number)))
        return AgentOutcome(True, "done")

    async with scenario(Worker(chatter)) as here:
        here.worker.go.set()
        await here.ask()
        await here.settled()
        assert sum("progress" in happened for happened in here.store.happened) == MOST_PROGRESS
        assert here.ends[0].progress == str(MOST_PROGRESS + 49)


async def test_a_task_that_cannot_be_done_is_refused_at_once() -> None:
    async with scenario() as here:
        here.worker.missing = True
        with pytest.raises(AgentError, match="installed"):
            await here.ask()
        here.worker.missing = False
        here.store.broken = True
        with pytest.raises(StoreError):
            await here.ask()
        here.store.broken = False
        assert here.dispatcher.active() == ()
        for _ in range(MOST_WAITING):
            await here.ask()
        with pytest.raises(AgentError, match="waiting already"):
            await here.ask()


NEW = Task("t", "claude", "do it", TaskState.ACCEPTED, 0.0, 0.0)

Step = Callable[[Task, float], Task]
ENDS = [state for state in TaskState if state.ended]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.just(lambda task, now: begun(task, now, "s0")),
    st.text(max_size=3).map(lambda said: lambda task, now: updated(task, AgentProgress(said), now)),
    st.just(lambda task, now: updated(task, SessionStarted("s1"), now)),
    st.booleans().map(lambda ok: lambda task, now: finished(task, AgentOutcome(ok, "r", 1.0), now)),
    st.sampled_from(ENDS).map(lambda end: lambda task, now: stopped(task, end, now, "why")),
)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=60)
def test_an_end_is_final_and_transitions_only_lead_forward(steps: list[Step]) -> None:
    order = [TaskState.ACCEPTED, TaskState.RUNNING]
    task = NEW
    for now, step in enumerate(steps, start=1):
        after = step(task, float(now))
        if task.state.ended:
            assert after is task
        else:
            assert after.state.ended or order.index(after.state) >= order.index(task.state)
            assert after is task or after.updated_at == now
        assert (after.id, after.request, after.created_at) == (NEW.id, NEW.request, NEW.created_at)
        task = after


def test_progress_is_shortened_and_cleaned() -> None:
    running = begun(NEW, 1.0)
    said = updated(running, AgentProgress("a\0b\ud800" + "x" * 10_000), 2.0)
    assert said.progress.startswith("ab?xxx")
    assert len(said.progress) == LONGEST_PROGRESS
    said.progress.encode()


def test_only_interrupted_tasks_are_resumable() -> None:
    ended = [stopped(NEW, state, 1.0) for state in ENDS]
    assert [task.state for task in ended if resumable(task)] == [TaskState.INTERRUPTED]
