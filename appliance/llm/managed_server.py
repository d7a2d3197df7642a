"""Watches the server of the managed model, and runs it as a child where no unit of systemd does.

A child that ends is started again after a pause; one that refuses its model is not, until another
one is to be served. The server answers 503 while it loads, which is "not yet" and no failure.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from appliance.concurrency import stop_process
from appliance.errors import write_error
from appliance.llm.served_model import ServedModel, api_key, write_choice

log = logging.getLogger(__name__)

REFUSED_STATUS: Final = 78
"""The exit status of `appliance llm serve` for a model that it cannot serve."""
RESTART_SECONDS: Final = (1.0, 2.0, 5.0, 15.0, 60.0)
_STABLE_SECONDS: Final = 120.0
"""A child that has run for so long is started at once when it ends."""
_LOADING_POLL_SECONDS: Final = 0.25
_POLL_SECONDS: Final = 2.0
_HEALTH_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_ASK_SECONDS: Final = 300.0
_LOG_LINES: Final = 20
_CHUNK: Final = 65_536


class ServerState(StrEnum):
    OFF = "off"
    STARTING = "starting"
    LOADING = "loading"
    TRYING = "trying"
    READY = "ready"
    WAITING = "waiting"
    """It ended, and is started again after a pause."""
    REFUSED = "refused"


_NOT_YET: Final = (ServerState.STARTING, ServerState.LOADING, ServerState.TRYING)


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where the decision for a model and the key of its server are kept."""

    choice: Path
    key: Path


OnReady = Callable[[ServedModel], Awaitable[str]]
"""Called when a model is loaded, before it answers anybody. Returns why it is unfit, else ""."""


