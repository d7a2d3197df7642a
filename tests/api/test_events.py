"""The light connection: what it carries without a session, to whom, and how it ends."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from appliance.client import calling
from appliance.event_hub import MOST_PER_CLIENT
from tests.api.test_clients import paired
from tests.daemon import Daemon, running
from tests.live import listening
from tests.stranger import ask, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_page_without_a_session_hears_of_a_timer(daemon: Daemon) -> None:
    async with listening(daemon.base_url) as live:
        assert live.answer.headers["Content-Type"].startswith("text/event-stream")
        assert live.answer.headers["X-Accel-Buffering"] == "no"
        async with calling(daemon.base_url) as call:
            await call.type("set a tea timer for ten minutes")
            timer = await live.wait_for("timer", state="set", name="tea")
            await call.type("cancel the tea timer")
            await live.wait_for("timer", state="cancelled", id=timer["id"])


async def test_a_client_that_opens_too_many_is_refused(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "guest")
    async with AsyncExitStack() as stack:
        for _ in range(MOST_PER_CLIENT):
            await stack.enter_async_context(listening(paired_daemon.base_url, bearer))
        refusal = await ask(paired_daemon, "GET", "/api/events", headers=bearer)
        assert (refusal.status, refusal.code) == (429, "too_many_requests")
        assert int(refusal.headers["Retry-After"]) > 0


async def test_another_role_ends_the_connection(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "guest")
    _, admin = await paired(paired_daemon, "admin")
    async with listening(paired_daemon.base_url, bearer) as live:
        path = f"/api/clients/{client_id}"
        changed = await ask(paired_daemon, "PATCH", path, body={"role": "user"}, headers=admin)
        assert changed.status == 204
        async with asyncio.timeout(20):
            await live.ended.wait()


async def test_the_connection_of_a_revoked_client_ends(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "user")
    _, admin = await paired(paired_daemon, "admin")
    async with listening(paired_daemon.base_url, bearer) as live:
        gone = await ask(paired_daemon, "DELETE", f"/api/clients/{client_id}", headers=admin)
        assert gone.status == 204
        async with asyncio.timeout(20):
            await live.ended.wait()


async def test_administrators_hear_of_clients_and_others_do_not(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")
    _, user = await paired(paired_daemon, "user")
    base = paired_daemon.base_url
    async with listening(base, admin) as watching, listening(base, user) as other:
        await paired(paired_daemon, "guest")
        await watching.wait_for("clients")
        body = {"seconds": 600}
        made = await ask(paired_daemon, "POST", "/api/timers", body=body, headers=user)
        await other.wait_for("timer", id=made.json["id"])  # after the other, in the same order
        assert "clients" not in {topic for topic, _ in other.events}
        await ask(paired_daemon, "DELETE", f"/api/timers/{made.json['id']}", headers=user)


async def test_a_page_hears_when_a_job_on_models_ends(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")
    _, user = await paired(paired_daemon, "user")
    base = paired_daemon.base_url
    async with listening(base, admin) as watching, listening(base, user) as other:
        assert (await ask(paired_daemon, "POST", "/api/models", headers=admin)).status == 202

        async def heard() -> bool:  # that it is queued, begins and has ended
            return [topic for topic, _ in watching.events].count("models") == 3

        await until(heard, 60)
        [job] = (await ask(paired_daemon, "GET", "/api/models", headers=admin)).json["jobs"]
        assert job["state"] == "done"
        body = {"seconds": 600}
        made = await ask(paired_daemon, "POST", "/api/timers", body=body, headers=user)
        await other.wait_for("timer", id=made.json["id"])  # after the others, in the same order
        assert "models" not in {topic for topic, _ in other.events}
        await ask(paired_daemon, "DELETE", f"/api/timers/{made.json['id']}", headers=user)


async def test_open_connections_do_not_delay_the_end_of_the_appliance(tmp_path: Path) -> None:
    async with running(tmp_path, until="/health") as daemon, listening(daemon.base_url) as live:
        assert await daemon.stop() == 0
        async with asyncio.timeout(20):
            await live.ended.wait()
