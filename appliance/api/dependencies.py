"""Declares the parts of the appliance that the API uses, as callables and small protocols."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from appliance.access.pairing import Pairing
from appliance.access.rate_limit import RateLimiter
from appliance.access.tokens import Role, SessionTickets
from appliance.conversation import Task
from appliance.errors import NotReady
from appliance.event_hub import EventHub
from appliance.store.store import Store
from appliance.wire import Socket, TimerMessage

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class RecordingSwitch(Protocol):
    """Switches the recording of a session, and says so in it."""

    async def switch_on(self) -> None: ...

    async def switch_off(self) -> None: ...


class SessionRecorder(Protocol):
    """Writes down what happens in a session."""

    def session_started(self) -> None: ...


class SessionView(Protocol):
    """The properties of a session that the API shows."""

    session_id: str
    conversation_id: str
    client_id: str
    created_at: float
    speaking: bool

    @property
    def route(self) -> str: ...

    @property
    def recording(self) -> RecordingSwitch: ...

    @property
    def recorder(self) -> SessionRecorder: ...


class SessionService(Protocol):
    """Opens, lists and closes sessions; see appliance.voice.session_registry."""

    def open(
        self,
        *,
        voice: str,
        language: str,
        system_prompt: str,
        conversation_id: str,
        client_id: str,
        role: Role | None,
        route: str,
    ) -> SessionView: ...

    async def attach(self, session_id: str, socket: Socket) -> None: ...

    def list(self) -> Sequence[SessionView]: ...

    def get(self, session_id: str) -> SessionView: ...

    def close(self, session_id: str) -> None: ...

    def revoke_client(self, client_id: str) -> None: ...

    async def end_conversation(self, conversation_id: str) -> None: ...


class TranscriptionResult(Protocol):
    """A recording as an engine transcribed it; see appliance.engines.probe."""

    @property
    def engine(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def real_time_factor(self) -> float: ...


class SynthesisResult(Protocol):
    """A text as an engine spoke it; see appliance.engines.probe."""

    @property
    def engine(self) -> str: ...
    @property
    def pcm(self) -> bytes: ...
    @property
    def seconds(self) -> float: ...
    @property
    def real_time_factor(self) -> float: ...


class EngineProbes(Protocol):
    """Tries the engines that answer now."""

    async def hear(self, pcm: bytes) -> TranscriptionResult: ...

    async def say(self, text: str) -> SynthesisResult: ...


class TaskService(Protocol):
    """The tasks of the agents; see appliance.agents.service."""

    async def cancel(self, task_id: str) -> Task | None: ...

    async def follow_up(self, task: Task, text: str, client_id: str) -> Task: ...


class TimerControls(Protocol):
    """All timers, by their ids; see appliance.timers.service."""

    def listed(self) -> Sequence[TimerMessage]: ...

    def start(self, seconds: float, name: str, client_id: str) -> TimerMessage: ...

    def owner(self, timer_id: str) -> str: ...

    def change(self, timer_id: str, name: str | None, paused: bool | None) -> None: ...

    def end(self, timer_id: str) -> None: ...

    def is_sounding(self, timer_id: str) -> bool: ...


class DeletionService(Protocol):
    """Deletes conversations, with their sessions and tasks; see appliance.app.deletion."""

    async def delete(self, conversation_id: str) -> None: ...

    async def delete_now(self, conversation_id: str) -> None: ...

    async def restore(self, conversation_id: str) -> None: ...


class SelftestService(Protocol):
    """Self-tests that the page starts; see appliance.selftest.subprocess_runner."""

    def state(self) -> dict[str, Any]: ...

    def start(self) -> None: ...


class LogEntries(Protocol):
    """The latest entries of the log, as dataclasses; see appliance.observability.log_ring."""

    def __call__(self, *, least: int, after: int, limit: int) -> "Sequence[DataclassInstance]": ...


class EditableSettings(Protocol):
    """Reads and changes the settings; see appliance.app.settings."""

    async def view(self) -> dict[str, Any]: ...

    async def change(
        self, revision: str, changes: Mapping[str, Any], keys: Mapping[str, str]
    ) -> list[str]: ...


class VoiceService(Protocol):
    """The voices that can be chosen; see appliance.app.voices."""

    async def listed(self) -> dict[str, Any]: ...

    async def preview(self, voice: str, language: str, speed: float) -> bytes: ...


class ModelService(Protocol):
    """The models and the jobs on them; see appliance.app.model_library."""

    async def view(self) -> dict[str, Any]: ...

    def pull(self, name: str) -> dict[str, Any]: ...

    def verify(self) -> dict[str, Any]: ...

    def remove(self, name: str) -> dict[str, Any]: ...

    def cancel(self, job_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class AdminDependencies:
    """What an administrator's pages use.

    `restart` raises RestartImpossible; `check_llm` takes changed settings and a key, "" for the
    saved one; see appliance.llm.connection_test. `tools` is the body of GET /api/tools.
    """

    settings: EditableSettings
    restart: Callable[[], None]
    check_llm: Callable[[Mapping[str, str], str], Awaitable[dict[str, Any]]]
    voices: VoiceService
    models: ModelService
    tools: Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """All that the handlers use.

    `invite` makes the invitation of a device: what the page shows beside a pairing code, of which
    it gets the digits and the address of the page that asks. `pairing_minutes` is how long a code
    works by default. `sessions` raises NotReady until the voice pipeline is loaded; `ready` tells
    whether every engine of the plan has answered its warm-up or been replaced. `models_changed`
    plans again and returns the engines that it will load, by kind. `probe_llm` and `probe_realtime`
    try the servers with the daemon's keys, and return a dataclass; see appliance.llm.probe.
    """

    sessions: Callable[[], SessionService]
    ready: Callable[[], bool]
    health: Callable[[], dict[str, Any]]
    status: Callable[[], Awaitable[dict[str, Any]]]
    configuration: Callable[[], dict[str, Any]]
    metrics: Callable[[], bytes]
    log_entries: LogEntries
    count_refusal: Callable[[str], None]
    store: Store
    pairing: Pairing
    pairing_minutes: float
    invite: Callable[[str, str], Awaitable[dict[str, Any]]]
    tickets: SessionTickets
    session_rate: RateLimiter
    paired_only: bool
    origins: tuple[str, ...]
    host_names: Callable[[], Sequence[str]]
    warnings: tuple[str, ...]
    engines: EngineProbes
    models_changed: Callable[[], Awaitable[dict[str, str]]]
    selftest: SelftestService
    probe_llm: "Callable[[], Awaitable[DataclassInstance]]"
    probe_realtime: "Callable[[], Awaitable[DataclassInstance]]"
    agents: TaskService
    admin: AdminDependencies
    deletion: DeletionService
    timers: TimerControls
    hub: EventHub

    def loaded_sessions(self) -> SessionService | None:
        """Returns the sessions; None while the pipeline loads, when there cannot be any yet."""
        try:
            return self.sessions()
        except NotReady:
            return None


DEPENDENCIES = web.AppKey("dependencies", ApiDependencies)
