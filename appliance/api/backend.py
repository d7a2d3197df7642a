"""What the API needs of the appliance: callables and two small protocols, given by the root."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from appliance.access.pairing import Pairing
from appliance.access.rates import RateLimiter
from appliance.access.tickets import Tickets
from appliance.errors import NotReady
from appliance.store import Store


class Socket(Protocol):
    """What a session gets of a WebSocket."""

    async def receive(self) -> bytes | str | None: ...

    async def send(self, data: bytes) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class SessionView(Protocol):
    """What the API shows of a session."""

    session_id: str
    conversation_id: str
    client_id: str
    created_at: float
    speaking: bool

    @property
    def route(self) -> str: ...


class Desk(Protocol):
    """Where sessions are opened and closed."""

    def open(
        self, *, voice: str, language: str, system_prompt: str, conversation_id: str, client_id: str
    ) -> SessionView: ...

    async def attach(self, session_id: str, socket: Socket) -> None: ...

    def list(self) -> Sequence[SessionView]: ...

    def get(self, session_id: str) -> SessionView: ...

    def close(self, session_id: str) -> None: ...

    def revoke_client(self, client_id: str) -> None: ...

    async def end_conversation(self, conversation_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything the handlers may use.

    `desk` raises NotReady until the voice pipeline is loaded; `ready` tells whether every engine
    of the plan has answered its warm-up.
    """

    desk: Callable[[], Desk]
    ready: Callable[[], bool]
    health: Callable[[], dict[str, Any]]
    status: Callable[[], dict[str, Any]]
    configuration: Callable[[], dict[str, Any]]
    metrics: Callable[[], bytes]
    refused: Callable[[str], None]
    store: Store
    pairing: Pairing
    tickets: Tickets
    session_rate: RateLimiter
    paired_only: bool
    origins: tuple[str, ...]
    names: tuple[str, ...]

    def open_desk(self) -> Desk | None:
        """The desk; None while it loads, when nobody can be talking yet."""
        try:
            return self.desk()
        except NotReady:
            return None


BACKEND = web.AppKey("backend", Backend)
