import pytest

from appliance.errors import StoreError
from appliance.store import Store
from appliance.store.records import AuditEntry, Client

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


async def test_a_token_belongs_to_one_client(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    for client, token in ((LAPTOP, "a" * 64), (PHONE, "b" * 64)):
        with pytest.raises(StoreError, match="UNIQUE"):
            await store.clients.add(client, token)
    assert await store.clients.all() == [PHONE]
    assert store.alive


async def test_seen_is_kept_to_the_minute(store: Store) -> None:
    await store.clients.add(PHONE, "a" * 64)
    for now, seen in ((60.0, 10.0), (70.0, 70.0), (65.0, 70.0), (129.0, 70.0), (1e6, 1e6)):
        store.clients.touch("1", now)
        await store.flush()
        (client,) = await store.clients.all()
        assert client.seen_at == seen


async def test_the_audit_trail_is_read_newest_first(store: Store) -> None:
    entries = [
        AuditEntry(1.0, "paired", "1", "10.0.0.2", "Ann's phone as admin"),
        AuditEntry(2.0, "refused", None, "10.0.0.3", "wrong code"),
        AuditEntry(3.0, "revoked", "1", None, ""),
    ]
    for entry in entries:
        store.clients.audit(entry)
    await store.flush()
    assert await store.clients.audit_trail() == entries[::-1]
    assert await store.clients.audit_trail(limit=1) == entries[2:]
