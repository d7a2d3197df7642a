"""Dispatches tasks to agents: accepts, queues, runs and stops them, and stores every change.

    accepted ─► running ─► done | failed | cancelled | interrupted
        └──────────────────────► failed | cancelled | interrupted

An end is final: `begun`, `updated`, `finished` and `stopped`, the pure transitions, return a task
that has ended unchanged.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from appliance.agents import Agent, AgentEvent, AgentOutcome, AgentProgress
from appliance.conversation import Task, TaskState
from appliance.errors import AgentError

log = logging.getLogger(__name__)

MOST_WAITING = 20  # a misbehaving model must not fill the queue
MOST_PROGRESS = 500  # stored progress messages of one task; the latest is always known
LONGEST_PROGRESS = 500  # characters of one progress message
LONGEST_RESULT = 200_000  # characters: a book, and no more than the database should hold

STOPPED_BY_RESTART = "The appliance was restarted before it was done."
_REASONS = {TaskState.INTERRUPTED: "It was paused."}


@dataclass(frozen=True, slots=True)
class Origin:
    """The client that asked for a task, with its session and conversation."""

    conversation_id: str
    session_id: str
    client_id: str


class TaskStore(Protocol):
    """Persists tasks."""

    async def add(self, task: Task) -> None:
        """Returns once the task is committed. Raises StoreError."""

    def save(self, task: Task, change: Mapping[str, Any]) -> None:
        """Stores the task as it is now, and `change` for its history; returns at once.

        A task that was deleted with its conversation stays deleted.
        """

    def unsettled(self) -> Sequence[Task]:
        """The tasks that have not ended or not been announced, oldest first. Blocks."""

    async def latest_session(self, agent: str, conversation_id: str) -> str:
        """The agent's own session of the newest task in a conversation; empty if there is none."""


@dataclass(slots=True)
class _QueuedTask:
    """A task that has not ended. `follows`: it continues the conversation's latest session."""

    task: Task
    follows: bool
    working: "asyncio.Task[None] | None" = None
    stored_progress: int = 0


