"""Guests can talk and give agents no work: through the HTTP API of a paired appliance."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from appliance.client import calling
from tests.agents.team_server import TeamServer, team_server
from tests.agents.test_daemon import hears, overrides, reaches, said
from tests.api.test_clients import paired
from tests.daemon import Daemon, running
from tests.stranger import ask, until

pytestmark = pytest.mark.slow

NOT_FOR_GUESTS = "Sorry, that is not for guests; an administrator can make you a user."


@asynccontextmanager
async def with_a_team(state: Path) -> AsyncIterator[tuple[TeamServer, Daemon]]:
    """A running appliance in paired mode, with an agent team."""
    async with team_server() as team:
        settings = {**overrides(state, team.url), "APPLIANCE__ACCESS__MODE": "paired"}
        async with running(state, settings) as daemon:
            yield team, daemon


async def test_a_guest_controls_no_tasks_until_it_becomes_a_user(tmp_path: Path) -> None:
    async with with_a_team(tmp_path) as (team, daemon):
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

            changed = await asyncio.to_thread(daemon.command_line, "clients", "role", guest, "user")
            assert changed.returncode == 0, changed.stderr
            sent = await call.type("tell claude to run the tests")
            await reaches(call, "done", sent)
    (run,) = (tmp_path / "calls").read_text().splitlines()
    assert "run the tests" in json.loads(run)["arguments"][1]


async def test_a_guest_does_not_hear_results_of_others(tmp_path: Path) -> None:
    settings = {**overrides(tmp_path), "APPLIANCE__ACCESS__MODE": "paired"}
    async with running(tmp_path, settings) as daemon:
        (_, user), (_, guest) = [await paired(daemon, role) for role in ("user", "guest")]
        tokens = [each["Authorization"].removeprefix("Bearer ") for each in (user, guest)]
        async with calling(daemon.base_url, token=tokens[0]) as call:
            sent = await call.type("tell claude to wait for it")
            task = await reaches(call, "running", sent)
        async with calling(daemon.base_url, token=tokens[1]) as visitor:
            (tmp_path / "project" / "go").touch()

            async def is_done() -> bool:
                answer = await ask(daemon, "GET", f"/api/tasks/{task['id']}", headers=user)
                return bool(answer.json["state"] == "done")

            await until(is_done)
            await hears(visitor, "It is", await visitor.type("what time is it"))
            async with calling(daemon.base_url, token=tokens[0]) as call:
                await hears(call, "Claude Code is done. It was worth it.")
            assert "Claude" not in said(visitor, 0)


async def test_a_guest_is_told_neither_of_agents_nor_their_messages(tmp_path: Path) -> None:
    async with with_a_team(tmp_path) as (team, daemon):
        (_, user), (_, guest) = [await paired(daemon, role) for role in ("user", "guest")]
        tokens = [each["Authorization"].removeprefix("Bearer ") for each in (user, guest)]
        async with (
            calling(daemon.base_url, token=tokens[0]) as call,
            calling(daemon.base_url, token=tokens[1]) as visitor,
        ):
            for somebody, knows in ((call, True), (visitor, False)):
                asked = await somebody.type("what can you do")
                await hears(somebody, "Just ask.", asked)
                assert ("Claude" in said(somebody, asked)) is knows
            await team.until("")
            for number in range(3):
                await team.say(type="message", text=f"Fence {number} is dry.")
            await call.wait_for(lambda a: a.data.get("text") == "Fence 2 is dry.")
            told = [a.data["text"] for a in call.after(0, "server-message") if "Fence" in str(a)]
            assert told == [f"Fence {number} is dry." for number in range(3)]
            await hears(visitor, "It is", await visitor.type("what time is it"))
            assert not [a for a in visitor.after(0, "server-message") if "Fence" in str(a)]
