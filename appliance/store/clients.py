"""Who is paired, and the audit trail of who was let in, refused and revoked."""

from collections.abc import Callable
from dataclasses import astuple
from typing import TYPE_CHECKING, Protocol, TypeVar

from appliance.store.records import AuditEntry, Client

if TYPE_CHECKING:
    from sqlite_utils import Database

SEEN_STEP = 60.0  # seconds; so that not every request costs a commit
COLUMNS = "id, name, role, created_at, seen_at, revoked_at"

T = TypeVar("T")


class Perform(Protocol):
    """Does something with the database, off the event loop."""

    async def __call__(self, apply: "Callable[[Database], T]") -> T:
        """The result once it is read, or committed. Raises StoreError."""


class Clients:
    """The paired clients, through the writer and the readers of a store."""

    def __init__(
        self, write: Perform, read: Perform, post: "Callable[[Callable[[Database], object]], None]"
    ) -> None:
        self._write = write
        self._read = read
        self._post = post

    async def add(self, client: Client, token_sha256: str) -> None:
        """Pairs a client. Raises StoreError where its id or its token exists already."""
        await self._write(
            lambda db: db.execute(
                f"INSERT INTO clients ({COLUMNS}, token_sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*astuple(client), token_sha256),
            )
        )

    async def by_token_hash(self, token_sha256: str) -> Client | None:
        """The client that holds the token, unless it was revoked."""
        found = await self._read(
            lambda db: _clients(db, "WHERE token_sha256 = ? AND revoked_at IS NULL", token_sha256)
        )
        return found[0] if found else None

    async def all(self) -> list[Client]:
        """All clients, revoked ones too, in the order in which they were paired."""
        return await self._read(lambda db: _clients(db, "ORDER BY rowid"))

    async def revoke(self, client_id: str, now: float) -> bool:
        """Whether there was anything to revoke."""
        return await self._write(
            lambda db: (
                db.execute(
                    "UPDATE clients SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                    (now, client_id),
                ).rowcount
                > 0
            )
        )

    def touch(self, client_id: str, now: float) -> None:
        """Notes that the client was seen, to the minute; returns at once."""
        self._post(
            lambda db: db.execute(
                "UPDATE clients SET seen_at = ? WHERE id = ? AND seen_at <= ?",
                (now, client_id, now - SEEN_STEP),
            )
        )

    def audit(self, entry: AuditEntry) -> None:
        """Adds to the audit trail; returns at once."""
        self._post(
            lambda db: db.execute(
                "INSERT INTO audit (at, what, client_id, address, detail) VALUES (?, ?, ?, ?, ?)",
                astuple(entry),
            )
        )

    async def audit_trail(self, limit: int = 100) -> list[AuditEntry]:
        """The latest entries, newest first."""
        return await self._read(lambda db: _entries(db, limit))


def _clients(db: "Database", clause: str, *values: str) -> list[Client]:
    return [Client(**row) for row in db.query(f"SELECT {COLUMNS} FROM clients {clause}", values)]


def _entries(db: "Database", limit: int) -> list[AuditEntry]:
    rows = db.query(
        "SELECT at, what, client_id, address, detail FROM audit ORDER BY id DESC LIMIT ?", (limit,)
    )
    return [AuditEntry(**row) for row in rows]
