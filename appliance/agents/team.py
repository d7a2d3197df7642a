"""An agent team behind a WebSocket: JSON messages, mapped by the configuration.

The connection is kept while the appliance runs, and reopened whenever it breaks. A task that the
team has not answered before the connection broke is sent again with the same id.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.agents import AgentOutcome, AgentProgress, Report
from appliance.agents.team_messages import (
    TeamMessage,
    TeamMessageKind,
    fill_template,
    parse_message,
)
from appliance.config.schema import TeamConfig
from appliance.conversation import Task
from appliance.errors import AgentError

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

FIRST_RETRY = 0.25  # seconds, doubled each time
LAST_RETRY = 30.0
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 2.0  # the longest wait for the connection when the user gives a command
HEARTBEAT_SECONDS = 20.0  # a dead connection is noticed within this
LARGEST_MESSAGE = 4_000_000  # bytes


@dataclass(slots=True)
class _TeamTask:
    task: Task
    report: Report
    done: "asyncio.Future[AgentOutcome]"
    acknowledged: bool = False


class Team:
    """An Agent. `on_message` is called with texts that the team sends outside any task."""

    name = "team"
    title = "The team"

    def __init__(self, config: TeamConfig, token: str, on_message: Callable[[str], None]) -> None:
        self._config = config
        self._token = token
        self._on_message = on_message
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._retry_now = asyncio.Event()
        self._jobs: dict[str, _TeamTask] = {}
        self.seconds = config.task_minutes * 60

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    def check(self) -> None:
        """See Agent. The team may come online later, so nothing is checked."""

    async def run(self) -> None:
        """Keeps the connection, until cancelled."""
        delay, lost = FIRST_RETRY, time.monotonic()
        while True:
            begun = time.monotonic()
            try:
                await self._connection()
                lost = time.monotonic()
                log.info("the connection to the agent team has ended")
                # The delay grows where connections are closed as soon as they are made.
                delay = FIRST_RETRY if lost - begun > LAST_RETRY else delay
            except Exception as error:
                # Boundary of the connection: whatever breaks it, the team is out of reach.
                log.info("%s", error, exc_info=not isinstance(error, AgentError))
                if time.monotonic() - lost > self._config.patience_seconds:
                    self._give_up()
            self._retry_now.clear()
            with suppress(TimeoutError):
                # A request does not wait for an attempt that is due in half a minute.
                async with asyncio.timeout(delay):
                    await self._retry_now.wait()
                    await asyncio.sleep(FIRST_RETRY)
            delay = min(2 * delay, LAST_RETRY)

    async def work(self, task: Task, report: Report) -> AgentOutcome:
        """See Agent."""
        job = _TeamTask(task, report, asyncio.get_running_loop().create_future())
        self._jobs[task.id] = job
        try:
            if not self._connected.is_set() or not await self._send(self._message(task)):
                self._retry_now.set()
            return await job.done
        except asyncio.CancelledError:
            if self._config.cancel:
                await self._send(fill_template(self._config.cancel, {"id": task.id}))
            raise
        finally:
            self._jobs.pop(task.id, None)

    async def pause(self) -> None:
        """Pauses the team. Raises AgentError if it is out of reach or cannot be paused."""
        await self._command(self._config.pause, "paused")

    async def reset(self) -> None:
        """Has the team drop its work and start over. Raises AgentError."""
        await self._command(self._config.reset, "reset")

    async def _command(self, template: str, verb: str) -> None:
        if not template:
            raise AgentError(f"the team cannot be {verb}", advice="See [agents.team].")
        self._retry_now.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._connected.wait()
        if not await self._send(fill_template(template, {"token": self._token})):
            raise _unreachable()

    def _message(self, task: Task) -> str:
        values = {"id": task.id, "text": task.request, "token": self._token}
        return fill_template(self._config.message, values)

    async def _connection(self) -> None:
        """Opens a connection and serves it to its end. Raises AgentError if it cannot be opened."""
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
                await self._send(fill_template(self._config.hello, {"token": self._token}))
            for job in list(self._jobs.values()):
                if not job.acknowledged:
                    await self._send(self._message(job.task))
            self._connected.set()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    parsed = parse_message(message.data, self._config)
                    if parsed is not None:
                        self._handle(parsed)
        finally:
            self._connected.clear()
            self._socket = None

    async def _send(self, text: str) -> bool:
        """Whether the text was sent; it may still be lost with the connection."""
        socket = self._socket
        if socket is None:
            return False
        try:
            await socket.send_str(text)
        except (ConnectionError, RuntimeError):  # both: closed meanwhile
            return False
        return True

    def _handle(self, message: TeamMessage) -> None:
        job = self._jobs.get(message.task_id)
        if job is None and not message.task_id and self._jobs:
            job = next(iter(self._jobs.values()))
        if job is None:
            # The end of a task that was given up is of no interest.
            if message.text and not message.task_id:
                self._on_message(message.text)
            return
        job.acknowledged = True
        if message.kind is TeamMessageKind.PROGRESS:
            job.report(AgentProgress(message.text))
        elif not job.done.done():
            ok = message.kind is TeamMessageKind.DONE
            job.done.set_result(
                AgentOutcome(ok, message.text or ("" if ok else "It failed."), message.cost)
            )

    def _give_up(self) -> None:
        for job in self._jobs.values():
            if not job.done.done():
                job.done.set_exception(_unreachable())


def _unreachable(why: str = "") -> AgentError:
    message = "the agent team cannot be reached"
    return AgentError(
        f"{message}: {why}" if why else message,
        advice="Is it running? Its address is agents.team.url.",
    )
