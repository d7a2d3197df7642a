"""The line of tasks: one at a time, kept before anything runs, and ended for good."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.agents import AgentOutcome, AgentProgress, Report, SessionKnown
from appliance.agents.dispatcher import MOST_PROGRESS, MOST_WAITING, Dispatcher, Origin
from appliance.conversation import Task, TaskState
from appliance.errors import AgentError, StoreError

HERE = Origin("c1", "s1", "k1")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  it comes to hold in another coroutine of this loop
            await asyncio.sleep(0)


@dataclass
class Notebook:
    """A TaskStore that exists only here."""

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
    """An agent that does as it is told when `go` is set."""

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
class Office:
    """A dispatcher with one worker, and everybody who is told."""

    worker: Worker
    book: Notebook = field(default_factory=Notebook)
    changes: list[Task] = field(default_factory=list)
    ends: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            [self.worker], self.book, lambda: 1.0, self.changes.append, self.ends.append
        )

    async def ask(self, request: str = "do it", **more: Any) -> Task:  # noqa: ANN401  of accept
        return await self.dispatcher.accept("claude", request, HERE, **more)

    async def settled(self) -> None:
        await until(lambda: not self.dispatcher.active())

    async def working(self) -> None:
        await until(lambda: bool(self.worker.at_work))


@asynccontextmanager
async def office(
    worker: Worker | None = None, book: Notebook | None = None
) -> AsyncIterator[Office]:
    made = Office(worker or Worker(), book or Notebook())
    try:
        yield made
    finally:
        await made.dispatcher.close()


async def test_a_task_is_kept_before_it_is_worked_at() -> None:
    async with office() as here:
        task = await here.ask()
        assert here.book.rows[task.id].state is TaskState.ACCEPTED
        here.worker.go.set()
        await here.settled()
        assert [change.state.value for change in here.changes] == ["accepted", "running", "done"]
        assert here.book.rows[task.id].result == "done"
        assert here.ends == [here.changes[-1]]
        assert here.dispatcher.announced(here.ends[0]).announced
        assert here.book.unsettled() == []


async def test_one_at_a_time_in_their_order() -> None:
    async with office() as here:
        for number in range(5):
            await here.ask(str(number))
        await here.working()
        states = [task.state.value for task in here.dispatcher.active()]
        assert states == ["running", *["accepted"] * 4]
        here.worker.go.set()
        await here.settled()
        assert here.worker.most_at_once == 1
        assert [task.request for task in here.ends] == ["0", "1", "2", "3", "4"]


async def test_the_next_task_of_a_conversation_goes_on_in_its_session() -> None:
    def name_it(task: Task, report: Report) -> AgentOutcome:
        report(SessionKnown(task.agent_session or "new"))
        return AgentOutcome(True, task.agent_session)

    async with office(Worker(name_it)) as here:
        here.worker.go.set()
        here.book.sessions["claude", "c1"] = "from before"
        for more in ({}, {"follows": False}, {"agent_session": "named"}, {}):
            await here.ask(**more)
        await here.settled()
        assert [task.result for task in here.ends] == ["from before", "", "named", "named"]


async def test_what_waits_is_cancelled_without_ever_running() -> None:
    async with office() as here:
        first = await here.ask("first")
        second = await here.ask("second")
        stopped = await here.dispatcher.stop(second.id)
        assert stopped is not None
        assert stopped.state is TaskState.CANCELLED
        assert await here.dispatcher.stop(second.id) is None
        here.worker.go.set()
        await here.settled()
        assert [task.id for task in here.ends] == [first.id]
        assert here.book.unsettled()[0].id == first.id


async def test_what_was_stopped_by_somebody_is_not_announced_to_them() -> None:
    async with office() as here:
        task = await here.ask()
        await here.working()
        await here.dispatcher.stop(task.id, TaskState.INTERRUPTED)
        assert here.worker.at_work == []
        assert here.book.rows[task.id].state is TaskState.INTERRUPTED
        assert here.ends == []
        assert here.book.unsettled() == []


async def test_what_is_left_when_the_appliance_stops_is_reported_by_the_next() -> None:
    book = Notebook()
    async with office(book=book) as here:
        running = await here.ask("running")
        waiting = await here.ask("waiting")
        await here.working()
    assert here.ends == []
    assert {book.rows[task.id].state for task in (running, waiting)} == {TaskState.INTERRUPTED}
    async with office(book=book) as later:
        later.dispatcher.restore(book.unsettled())
        assert [task.request for task in later.ends] == ["running", "waiting"]


async def test_what_ran_when_the_appliance_was_killed_was_interrupted() -> None:
    book = Notebook()
    cut_off = Task("t1", "claude", "do it", TaskState.RUNNING, 0.0, 0.0, progress="half")
    unheard = Task("t2", "claude", "do it", TaskState.DONE, 0.0, 0.0, result="all")
    book.rows = {task.id: task for task in (cut_off, unheard)}
    async with office(book=book) as here:
        here.dispatcher.restore(book.unsettled())
        assert [task.state.value for task in here.ends] == ["interrupted", "done"]
        assert book.rows["t1"].progress == "half"
        assert here.dispatcher.active() == ()


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (AgentError("it is out of reach"), "it is out of reach"),
        (TimeoutError(), "It took longer than 1 minutes."),
        (ZeroDivisionError(), "It failed for a reason that only the log knows."),
    ],
)
async def test_what_goes_wrong_is_the_end_of_one_task(raised: Exception, said: str) -> None:
    def fail(task: Task, report: Report) -> AgentOutcome:
        if task.request == "break":
            raise raised
        return AgentOutcome(True, "fine")

    async with office(Worker(fail)) as here:
        here.worker.go.set()
        await here.ask("break")
        await here.ask("next")
        await here.settled()
        assert [(t.state.value, t.result) for t in here.ends] == [
            ("failed", said),
            ("done", "fine"),
        ]


async def test_a_task_that_takes_too_long_is_left() -> None:
    async with office(Worker(seconds=0.01)) as here:
        await here.ask()
        await until(lambda: bool(here.ends))
        assert here.ends[0].state is TaskState.FAILED


async def test_who_talks_too_much_is_written_down_up_to_a_limit() -> None:
    def chatter(task: Task, report: Report) -> AgentOutcome:
        for number in range(MOST_PROGRESS + 50):
            report(AgentProgress(str(number)))
        return AgentOutcome(True, "done")

    async with office(Worker(chatter)) as here:
        here.worker.go.set()
        await here.ask()
        await here.settled()
        assert sum("progress" in happened for happened in here.book.happened) == MOST_PROGRESS
        assert here.ends[0].progress == str(MOST_PROGRESS + 49)


async def test_what_cannot_be_done_is_refused_at_once() -> None:
    async with office() as here:
        here.worker.missing = True
        with pytest.raises(AgentError, match="installed"):
            await here.ask()
        here.worker.missing = False
        here.book.broken = True
        with pytest.raises(StoreError):
            await here.ask()
        here.book.broken = False
        assert here.dispatcher.active() == ()
        for _ in range(MOST_WAITING):
            await here.ask()
        with pytest.raises(AgentError, match="waiting already"):
            await here.ask()
