"""Keeps the paired clients in a file of their own too: a lost history locks nobody out.

The database is the truth while it lasts. The file beside it holds the same clients; what a new or
a repaired database lacks of them is put back when it is opened.
"""

import json
import logging
import sqlite3
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.atomic_file import replace_text
from appliance.errors import write_error
from appliance.store.connection import transaction
from appliance.store.records import Client

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

COLUMNS = "id, name, role, created_at, seen_at, revoked_at"
INSERT = f"INSERT INTO clients ({COLUMNS}, token_sha256) VALUES (?, ?, ?, ?, ?, ?, ?)"

Pairings = dict[str, Client]
"""Clients by the hash of their token, in the order in which they were paired."""


class PairingsFile:
    """The file. It is replaced as a whole, so that a cut of the power leaves the old or the new."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Pairings:
        """Returns what the file has; nothing where it is missing or damaged."""
        try:
            rows = json.loads(self._path.read_bytes())
            return {row.pop("token_sha256"): Client(**row) for row in rows}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s cannot be used: %s", self._path, error)
            return {}

    def write(self, pairings: Pairings) -> None:
        """Replaces the file. A failure is logged: the database has the clients as well."""
        rows = [{**asdict(client), "token_sha256": token} for token, client in pairings.items()]
        try:
            replace_text(self._path, json.dumps(rows, indent=1))
        except OSError as error:
            log.warning("%s", write_error(f"{self._path}", error).message)


def restore(db: "Database", file: PairingsFile) -> Pairings:
    """Returns all clients, after putting back into the database those that only the file has.

    A client that either of them knows as revoked is revoked.
    """
    kept = _clients_of(db)
    written = file.read()
    tokens = {client.id: token for token, client in written.items()}
    # A token of the database that the file knows otherwise was spoilt, and opens nothing.
    spoilt = [token for token, one in kept.items() if tokens.get(one.id, token) != token]
    for token in spoilt:
        _take(db, token)
        del kept[token]
    for token, client in written.items():
        known = kept.get(token)
        if known is None or (client.revoked_at is not None and known.revoked_at is None):
            kept[token] = client if known is None else replace(known, revoked_at=client.revoked_at)
            _put(db, token, kept[token])
    if kept:
        file.write(kept)
    return kept


def _clients_of(db: "Database") -> Pairings:
    rows = db.query(f"SELECT {COLUMNS}, token_sha256 FROM clients ORDER BY rowid")
    return {row.pop("token_sha256"): Client(**row) for row in rows}


def _take(db: "Database", token: str) -> None:
    try:
        with transaction(db):
            db.execute("DELETE FROM clients WHERE token_sha256 = ?", (token,))
    except sqlite3.Error as error:
        log.warning("a spoilt token could not be taken out: %s", error)


def _put(db: "Database", token: str, client: Client) -> None:
    try:
        with transaction(db):
            db.execute("DELETE FROM clients WHERE token_sha256 = ?", (token,))
            db.execute(INSERT, (*astuple(client), token))
    except sqlite3.Error as error:  # a full disk; the client may connect all the same
        log.warning("the client %s could not be put back: %s", client.id, error)
