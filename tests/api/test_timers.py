"""Timers over HTTP: set, changed and ended by hand, and heard of on the light connection."""

import pytest

from appliance.client import calling
from tests.api.test_clients import paired
from tests.daemon import Daemon
from tests.live import listening
from tests.stranger import ask

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_timer_rings_without_a_session_until_it_is_stopped(daemon: Daemon) -> None:
    async with listening(daemon.base_url) as live:
        made = await ask(daemon, "POST", "/api/timers", body={"seconds": 1, "name": "Egg"})
        assert (made.status, made.json["name"], made.json["state"]) == (201, "egg", "set")
        place = f"/api/timers/{made.json['id']}"
        await live.wait_for("timer", state="rang", id=made.json["id"])
        listed = (await daemon.get("/api/timers"))[1]["timers"]
        assert [(timer["id"], timer["state"]) for timer in listed] == [(made.json["id"], "rang")]
        assert (await ask(daemon, "DELETE", place)).status == 204
        await live.wait_for("timer", state="stopped", id=made.json["id"])
    assert (await daemon.get("/api/timers"))[1]["timers"] == []
    assert (await ask(daemon, "DELETE", place)).code == "not_found"


async def test_a_timer_is_renamed_paused_and_resumed(daemon: Daemon) -> None:
    made = await ask(daemon, "POST", "/api/timers", body={"seconds": 600})
    place = f"/api/timers/{made.json['id']}"
    assert (await ask(daemon, "PATCH", place, body={"name": "tea", "paused": True})).status == 204
    [timer] = (await daemon.get("/api/timers"))[1]["timers"]
    assert (timer["name"], timer["state"]) == ("tea", "paused")
    assert timer["left"] <= 600
    assert (await ask(daemon, "PATCH", place, body={"paused": False})).status == 204
    async with calling(daemon.base_url) as call:
        sent = await call.type("how long is left on the tea timer")
        await call.wait_for(lambda a: "tea timer" in str(a.data.get("text")), since=sent)
    assert (await ask(daemon, "DELETE", place)).status == 204


@pytest.mark.parametrize(
    "body", [{}, {"seconds": 0}, {"seconds": 1e9}, {"seconds": 5, "name": "x" * 61}, {"a": 1}]
)
async def test_what_is_no_timer_is_refused(daemon: Daemon, body: dict[str, object]) -> None:
    answer = await ask(daemon, "POST", "/api/timers", body=body)
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_spoken_stop_silences_an_alarm(daemon: Daemon) -> None:
    async with calling(daemon.base_url) as call, listening(daemon.base_url) as live:
        made = await ask(daemon, "POST", "/api/timers", body={"seconds": 1})
        await live.wait_for("timer", state="rang", id=made.json["id"])
        await call.wait_for(lambda a: a.data.get("state") == "rang")
        await call.type("stop")
        await live.wait_for("timer", state="stopped", id=made.json["id"])


async def test_guests_change_only_their_own_timers(paired_daemon: Daemon) -> None:
    _, guest = await paired(paired_daemon, "guest")
    _, user = await paired(paired_daemon, "user")
    body = {"seconds": 600}
    own = await ask(paired_daemon, "POST", "/api/timers", body=body, headers=guest)
    other = await ask(paired_daemon, "POST", "/api/timers", body=body, headers=user)
    for method in ("PATCH", "DELETE"):
        path = f"/api/timers/{other.json['id']}"
        refused = await ask(paired_daemon, method, path, body={}, headers=guest)
        assert (refused.status, refused.code) == (403, "forbidden")
    for made, bearer in ((own, guest), (other, user)):
        path = f"/api/timers/{made.json['id']}"
        assert (await ask(paired_daemon, "DELETE", path, headers=bearer)).status == 204


async def test_guests_silence_whatever_rings(paired_daemon: Daemon) -> None:
    _, guest = await paired(paired_daemon, "guest")
    _, user = await paired(paired_daemon, "user")
    async with listening(paired_daemon.base_url, guest) as live:
        body = {"seconds": 1}
        made = await ask(paired_daemon, "POST", "/api/timers", body=body, headers=user)
        await live.wait_for("timer", state="rang", id=made.json["id"])
        path = f"/api/timers/{made.json['id']}"
        assert (await ask(paired_daemon, "DELETE", path, headers=guest)).status == 204
        await live.wait_for("timer", state="stopped", id=made.json["id"])
