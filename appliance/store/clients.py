"""Keeps the paired clients, and the audit trail of pairings, refusals and changes."""

from collections import OrderedDict
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.store.connection import Perform, Post
from appliance.store.records import AuditEntry, AuditRecord, Client

if TYPE_CHECKING:
    from sqlite_utils import Database

SEEN_SECONDS = 60.0  # the precision of seen_at, so that not every request costs a commit
COLUMNS = "id, name, role, created_at, seen_at, revoked_at"
AUDIT_COLUMNS = "at, what, who, address, outcome, client_id, detail"
CACHED = 256  # clients; each request looks one up, some of them twice (nginx asks first)


class Clients:
    """The table of paired clients, and the audit trail."""

    def __init__(self, write: Perform, read: Perform, post: Post) -> None:
        self._write = write
        self._read = read
        self._post = post
        self._cache: OrderedDict[str, Client] = OrderedDict()
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
        """Returns the client with this token; None where there is none, or it was revoked.

        Cached until any client changes, so `seen_at` may be older than in `all`.
        """
        if token_sha256 in self._cache:
            self._cache.move_to_end(token_sha256)
            return self._cache[token_sha256]
        changes = self._changes
        found = await self._read(
            lambda db: _clients(db, "WHERE token_sha256 = ? AND revoked_at IS NULL", token_sha256)
        )
        # A result read before a change is still returned, as it was true then, but not cached.
        if found and changes == self._changes:
            self._cache[token_sha256] = found[0]
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return found[0] if found else None

    async def role(self, client_id: str) -> str | None:
        """Returns the current role of a client; None where it was revoked or there is none."""
        found = await self._read(
            lambda db: _clients(db, "WHERE id = ? AND revoked_at IS NULL", client_id)
        )
        return found[0].role if found else None

    async def all(self) -> list[Client]:
        """Returns all clients, revoked ones too, in the order in which they were paired."""
        return await self._read(lambda db: _clients(db, "ORDER BY rowid"))

    async def revoke(self, client_id: str, now: float) -> bool:
        """Ends the access of a client; False where there is none, or it was revoked before."""
        return await self._change(
            "UPDATE clients SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", now, client_id
        )

    async def change(self, client_id: str, role: str | None, name: str | None) -> bool:
        """Gives a client another role or name, where given; False where it may not connect."""
        return await self._change(
            """UPDATE clients SET role = coalesce(?, role), name = coalesce(?, name)
            WHERE id = ? AND revoked_at IS NULL""",
            *(role, name, client_id),
        )

    async def remove(self, prefix: str) -> list[str]:
        """Deletes the clients whose ids begin with `prefix`, and returns their ids."""
        try:
            return await self._write(partial(_remove, prefix=prefix))
        finally:
            self._changes += 1
            self._cache.clear()

    async def _change(self, statement: str, *values: str | float | None) -> bool:
        try:
            return await self._write(lambda db: db.execute(statement, values).rowcount > 0)
        finally:
            # After a failure too: an empty cache does no harm.
            self._changes += 1
            self._cache.clear()

    def touch(self, client_id: str, now: float) -> None:
        """Notes to the minute that the client was seen; returns at once."""
        self._post(
            lambda db: db.execute(
                "UPDATE clients SET seen_at = ? WHERE id = ? AND seen_at <= ?",
                (now, client_id, now - SEEN_SECONDS),
            )
        )

    def audit(self, entry: AuditEntry) -> None:
        """Adds to the audit trail; returns at once."""
        self._post(lambda db: add_entry(db, entry))

    def audit_news(self, entry: AuditEntry) -> None:
        """Adds to the audit trail, unless the latest entry of that kind has the same detail."""
        self._post(
            lambda db: db.execute(
                f"""INSERT INTO audit ({AUDIT_COLUMNS}) SELECT ?, ?, ?, ?, ?, ?, ? WHERE ?
                IS NOT (SELECT detail FROM audit WHERE what = ? ORDER BY id DESC LIMIT 1)""",
                (*astuple(entry), entry.detail, entry.what),
            )
        )

    async def audit_trail(
        self,
        limit: int = 100,
        *,
        before: int | None = None,
        what: str | None = None,
        client_id: str | None = None,
    ) -> list[AuditRecord]:
        """Returns the latest entries, newest first; the next page are those `before` an id.

        Where given, only those of that action, and those by or about that client.
        """
        filters = {"limit": limit, "before": before, "what": what, "client_id": client_id}
        return await self._read(lambda db: _entries(db, filters))


def _remove(db: "Database", prefix: str) -> list[str]:
    statement = "DELETE FROM clients WHERE substr(id, 1, ?) = ? RETURNING id"
    return [row[0] for row in db.execute(statement, (len(prefix), prefix)).fetchall()]


def add_entry(db: "Database", entry: AuditEntry) -> None:
    """Adds to the audit trail, inside an open transaction."""
    db.execute(f"INSERT INTO audit ({AUDIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(entry))


def _clients(db: "Database", clause: str, *values: str) -> list[Client]:
    return [Client(**row) for row in db.query(f"SELECT {COLUMNS} FROM clients {clause}", values)]


def _entries(db: "Database", filters: dict[str, Any]) -> list[AuditRecord]:
    rows = db.query(
        f"""SELECT id, {AUDIT_COLUMNS} FROM audit
        WHERE (:before IS NULL OR id < :before) AND (:what IS NULL OR what = :what)
          AND (:client_id IS NULL OR :client_id IN (who, client_id))
        ORDER BY id DESC LIMIT :limit""",
        filters,
    )
    return [AuditRecord(**row) for row in rows]
