"""An agent team behind a WebSocket: JSON messages, mapped by the configuration.

The connection is kept while the appliance runs, and made again whenever it breaks. A task whose
message the team cannot have got, because it answered nothing to it before the connection broke,
is sent again with the same id.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.agents import AgentOutcome, AgentProgress, Report
from appliance.agents.team_messages import TeamMessage, TeamMessageKind, filled, understood
from appliance.config.schema import TeamConfig as TeamConfig
from appliance.conversation import Task
from appliance.errors import AgentError

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

FIRST_RETRY = 0.25  # seconds, doubled each time
LAST_RETRY = 30.0
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 2.0  # for which a pause waits for the connection before the user is told
HEARTBEAT_SECONDS = 20.0  # a team that has vanished without a word is noticed within this
LARGEST_MESSAGE = 4_000_000  # bytes


@dataclass(slots=True)
class _TeamTask:
    task: Task
    report: Report
    done: "asyncio.Future[AgentOutcome]"
    heard_of: bool = False


class Team:
    """An Agent. `said` hears what the team says while it has no task of ours."""

    name = "team"
    title = "The team"

    def __init__(self, config: TeamConfig, token: str, said: Callable[[str], None]) -> None:
        self._config = config
        self._token = token
        self._said = said
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._wanted = asyncio.Event()
        self._jobs: dict[str, _TeamTask] = {}
        self.seconds = config.task_minutes * 60

    def check(self) -> None:
        """See Agent. Whether the team is reached shows when it is sent something."""

    async def run(self) -> None:
        """Keeps the connection, until cancelled."""
        delay, lost = FIRST_RETRY, time.monotonic()
        while True:
            begun = time.monotonic()
            try:
                await self._connection()
                lost = time.monotonic()
                log.info("the connection to the agent team has ended")
                # One that is closed as soon as it is made is not tried at full speed.
                delay = FIRST_RETRY if lost - begun > LAST_RETRY else delay
            except Exception as error:
                # Named, or a fault of the protocol: either way the team is out of reach.
                log.info("%s", error, exc_info=not isinstance(error, AgentError))
                if time.monotonic() - lost > self._config.patience_seconds:
                    self._give_up()
            self._wanted.clear()
            with suppress(TimeoutError):
                # Whoever needs it now does not wait for an attempt that is due in half a minute.
                async with asyncio.timeout(delay):
                    await self._wanted.wait()
                    await asyncio.sleep(FIRST_RETRY)
            delay = min(2 * delay, LAST_RETRY)

    async def work(self, task: Task, report: Report) -> AgentOutcome:
        """See Agent."""
        job = _TeamTask(task, report, asyncio.get_running_loop().create_future())
        self._jobs[task.id] = job
        try:
            if not self._connected.is_set() or not await self._send(self._message(task)):
                self._wanted.set()
            return await job.done
        except asyncio.CancelledError:
            if self._config.cancel:
                await self._send(filled(self._config.cancel, {"id": task.id}))
            raise
        finally:
            self._jobs.pop(task.id, None)

    async def pause(self) -> None:
        """Pauses the team. Raises AgentError where it is out of reach or cannot be paused."""
        await self._command(self._config.pause, "paused")

    async def reset(self) -> None:
        """Has the team forget what it was doing. Raises AgentError."""
        await self._command(self._config.reset, "reset")

    async def _command(self, template: str, verb: str) -> None:
        if not template:
            raise AgentError(f"the team cannot be {verb}", advice="See [agents.team].")
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._connected.wait()
        if not await self._send(filled(template, {"token": self._token})):
            raise _unreachable()

    def _message(self, task: Task) -> str:
        values = {"id": task.id, "text": task.request, "token": self._token}
        return filled(self._config.message, values)

    async def _connection(self) -> None:
        """One connection, from its making to its end. Raises AgentError if it cannot be made."""
        import aiohttp

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as http:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    socket = await http.ws_connect(
                        self._config.url, heartbeat=HEARTBEAT_SECONDS, max_msg_size=LARGEST_MESSAGE
                    )
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise _unreachable(str(error)) from None
            async with socket:
                await self._serve(socket)

    async def _serve(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        import aiohttp

        self._socket = socket
        try:
            if self._config.hello:
                await self._send(filled(self._config.hello, {"token": self._token}))
            for job in list(self._jobs.values()):
                if not job.heard_of:
                    await self._send(self._message(job.task))
            self._connected.set()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    said = understood(message.data, self._config)
                    if said is not None:
                        self._hear(said)
        finally:
            self._connected.clear()
            self._socket = None

    async def _send(self, text: str) -> bool:
        """Whether it went out; what went out may still be lost with the connection."""
        socket = self._socket
        if socket is None:
            return False
        try:
            await socket.send_str(text)
        except (ConnectionError, RuntimeError):  # closed meanwhile, which aiohttp says in both ways
            return False
        return True

    def _hear(self, said: TeamMessage) -> None:
        job = self._jobs.get(said.task_id)
        if job is None and not said.task_id and self._jobs:
            job = next(iter(self._jobs.values()))
        if job is None:
            # The end of a task that was given up is nobody's news.
            if said.text and not said.task_id:
                self._said(said.text)
            return
        job.heard_of = True
        if said.kind is TeamMessageKind.PROGRESS:
            job.report(AgentProgress(said.text))
        elif not job.done.done():
            ok = said.kind is TeamMessageKind.DONE
            job.done.set_result(
                AgentOutcome(ok, said.text or ("" if ok else "It failed."), said.cost)
            )

    def _give_up(self) -> None:
        for job in self._jobs.values():
            if not job.done.done():
                job.done.set_exception(_unreachable())


def _unreachable(why: str = "") -> AgentError:
    said = f"the agent team cannot be reached: {why}" if why else "the agent team cannot be reached"
    return AgentError(said, advice="Is it running? Its address is agents.team.url.")
