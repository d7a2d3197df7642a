"""Keeps the paired clients, and the audit trail of pairings, refusals and changes."""

import asyncio
from dataclasses import astuple, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.errors import StoreError
from appliance.store.connection import Perform, Post
from appliance.store.pairings import INSERT, Pairings, PairingsFile
from appliance.store.records import AuditEntry, AuditRecord, Client

if TYPE_CHECKING:
    from sqlite_utils import Database

SEEN_SECONDS = 60.0  # the precision of seen_at, so that not every request costs a commit
AUDIT_COLUMNS = "at, what, who, address, outcome, client_id, detail"


class Clients:
    """The paired clients, and the audit trail.

    The clients are kept in memory, in the database and in a file: whoever is paired may connect
    while the database cannot be read, and a revocation counts while it cannot be written.
    """

    def __init__(
        self, write: Perform, read: Perform, post: Post, file: PairingsFile, known: Pairings
    ) -> None:
        self._write = write
        self._read = read
        self._post = post
        self._file = file
        self._known = known
        self._saving = asyncio.Lock()

    async def add(self, client: Client, token_sha256: str) -> None:
        """Pairs a client. Raises StoreError where its id or its token exists already."""
        await self._write(lambda db: db.execute(INSERT, (*astuple(client), token_sha256)))
        await self._keep({**self._known, token_sha256: client})

    async def by_token_hash(self, token_sha256: str) -> Client | None:
        """Returns the client with this token; None where there is none, or it was revoked."""
        client = self._known.get(token_sha256)
        return client if client is not None and client.revoked_at is None else None

    async def role(self, client_id: str) -> str | None:
        """Returns the current role of a client; None where it was revoked or there is none."""
        client = self._live(client_id)
        return client.role if client else None

    async def all(self) -> list[Client]:
        """Returns all clients, revoked ones too, in the order in which they were paired."""
        return list(self._known.values())

    async def revoke(self, client_id: str, now: float) -> bool:
        """Ends the access of a client; False where there is none, or it was revoked before.

        Where the database cannot be written now, it learns of it later.
        """
        client = self._live(client_id)
        if client is None:
            return False
        await self._replace(replace(client, revoked_at=now))
        statement = "UPDATE clients SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        try:
            await self._write(lambda db: db.execute(statement, (now, client_id)))
        except StoreError:
            self._post(lambda db: db.execute(statement, (now, client_id)))
        return True

    async def change(self, client_id: str, role: str | None, name: str | None) -> bool:
        """Gives a client another role or name, where given; False where it may not connect."""
        client = self._live(client_id)
        if client is None:
            return False
        changed = replace(client, role=role or client.role, name=name or client.name)
        values = (changed.role, changed.name, client_id)
        await self._write(
            lambda db: db.execute("UPDATE clients SET role = ?, name = ? WHERE id = ?", values)
        )
        await self._replace(changed)
        return True

    async def remove(self, prefix: str) -> list[str]:
        """Deletes the clients whose ids begin with `prefix`, and returns their ids."""
        removed = await self._write(partial(_remove, prefix=prefix))
        await self._keep(
            {k: one for k, one in self._known.items() if not one.id.startswith(prefix)}
        )
        return removed

    def touch(self, client_id: str, now: float) -> None:
        """Notes to the minute that the client was seen; returns at once."""
        client = self._live(client_id)
        # In the future, where the clock was ahead; it would stay there until the clock is, too.
        if client is None or abs(now - client.seen_at) < SEEN_SECONDS:
            return
        self._put(replace(client, seen_at=now))
        self._post(
            lambda db: db.execute("UPDATE clients SET seen_at = ? WHERE id = ?", (now, client_id))
        )

    def _live(self, client_id: str) -> Client | None:
        found = (one for one in self._known.values() if one.id == client_id)
        return next((one for one in found if one.revoked_at is None), None)

    def _put(self, client: Client) -> None:
        for token, known in self._known.items():
            if known.id == client.id:
                self._known[token] = client
                return

    async def _replace(self, client: Client) -> None:
        self._put(client)
        await self._keep(self._known)

    async def _keep(self, known: Pairings) -> None:
        self._known = known
        async with self._saving:
            await asyncio.to_thread(self._file.write, dict(self._known))

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


def _entries(db: "Database", filters: dict[str, Any]) -> list[AuditRecord]:
    rows = db.query(
        f"""SELECT id, {AUDIT_COLUMNS} FROM audit
        WHERE (:before IS NULL OR id < :before) AND (:what IS NULL OR what = :what)
          AND (:client_id IS NULL OR :client_id IN (who, client_id))
        ORDER BY id DESC LIMIT :limit""",
        filters,
    )
    return [AuditRecord(**row) for row in rows]
