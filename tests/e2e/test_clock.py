"""The clock is set while the appliance runs: nothing expires early, late or never."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.client import calling
from tests.api.test_clients import new_code, redeem
from tests.daemon import Daemon, running
from tests.live import listening
from tests.stranger import ask, connected
from tests.wall_clock import WallClock, build_library

pytestmark = pytest.mark.slow

HOUR, DAY = 3_600, 86_400
YEARS = 20 * 365 * DAY
IN_1970 = 40_000 - int(time.time())  # the offset of a clock that has just begun
SOON, LATER = 3.0, 600.0  # seconds: the lengths of two timers


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("clock"))


@asynccontextmanager
async def appliance(
    library: Path, directory: Path, ahead: int
) -> AsyncIterator[tuple[Daemon, WallClock]]:
    clock = WallClock(library, directory / "clock")
    clock.set(ahead)
    overrides = {"APPLIANCE__ACCESS__MODE": "paired", **clock.environment}
    async with running(directory / "state", overrides) as daemon:
        yield daemon, clock


async def pair(daemon: Daemon, code: str) -> str:
    answer = await redeem(daemon, code)
    assert answer.status == 200, answer.text
    return str(answer.json["token"])


async def timer(daemon: Daemon, token: str, seconds: float) -> str:
    bearer = {"Authorization": f"Bearer {token}"}
    made = await ask(daemon, "POST", "/api/timers", body={"seconds": seconds}, headers=bearer)
    assert made.status == 201, made.text
    return str(made.json["id"])


@pytest.mark.parametrize(
    ("before", "after"),
    [(0, DAY), (0, -HOUR), (0, YEARS), (IN_1970, 0)],
    ids=["a day forward", "an hour back", "20 years", "from 1970"],
)
async def test_what_lives_in_the_process_does_not_follow_the_clock(
    library: Path, tmp_path: Path, before: int, after: int
) -> None:
    async with appliance(library, tmp_path, before) as (daemon, clock):
        token = await pair(daemon, new_code(daemon))
        bearer = {"Authorization": f"Bearer {token}"}
        code = new_code(daemon)
        offered = (await ask(daemon, "POST", "/api/sessions", headers=bearer)).json
        async with (
            calling(daemon.base_url, token=token) as call,
            listening(daemon.base_url, bearer) as live,
        ):
            long = await timer(daemon, token, LATER)
            began = time.monotonic()
            short = await timer(daemon, token, SOON)
            clock.set(after)
            rang = await live.wait_for("timer", state="rang", id=short, seconds=SOON + 20)
            assert time.monotonic() - began >= SOON
            assert abs(rang["left"]) < 10  # not a day late

            listed = await ask(daemon, "GET", "/api/timers", headers=bearer)
            (running_on,) = [one for one in listed.json["timers"] if one["id"] == long]
            assert LATER - 120 < running_on["left"] < LATER
            assert abs(running_on["due"] - (time.time() + after + running_on["left"])) < 60

            sent = await call.type("what day is it")
            answer = await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
            assert answer
            again = await ask(daemon, "POST", "/api/sessions", headers=bearer)
            assert again.status == 201, again.text
            async with connected(daemon, offered["ws_url"], bearer) as other:
                assert not other.closed
            assert call.close_code is None
        await pair(daemon, code)
        me = await ask(daemon, "GET", "/api/me", headers=bearer)
        assert me.status == 200


async def test_a_timer_outlives_a_restart_under_a_clock_that_begins_in_1970(
    library: Path, tmp_path: Path
) -> None:
    async with appliance(library, tmp_path, 0) as (daemon, _):
        token = await pair(daemon, new_code(daemon))
        kept = await timer(daemon, token, LATER)
    async with appliance(library, tmp_path, IN_1970) as (daemon, clock):
        clock.set(0)
        bearer = {"Authorization": f"Bearer {token}"}
        listed = await ask(daemon, "GET", "/api/timers", headers=bearer)
        (timer_now,) = listed.json["timers"]
        assert timer_now["id"] == kept
        assert 0 < timer_now["left"] <= LATER
