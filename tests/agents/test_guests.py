"""Guests talk; they give nobody work. Through the front door of an appliance that is paired."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.client import calling
from tests.agents.team_server import team_server
from tests.agents.test_daemon import hears, overrides, reaches
from tests.api.test_pairing import paired
from tests.daemon import running

pytestmark = pytest.mark.slow

NOT_FOR_GUESTS = "Sorry, that is not for guests; an administrator can make you a user."


async def test_a_guest_starts_and_stops_no_work_until_it_is_made_a_user(tmp_path: Path) -> None:
    async with (
        team_server() as team,
        running(
            tmp_path, {**overrides(tmp_path, team.url), "APPLIANCE__ACCESS__MODE": "paired"}
        ) as daemon,
    ):
        guest, headers = await paired(daemon, "guest")
        token = headers["Authorization"].removeprefix("Bearer ")
        async with calling(daemon.base_url, token=token) as call:
            for sentence in (
                "tell claude to run the tests",
                "pause claude code",
                "tell the team to paint the fence",
                "pause the team",
                "reset the team",
                "what is running",
                "cancel that",
                "read me the last result",
                "continue the task",
                "what did I ask you today",
            ):
                sent = await call.type(sentence)
                await hears(call, NOT_FOR_GUESTS, sent)
            asked = await call.type("what time is it")
            await hears(call, "It is", asked)
            with closing(sqlite3.connect(daemon.database)) as db:
                assert db.execute("SELECT count(*) FROM tasks").fetchone() == (0,)
            assert not (tmp_path / "calls").exists()
            assert {message["type"] for message in team.got} <= {"hello"}

            changed = daemon.command_line("clients", "role", guest, "user")
            assert changed.returncode == 0, changed.stderr
            sent = await call.type("tell claude to run the tests")
            await reaches(call, "done", sent)
    (run,) = (tmp_path / "calls").read_text().splitlines()
    assert "run the tests" in json.loads(run)["arguments"][1]
