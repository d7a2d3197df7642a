"""Paired clients and the audit trail."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from appliance.errors import StoreError
from appliance.store.pairings import PairingsFile
from appliance.store.records import AuditEntry, AuditRecord, Client
from appliance.store.store import Store

PHONE = Client("1", "Ann's phone", "admin", 10.0, 10.0, None)
LAPTOP = Client("2", "laptop", "user", 20.0, 20.0, None)


async def test_a_client_is_found_by_its_token_until_it_is_revoked(store: Store) -> None:
    clients = store.clients
    await clients.add(PHONE, "a" * 64)
    await clients.add(LAPTOP, "b" * 64)
    assert await clients.all() == [PHONE, LAPTOP]
    assert await clients.by_token_hash("a" * 64) == PHONE
    assert await clients.by_token_hash("c" * 64) is None
    assert await clients.revoke("1", 30.0)
    assert not await clients.revoke("1", 31.0)
    assert not await clients.revoke("3", 31.0)
    assert await clients.by_token_hash("a" * 64) is None
    assert await clients.by_token_hash("b" * 64) == LAPTOP
    assert [client.revoked_at for client in await clients.all()] == [30.0, None]


async def test_the_role_is_that_of_the_moment(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    assert await store.clients.role("1") == "admin"
    await store.clients.change("1", "guest", None)
    assert await store.clients.role("1") == "guest"
    await store.clients.revoke("1", 30.0)
    assert await store.clients.role("1") is None
    assert await store.clients.role("nobody") is None


async def test_a_token_belongs_to_one_client(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    for client, token in ((LAPTOP, "a" * 64), (PHONE, "b" * 64)):
        with pytest.raises(StoreError, match="UNIQUE"):
            await store.clients.add(client, token)
    assert await store.clients.all() == [PHONE]
    assert store.alive


async def test_seen_at_has_a_precision_of_a_minute(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    for now, seen in ((60.0, 10.0), (70.0, 70.0), (65.0, 70.0), (129.0, 70.0), (1e6, 1e6)):
        store.clients.touch("1", now)
        await store.flush()
        (client,) = await store.clients.all()
        assert client.seen_at == seen


async def test_a_client_gets_another_name_and_keeps_its_role(path: Path) -> None:
    store = Store.open(path)
    await store.clients.add(PHONE, "a" * 64)
    assert await store.clients.change("1", None, "the hall")
    renamed = replace(PHONE, name="the hall")
    assert await store.clients.all() == [renamed]
    await store.close()
    path.with_name("pairings.json").unlink()
    store = Store.open(path)
    assert await store.clients.all() == [renamed]
    await store.close()


async def test_a_client_that_the_file_knows_as_revoked_is_revoked(path: Path) -> None:
    store = Store.open(path)
    await store.clients.add(PHONE, "a" * 64)
    await store.close()
    file = PairingsFile(path.with_name("pairings.json"))
    file.write({"a" * 64: replace(PHONE, revoked_at=30.0)})  # what the database did not learn
    store = Store.open(path)
    assert await store.clients.by_token_hash("a" * 64) is None
    await store.close()
    path.with_name("pairings.json").unlink()
    store = Store.open(path)
    assert [client.revoked_at for client in await store.clients.all()] == [30.0]
    await store.close()


async def test_a_clock_that_was_ahead_leaves_no_time_in_the_future(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    for now in (1e9, 2e3):
        store.clients.touch("1", now)
        await store.flush()
        (client,) = await store.clients.all()
        assert client.seen_at == now


async def test_a_change_empties_the_cache_of_clients(store: Store) -> None:
    clients = store.clients
    await clients.add(PHONE, "a" * 64)
    assert await clients.by_token_hash("a" * 64) == PHONE
    assert await clients.change("1", "guest", None)
    found = await clients.by_token_hash("a" * 64)
    assert found is not None
    assert found.role == "guest"
    await clients.revoke("1", 30.0)
    assert await clients.by_token_hash("a" * 64) is None
    assert not await clients.change("1", "admin", None)
    assert not await clients.change("2", "admin", None)


async def test_a_client_read_while_it_is_revoked_is_not_cached(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    reading = [asyncio.create_task(store.clients.by_token_hash("a" * 64)) for _ in range(20)]
    await store.clients.revoke("1", 30.0)
    await asyncio.gather(*reading)
    assert await store.clients.by_token_hash("a" * 64) is None


async def test_pairings_survive_a_lost_history(path: Path) -> None:
    store = Store.open(path)
    await store.clients.add(PHONE, "a" * 64)
    await store.clients.add(LAPTOP, "b" * 64)
    await store.clients.revoke("2", 30.0)
    await store.close()
    path.write_bytes(b"damaged" * 1000)
    store = Store.open(path)
    assert store.quarantined is not None
    assert await store.clients.by_token_hash("a" * 64) == PHONE
    assert await store.clients.by_token_hash("b" * 64) is None
    await store.close()
    # And the new database has them too.
    path.with_name("pairings.json").write_bytes(b"[{")
    store = Store.open(path)
    assert [one.id for one in await store.clients.all()] == ["1", "2"]
    await store.close()


async def test_a_client_whose_token_was_spoilt_in_the_database_is_known_once(path: Path) -> None:
    store = Store.open(path)
    await store.clients.add(PHONE, "a" * 64)
    await store.clients.add(LAPTOP, "b" * 64)
    await store.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE clients SET token_sha256 = 'spoilt' WHERE id = ?", (LAPTOP.id,))
    store = Store.open(path)
    assert await store.clients.all() == [PHONE, LAPTOP]
    assert await store.clients.by_token_hash("b" * 64) == LAPTOP
    assert await store.clients.by_token_hash("spoilt") is None
    await store.close()


async def test_a_paired_client_is_known_while_the_database_is_gone(
    store: Store, path: Path
) -> None:
    await store.clients.add(PHONE, "a" * 64)
    path.unlink()
    assert await store.clients.by_token_hash("a" * 64) == PHONE
    assert await store.clients.role("1") == "admin"
    assert await store.clients.revoke("1", 30.0)
    assert await store.clients.by_token_hash("a" * 64) is None


def entry(at: float, what: str, detail: str = "") -> AuditEntry:
    return AuditEntry(at, what, "2", "10.0.0.2", "done", "1", detail)


async def test_the_audit_trail_is_read_newest_first(store: Store) -> None:
    entries = [
        entry(1.0, "paired", "Ann's phone as admin"),
        AuditEntry(2.0, "paired", None, "10.0.0.3", "pairing_refused", None, "wrong code"),
        entry(3.0, "revoked"),
    ]
    for each in entries:
        store.clients.audit(each)
    await store.flush()
    trail = [AuditRecord(**asdict(each), id=id) for id, each in enumerate(entries, start=1)]
    assert await store.clients.audit_trail() == trail[::-1]
    assert await store.clients.audit_trail(1, before=3) == [trail[1]]
    assert await store.clients.audit_trail(what="revoked") == [trail[2]]
    assert await store.clients.audit_trail(client_id="2") == [trail[2], trail[0]]
    assert await store.clients.audit_trail(limit=1) == trail[2:]


async def test_an_entry_with_the_detail_of_the_latest_is_not_added(store: Store) -> None:
    for at, detail in ((1.0, "open"), (2.0, "open"), (3.0, "paired"), (4.0, "open")):
        store.clients.audit_news(entry(at, "settings", detail))
        store.clients.audit(entry(at, "revoked"))
    await store.flush()
    settings = [e for e in await store.clients.audit_trail() if e.what == "settings"]
    assert [e.at for e in settings] == [4.0, 3.0, 1.0]


@pytest.mark.parametrize("statement", ["UPDATE audit SET detail = ''", "DELETE FROM audit"])
async def test_the_audit_trail_cannot_be_rewritten(
    store: Store, path: Path, statement: str
) -> None:
    store.clients.audit(entry(1.0, "revoked"))
    await store.flush()
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)


async def test_the_audit_trail_keeps_its_last_ten_thousand_entries(
    store: Store, path: Path
) -> None:
    fill = """WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10050)
        INSERT INTO audit (at, what, detail) SELECT i, 'x', '' FROM n"""
    with sqlite3.connect(path) as db:
        db.execute(fill)
        kept = db.execute("SELECT count(*), min(id), max(id) FROM audit").fetchone()
    assert kept == (10_000, 51, 10_050)
