"""Takes tasks on, lines them up, has the agents work at them, and writes down what happens."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from appliance.agents import Agent, AgentOutcome, AgentProgress, Happening, tasks
from appliance.conversation import Task, TaskState
from appliance.errors import AgentError

log = logging.getLogger(__name__)

MOST_WAITING = 20  # a model gone astray must not fill the line
MOST_PROGRESS = 500  # messages of one task that are written down; the latest is always known

STOPPED_BY_RESTART = "The appliance was restarted before it was done."
PAUSED = "It was paused."


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for a task, and where."""

    conversation_id: str
    session_id: str
    client_id: str


class TaskStore(Protocol):
    """Where tasks outlive the process."""

    async def add(self, task: Task) -> None:
        """Returns once the task is committed; StoreError where it cannot be."""

    def save(self, task: Task, happened: Mapping[str, Any]) -> None:
        """Notes the task as it is now and what happened to it; returns at once.

        A task that was forgotten with its conversation stays forgotten.
        """

    def unsettled(self) -> Sequence[Task]:
        """Those that have not ended or not been announced, oldest first. Blocks for a read."""

    async def latest_session(self, agent: str, conversation_id: str) -> str:
        """The agent's own session of the newest task in a conversation; empty where none is."""


@dataclass(slots=True)
class _QueuedTask:
    """A task that has not ended. `follows` tells that it goes on where the last one stopped."""

    task: Task
    follows: bool
    working: "asyncio.Task[None] | None" = None
    written: int = 0


class Dispatcher:
    """The tasks at hand. `changed` hears of every change, `ended` of every end worth telling.

    Both are called on the event loop and must return at once.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        store: TaskStore,
        now: Callable[[], float],
        changed: Callable[[Task], None],
        ended: Callable[[Task], None],
    ) -> None:
        self._agents = {agent.name: agent for agent in agents}
        self._lines = {agent.name: asyncio.Lock() for agent in agents}
        self._store = store
        self._now = now
        self._changed = changed
        self._ended = ended
        self._jobs: dict[str, _QueuedTask] = {}
        self._sessions: dict[tuple[str, str], str] = {}

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._agents

    def active(self, agent: str = "", client_id: str = "") -> tuple[Task, ...]:
        """The tasks that have not ended, oldest first; of one agent and client where given."""
        return tuple(
            job.task
            for job in self._jobs.values()
            if agent in ("", job.task.agent) and client_id in ("", job.task.client_id)
        )

    def restore(self, kept: Sequence[Task]) -> None:
        """Takes up `TaskStore.unsettled`: what ran when the process ended was interrupted."""
        for task in kept:
            if not task.state.ended:
                why = STOPPED_BY_RESTART
                task = tasks.stopped(task, TaskState.INTERRUPTED, self._now(), why)
                self._store.save(task, {"state": task.state})
            self._ended(task)

    async def accept(
        self,
        agent: str,
        request: str,
        origin: Origin,
        *,
        follows: bool = True,
        agent_session: str = "",
    ) -> Task:
        """Takes a task on; it is kept when this returns, and worked at as soon as its turn comes.

        It continues `agent_session`, or with `follows` the latest of this conversation. Raises
        AgentError where the agent cannot work or has too much to do, and StoreError.
        """
        self._agents[agent].check()
        if len(self._jobs) >= MOST_WAITING:
            raise AgentError(f"{MOST_WAITING} tasks are waiting already", advice="Cancel some.")
        now = self._now()
        task = Task(
            id=uuid.uuid4().hex,
            agent=agent,
            request=request,
            state=TaskState.ACCEPTED,
            created_at=now,
            updated_at=now,
            conversation_id=origin.conversation_id,
            session_id=origin.session_id,
            client_id=origin.client_id,
            agent_session=agent_session,
        )
        await self._store.add(task)
        job = _QueuedTask(task, follows and not agent_session)
        self._jobs[task.id] = job
        self._changed(task)
        job.working = asyncio.create_task(self._work(job), name=f"task {task.id}")
        return task

    async def stop(self, task_id: str, state: TaskState = TaskState.CANCELLED) -> Task | None:
        """Ends a task and all that runs for it; None where it has ended already.

        CANCELLED is for good; INTERRUPTED can be resumed.
        """
        job = self._jobs.get(task_id)
        if job is None:
            return None
        stopped = tasks.stopped(job.task, state, self._now(), _WHY.get(state, ""))
        # Whoever stops it knows how it ended.
        self._end(job, replace(stopped, announced=True))
        if job.working is not None:
            job.working.cancel()
            await asyncio.gather(job.working, return_exceptions=True)
        return job.task

    def announced(self, task: Task) -> Task:
        """Notes that somebody heard how it ended."""
        told = replace(task, announced=True)
        self._store.save(told, {"announced": True})
        return told

    async def close(self) -> None:
        """Interrupts everything and returns when nothing runs any more."""
        jobs = list(self._jobs.values())
        for job in jobs:
            why = STOPPED_BY_RESTART
            stopped = tasks.stopped(job.task, TaskState.INTERRUPTED, self._now(), why)
            self._jobs.pop(job.task.id, None)
            # Nobody is told now: the next start reports it, with the words to resume it.
            self._put(job, stopped, {"state": stopped.state})
        working = [job.working for job in jobs if job.working is not None]
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, job: _QueuedTask) -> None:
        agent = self._agents[job.task.agent]
        try:
            async with self._lines[agent.name]:
                await self._begin(job)
                async with asyncio.timeout(agent.seconds):
                    outcome = await agent.work(job.task, partial(self._heard, job))
        except TimeoutError:
            outcome = AgentOutcome(
                False, f"It took longer than {round(agent.seconds / 60)} minutes."
            )
        except AgentError as error:
            outcome = AgentOutcome(False, error.message)
        except Exception:  # the boundary of an agent: its failure ends its task and nothing else
            log.exception("%s failed at a task", agent.title)
            outcome = AgentOutcome(False, "It failed for a reason that only the log knows.")
        self._end(job, tasks.finished(job.task, outcome, self._now()))

    async def _begin(self, job: _QueuedTask) -> None:
        task = job.task
        session = ""
        if job.follows:
            key = (task.agent, task.conversation_id)
            session = self._sessions.get(key) or await self._store.latest_session(*key)
        self._put(job, tasks.begun(task, self._now(), session), {"state": TaskState.RUNNING})

    def _heard(self, job: _QueuedTask, happening: Happening) -> None:
        task = tasks.happened(job.task, happening, self._now())
        if task is job.task:
            return
        if isinstance(happening, AgentProgress):
            job.written += 1
            if job.written > MOST_PROGRESS:
                job.task = task
                return
            self._put(job, task, {"progress": task.progress})
        else:
            self._sessions[(task.agent, task.conversation_id)] = task.agent_session
            self._put(job, task, {"agent_session": task.agent_session})

    def _end(self, job: _QueuedTask, task: Task) -> None:
        if task is job.task:
            return
        self._jobs.pop(task.id, None)
        outcome = {"state": task.state, "result": task.result, "cost": task.cost}
        self._put(job, task, outcome)
        if task.state in (TaskState.DONE, TaskState.FAILED):
            self._ended(task)

    def _put(self, job: _QueuedTask, task: Task, happened: Mapping[str, Any]) -> None:
        if task is job.task:
            return
        job.task = task
        self._store.save(task, happened)
        self._changed(task)


_WHY = {TaskState.INTERRUPTED: PAUSED}
