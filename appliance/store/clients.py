"""Who is paired, and the audit trail of who was let in, refused and revoked."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from appliance.store.records import AuditEntry, Client

if TYPE_CHECKING:
    from sqlite_utils import Database

SEEN_STEP = 60.0  # seconds; so that not every request costs a commit
COLUMNS = "id, name, role, created_at, seen_at, revoked_at"
AUDIT_COLUMNS = "at, what, who, address, outcome, client_id, detail"
REMEMBERED = 256  # clients; each request asks for one, some of them twice (nginx asks first)

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
        self._known: OrderedDict[str, Client] = OrderedDict()
        self._changes = 0

    async def add(self, client: Client, token_sha256: str) -> None:
        """Pairs a client. Raises StoreError where its id or its token exists already."""
        await self._write(
            lambda db: db.execute(
                f"INSERT INTO clients ({COLUMNS}, token_sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*astuple(client), token_sha256),
            )
        )

    async def by_token_hash(self, token_sha256: str) -> Client | None:
        """The client that holds the token, unless it was revoked.

        Remembered until anything changes, so `seen_at` may be older than what `all` tells.
        """
        if token_sha256 in self._known:
            self._known.move_to_end(token_sha256)
            return self._known[token_sha256]
        changes = self._changes
        found = await self._read(
            lambda db: _clients(db, "WHERE token_sha256 = ? AND revoked_at IS NULL", token_sha256)
        )
        # What was read before a change is told, as it would have been then, but not remembered.
        if found and changes == self._changes:
            self._known[token_sha256] = found[0]
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found[0] if found else None

    async def role(self, client_id: str) -> str | None:
        """What the client is by now; None where it was revoked or there is none."""
        found = await self._read(
            lambda db: _clients(db, "WHERE id = ? AND revoked_at IS NULL", client_id)
        )
        return found[0].role if found else None

    async def all(self) -> list[Client]:
        """All clients, revoked ones too, in the order in which they were paired."""
        return await self._read(lambda db: _clients(db, "ORDER BY rowid"))

    async def revoke(self, client_id: str, now: float) -> bool:
        """Takes its access away; whether there was anything to revoke."""
        return await self._change("revoked_at", now, client_id)

    async def change_role(self, client_id: str, role: str) -> bool:
        """Whether there is such a client; one that was revoked is none."""
        return await self._change("role", role, client_id)

    async def remove(self, prefix: str) -> list[str]:
        """Deletes the clients whose ids begin so; their ids."""
        try:
            return await self._write(partial(_remove, prefix=prefix))
        finally:
            self._changes += 1
            self._known.clear()

    async def _change(self, column: str, value: str | float, client_id: str) -> bool:
        statement = f"UPDATE clients SET {column} = ? WHERE id = ? AND revoked_at IS NULL"
        try:
            return await self._write(
                lambda db: db.execute(statement, (value, client_id)).rowcount > 0
            )
        finally:
            # Also where it failed: forgetting too much does no harm.
            self._changes += 1
            self._known.clear()

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
        self._post(lambda db: add_entry(db, entry))

    def audit_news(self, entry: AuditEntry) -> None:
        """Adds to the audit trail what its latest entry of that kind does not say already."""
        self._post(
            lambda db: db.execute(
                f"""INSERT INTO audit ({AUDIT_COLUMNS}) SELECT ?, ?, ?, ?, ?, ?, ? WHERE ?
                IS NOT (SELECT detail FROM audit WHERE what = ? ORDER BY id DESC LIMIT 1)""",
                (*astuple(entry), entry.detail, entry.what),
            )
        )

    async def audit_trail(self, limit: int = 100) -> list[AuditEntry]:
        """The latest entries, newest first."""
        return await self._read(lambda db: _entries(db, limit))


def _remove(db: "Database", prefix: str) -> list[str]:
    statement = "DELETE FROM clients WHERE substr(id, 1, ?) = ? RETURNING id"
    return [row[0] for row in db.execute(statement, (len(prefix), prefix)).fetchall()]


def add_entry(db: "Database", entry: AuditEntry) -> None:
    """Adds to the audit trail, in the transaction that is open."""
    db.execute(f"INSERT INTO audit ({AUDIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(entry))


def _clients(db: "Database", clause: str, *values: str) -> list[Client]:
    return [Client(**row) for row in db.query(f"SELECT {COLUMNS} FROM clients {clause}", values)]


def _entries(db: "Database", limit: int) -> list[AuditEntry]:
    rows = db.query(f"SELECT {AUDIT_COLUMNS} FROM audit ORDER BY id DESC LIMIT ?", (limit,))
    return [AuditEntry(**row) for row in rows]