class Dispatcher:
    """The tasks that have not ended, and the agents that work on them.

    `changed` is called with every changed task, `ended` with every task whose end is to be
    announced. Both are called on the event loop and must return at once.
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
        self._agent_locks = {agent.name: asyncio.Lock() for agent in agents}
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
        """The tasks that have not ended, oldest first; of one agent and one client if given."""
        return tuple(
            job.task
            for job in self._jobs.values()
            if agent in ("", job.task.agent) and client_id in ("", job.task.client_id)
        )

    def restore(self, unsettled: Sequence[Task]) -> None:
        """Announces `TaskStore.unsettled`; tasks that the end of the process cut off included."""
        for task in unsettled:
            if not task.state.ended:
                task = stopped(task, TaskState.INTERRUPTED, self._now(), STOPPED_BY_RESTART)
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
        """Stores a task and queues it for its agent.

        It continues `agent_session`, or with `follows` the latest session of this conversation.
        Raises AgentError if the agent cannot work or has too many tasks, and StoreError.
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
        """Ends a task and its processes; None if it has ended already.

        A CANCELLED task is over; an INTERRUPTED one can be resumed.
        """
        job = self._jobs.get(task_id)
        if job is None:
            return None
        ended = stopped(job.task, state, self._now(), _REASONS.get(state, ""))
        # A task that a person stops is not announced to that person.
        self._end(job, replace(ended, announced=True))
        if job.working is not None:
            job.working.cancel()
            await asyncio.gather(job.working, return_exceptions=True)
        return job.task

    def announced(self, task: Task) -> Task:
        """Stores that somebody heard how the task ended."""
        announced = replace(task, announced=True)
        self._store.save(announced, {"announced": True})
        return announced

    async def close(self) -> None:
        """Interrupts all tasks; returns when none of their processes runs any more."""
        jobs = list(self._jobs.values())
        for job in jobs:
            ended = stopped(job.task, TaskState.INTERRUPTED, self._now(), STOPPED_BY_RESTART)
            self._jobs.pop(job.task.id, None)
            # Not announced now: the next start does, with the words to resume it.
            self._set(job, ended, {"state": ended.state})
        working = [job.working for job in jobs if job.working is not None]
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, job: _QueuedTask) -> None:
        agent = self._agents[job.task.agent]
        try:
            async with self._agent_locks[agent.name]:
                await self._begin(job)
                async with asyncio.timeout(agent.seconds):
                    outcome = await agent.work(job.task, partial(self._report, job))
        except TimeoutError:
            outcome = AgentOutcome(
                False, f"It took longer than {round(agent.seconds / 60)} minutes."
            )
        except AgentError as error:
            outcome = AgentOutcome(False, error.message)
        except Exception:  # boundary of an agent: its failure ends its task and nothing else
            log.exception("%s failed while working on a task", agent.title)
            outcome = AgentOutcome(False, "It failed for a reason that only the log knows.")
        self._end(job, finished(job.task, outcome, self._now()))

    async def _begin(self, job: _QueuedTask) -> None:
        task = job.task
        session = ""
        if job.follows:
            key = (task.agent, task.conversation_id)
            session = self._sessions.get(key) or await self._store.latest_session(*key)
        self._set(job, begun(task, self._now(), session), {"state": TaskState.RUNNING})

    def _report(self, job: _QueuedTask, event: AgentEvent) -> None:
        task = updated(job.task, event, self._now())
        if task is job.task:
            return
        if isinstance(event, AgentProgress):
            job.stored_progress += 1
            if job.stored_progress > MOST_PROGRESS:
                job.task = task
                return
            self._set(job, task, {"progress": task.progress})
        else:
            self._sessions[(task.agent, task.conversation_id)] = task.agent_session
            self._set(job, task, {"agent_session": task.agent_session})

    def _end(self, job: _QueuedTask, task: Task) -> None:
        if task is job.task:
            return
        self._jobs.pop(task.id, None)
        outcome = {"state": task.state, "result": task.result, "cost": task.cost}
        self._set(job, task, outcome)
        if task.state in (TaskState.DONE, TaskState.FAILED):
            self._ended(task)

    def _set(self, job: _QueuedTask, task: Task, change: Mapping[str, Any]) -> None:
        if task is job.task:
            return
        job.task = task
        self._store.save(task, change)
        self._changed(task)


def begun(task: Task, now: float, agent_session: str = "") -> Task:
    """The task once its agent begins, in `agent_session` if given."""
    if task.state is not TaskState.ACCEPTED:
        return task
    known = agent_session or task.agent_session
    return replace(task, state=TaskState.RUNNING, updated_at=now, agent_session=known)


def updated(task: Task, event: AgentEvent, now: float) -> Task:
    """The task after an event of its agent."""
    if task.state is not TaskState.RUNNING:
        return task
    if isinstance(event, AgentProgress):
        text = shortened(event.text, LONGEST_PROGRESS)
        return replace(task, progress=text, updated_at=now)
    return replace(task, agent_session=event.agent_session, updated_at=now)


def finished(task: Task, outcome: AgentOutcome, now: float) -> Task:
    """The task after its agent's outcome: done or failed."""
    state = TaskState.DONE if outcome.ok else TaskState.FAILED
    ended = stopped(task, state, now, outcome.text)
    return ended if ended is task else replace(ended, cost=outcome.cost)


def stopped(task: Task, state: TaskState, now: float, reason: str = "") -> Task:
    """The task ended in `state`; `reason` becomes its result."""
    if task.state.ended:
        return task
    if not state.ended:
        raise ValueError(f"{state} is no end")
    return replace(task, state=state, updated_at=now, result=shortened(reason, LONGEST_RESULT))


def resumable(task: Task) -> bool:
    """Whether the agent can continue where it stopped."""
    return task.state is TaskState.INTERRUPTED


def shortened(text: str, longest: int) -> str:
    """The text in at most `longest` characters, without NUL and lone surrogates."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode().strip()
    return clean if len(clean) <= longest else f"{clean[: longest - 1].rstrip()}…"
