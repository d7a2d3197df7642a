"""What a transport needs of a WebSocket, and what it reports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Socket(Protocol):
    """A WebSocket, whoever implements it."""

    async def receive(self) -> bytes | str | None:
        """The next message; None once the socket is closed, for whatever reason."""

    async def send(self, data: bytes) -> None:
        """Writes a binary message; waits while the peer does not read. No error when closed."""

    async def close(self, code: int, reason: str) -> None:
        """Closes with a WebSocket status code. Closing twice is closing once."""


@dataclass(frozen=True, slots=True)
class TransportEvents:
    """What a transport reports, without waiting: counters, timings, the end of the line."""

    malformed: Callable[[str], None]
    dropped: Callable[[str], None]
    audio_sent: Callable[[], None]
    disconnected: Callable[[], None]