class ManagedServer:
    """The server of one model at a time.

    `command` starts it as a child; None where a unit of systemd runs it, which follows the file of
    the decision. `changed` is called, on the event loop, at every change of `state`.
    """

    def __init__(
        self,
        files: ServerFiles,
        command: Sequence[str] | None,
        on_ready: OnReady,
        changed: Callable[[], None],
    ) -> None:
        self.state = ServerState.OFF
        self.why = ""
        self.since = time.time()
        self.served: ServedModel | None = None
        self._files = files
        self._command = command
        self._on_ready = on_ready
        self._changed = changed
        self._wake = asyncio.Event()
        self._failures = 0
        self._log: deque[str] = deque(maxlen=_LOG_LINES)

    @property
    def key(self) -> str:
        """The key that the server asks for."""
        return api_key(self._files.key)

    @property
    def is_starting(self) -> bool:
        """Whether the model is on its way, so that a request now is too early."""
        return self.state in _NOT_YET

    def follow(self, served: ServedModel | None, why: str) -> None:
        """Serves another model from now on, or none; `why` is shown until it has been loaded."""
        try:
            if served:
                api_key(self._files.key)
            written = write_choice(self._files.choice, served)
        except OSError as error:  # a full disk: what is served goes on, if anything is
            told = write_error("the choice of the language model", error)
            log.error("%s. %s", told.message, told.advice)
            return
        if served == self.served and not written:
            return
        self.served = served
        self._failures = 0
        self._set(ServerState.STARTING if served else ServerState.OFF, why)
        self._wake.set()

    async def run(self) -> None:
        """Keeps the server going until cancelled; then a child is ended."""
        while True:
            self._wake.clear()
            if self.served is None:
                await self._wake.wait()
            elif self._command is None:
                await self._until_woken(self._watch(self.served))
            else:
                await self._run_child(self._command, self.served)

    async def _until_woken(self, work: Awaitable[None]) -> bool:
        """Does some work until it is done or another model is to be served; True for the latter."""
        task, woken = asyncio.ensure_future(work), asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({task, woken}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            return woken.done()
        finally:
            for each in (task, woken):
                each.cancel()
            await asyncio.gather(task, woken, return_exceptions=True)

    async def _run_child(self, command: Sequence[str], served: ServedModel) -> None:
        began = time.monotonic()
        self._log.clear()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C is for the daemon, which ends it in its turn.
                start_new_session=True,
            )
        except OSError as error:  # no memory or no process number left, for the moment
            self._log.append(str(error))
            await self._pause(error.errno or 1)
            return
        reading = asyncio.create_task(self._read_log(process), name="log of the model's server")
        watching = asyncio.create_task(self._watch(served), name="watch the model's server")
        try:
            if await self._until_woken(self._ended(process)):
                return
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await stop_process(process, _STOP_SECONDS)
            await reading
        if time.monotonic() - began > _STABLE_SECONDS:
            self._failures = 0
        await self._pause(process.returncode or 0)

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        """Keeps the last lines. Whatever is written is read, or the child would wait for ever."""
        assert process.stderr is not None
        rest = b""
        while chunk := await process.stderr.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-_CHUNK:]
            self._log.extend(line.decode("utf-8", "replace").strip() for line in lines)
        self._log.append(rest.decode("utf-8", "replace").strip())

    async def _pause(self, status: int) -> None:
        """Waits before the next start; after a refusal, until another model is to be served."""
        last = next((line for line in reversed(self._log) if line), "it said nothing")
        if status == REFUSED_STATUS:
            self._set(ServerState.REFUSED, last)
            log.warning("the language model is not served: %s", last)
            await self._wake.wait()
            return
        pause = RESTART_SECONDS[min(self._failures, len(RESTART_SECONDS) - 1)]
        self._failures += 1
        self._set(ServerState.WAITING, f"it ended with status {status}: {last[:200]}")
        log.warning("the server of the language model ended (%d): %s", status, last)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()
        if not self._wake.is_set():
            self._set(ServerState.STARTING, "it is started again")

    async def _watch(self, served: ServedModel) -> None:
        """Follows the server's health, and has the model tried each time it has been loaded."""
        import aiohttp

        async with aiohttp.ClientSession() as http:
            while True:
                health = await _health(http, served)
                if health == 200 and self.state is not ServerState.READY:
                    await self._try(served)
                elif health == 503:
                    self._set(ServerState.LOADING, "it is loading")
                elif health == 0 and self.state is ServerState.READY:
                    self._set(ServerState.STARTING, "its server has gone")
                ready = self.state in (ServerState.READY, ServerState.REFUSED)
                await asyncio.sleep(_POLL_SECONDS if ready else _LOADING_POLL_SECONDS)

    async def _try(self, served: ServedModel) -> None:
        if self.state is ServerState.REFUSED:
            return
        self._set(ServerState.TRYING, "it is tried")
        try:
            fault = await self._on_ready(served)
        except Exception as error:  # noqa: BLE001  the boundary of a trial: it is made again
            cause = str(error) or type(error).__name__
            log.warning("%s could not be tried: %s", served.model, cause[:200])
            self._set(ServerState.LOADING, "it could not be tried")
            return
        if fault:
            log.warning("%s is not used: %s", served.model, fault)
            self._set(ServerState.REFUSED, fault)
        else:
            self._set(ServerState.READY, "it answers")

    async def ask(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A chat completion, past all sessions. Raises OSError, TimeoutError or ValueError."""
        import aiohttp

        served = self.served
        if served is None:
            raise OSError("no model is served")
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            async with (
                asyncio.timeout(_ASK_SECONDS),
                aiohttp.ClientSession(headers=headers) as http,
                http.post(f"{served.base_url}/chat/completions", json=dict(body)) as answer,
            ):
                read = await answer.json()
                if answer.status != 200 or not isinstance(read, dict):
                    raise ValueError(f"it answers {answer.status}: {str(read)[:200]}")
                return read
        except aiohttp.ClientError as error:
            raise OSError(str(error)) from error

    def report(self) -> dict[str, Any]:
        """For /health: the model, its state, since when and why."""
        served = self.served
        return {
            "name": served.model if served else "",
            "state": self.state.value,
            "since": round(self.since, 1),
            "why": self.why,
            "context": served.context if served else 0,
            "device": served.device if served else "",
            "threads": served.threads if served else 0,
        }

    def _set(self, state: ServerState, why: str) -> None:
        self.why = why
        if state is self.state:
            return
        self.state, self.since = state, time.time()
        self._changed()


async def _health(http: Any, served: ServedModel) -> int:  # noqa: ANN401  aiohttp's session
    """The status of /health; 0 where nobody answers, 1 where the answer takes too long."""
    import aiohttp

    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            async with http.get(f"{served.origin}/health") as answer:
                return int(answer.status)
    except TimeoutError:  # a server whose threads get no processor is not gone
        return 1
    except (aiohttp.ClientError, OSError):
        return 0
