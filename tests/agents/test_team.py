"""The agent team on a real port: its messages, its connection, and what happens without it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agents import AgentEvent, AgentOutcome, AgentProgress
from appliance.agents.team import Team
from appliance.agents.team_messages import (
    TeamMessage,
    TeamMessageKind,
    fill_template,
    parse_message,
)
from appliance.config.layers import DEFAULT_FILE
from appliance.config.loader import load
from appliance.config.schema import TeamConfig as TeamConfig
from appliance.errors import AgentError
from tests.agents.conftest import task
from tests.agents.team_server import team_server

Make = Callable[..., TeamConfig]
DEFAULTS = load([DEFAULT_FILE], {}).agents.team


@asynccontextmanager
async def connected(
    config: TeamConfig, token: str = "", on_message: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Team]:
    team = Team(config, token, on_message)
    running = asyncio.create_task(team.run())
    try:
        async with asyncio.timeout(30):
            yield team
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_task_is_sent_reports_progress_and_ends(team_config: Make) -> None:
    heard: list[AgentEvent] = []
    async with (
        team_server() as server,
        connected(team_config(url=server.url), token="word") as team,
    ):
        outcome = await team.work(task("paint it"), heard.append)
        assert outcome == AgentOutcome(True, "Did paint it", 0.5)
        assert heard == [AgentProgress("Working on paint it")]
        assert server.got == [{"type": "message", "id": "t1", "text": "paint it"}]
        assert server.authorization == ["Bearer word"]


async def test_pause_and_reset_reach_the_team(
    team_config: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.agents.team.COMMAND_SECONDS", 20.0)
    async with team_server() as server, connected(team_config(url=server.url)) as team:
        await team.pause()
        await team.reset()
        await server.until("reset")
        assert server.got == [{"type": "pause"}, {"type": "reset"}]


async def test_an_unanswered_task_is_sent_again_after_a_reconnection(team_config: Make) -> None:
    async with team_server(drops=2) as server, connected(team_config(url=server.url)) as team:
        outcome = await team.work(task("paint it"), lambda _: None)
        assert outcome.ok
        assert [message["id"] for message in server.got] == ["t1", "t1", "t1"]
        assert len(server.sockets) == 3


async def test_a_task_that_has_begun_is_not_sent_again(team_config: Make) -> None:
    heard: list[AgentEvent] = []
    async with team_server(silent=True) as server, connected(team_config(url=server.url)) as team:
        working = asyncio.create_task(team.work(task("paint it"), heard.append))
        await server.until("message")
        await server.say(type="progress", text="No id, but there is only one task.")
        await server.say(type="ping", text="ignored")
        await server.sockets[0].close()
        await server.until("", 2)
        await server.say(type="done", id="t1", text="Painted")
        assert await working == AgentOutcome(True, "Painted")
        assert heard == [AgentProgress("No id, but there is only one task.")]
        assert len(server.got) == 1


async def test_cancelling_a_task_cancels_it_at_the_team(team_config: Make) -> None:
    async with team_server(silent=True) as server, connected(team_config(url=server.url)) as team:
        working = asyncio.create_task(team.work(task("paint it"), lambda _: None))
        await server.until("message")
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        await server.until("cancel")
        assert server.got[-1] == {"type": "cancel", "id": "t1"}


async def test_a_failure_of_the_team_is_an_outcome(team_config: Make) -> None:
    async with team_server(silent=True) as server, connected(team_config(url=server.url)) as team:
        working = asyncio.create_task(team.work(task("paint it"), lambda _: None))
        await server.until("message")
        await server.say(type="error", text="No paint")
        assert await working == AgentOutcome(False, "No paint")


async def test_a_message_outside_any_task_is_passed_on(team_config: Make) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    async with (
        team_server() as server,
        connected(team_config(url=server.url), on_message=said.put_nowait),
    ):
        await server.until("")
        await server.say(type="result", id="given up long ago", text="too late")
        await server.say(type="news", text="Good morning")
        assert await said.get() == "Good morning"


async def test_a_team_out_of_reach_fails_its_tasks(team_config: Make, unused_tcp_port: int) -> None:
    config = team_config(url=f"ws://127.0.0.1:{unused_tcp_port}/", patience_seconds=0.01)
    async with connected(config) as team:
        with pytest.raises(AgentError, match="cannot be reached"):
            await team.work(task("paint it"), lambda _: None)
        with pytest.raises(AgentError, match="cannot be reached"):
            await team.pause()


async def test_a_team_that_comes_up_later_gets_what_waits(team_config: Make) -> None:
    async with team_server() as server:
        url = server.url
        team = Team(team_config(url=url), "", lambda _: None)
        working = asyncio.create_task(team.work(task("paint it"), lambda _: None))
        running = asyncio.create_task(team.run())
        async with asyncio.timeout(20):
            assert (await working).ok
        running.cancel()


JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50)
@given(st.text(), st.text())
def test_a_filled_in_value_stays_inside_its_string(text: str, name: str) -> None:
    sent = json.loads(
        fill_template(DEFAULTS.message, {"id": name, "text": text, "token": "secret"})
    )
    assert sent == {"type": "message", "id": name, "text": text}


@settings(max_examples=50)
@given(JSON_TEXT)
def test_any_json_is_parsed_or_ignored(message: object) -> None:
    assert parse_message(json.dumps(message), DEFAULTS) is None or isinstance(message, dict)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "thought", "text": " Hm. "}, TeamMessage(TeamMessageKind.PROGRESS, "Hm.")),
        ({"type": "result", "id": "t9"}, TeamMessage(TeamMessageKind.DONE, "", "t9")),
        ({"type": "result", "text": {"a": 1}}, TeamMessage(TeamMessageKind.DONE, '{"a": 1}')),
        ({"type": "failed", "cost_usd": 2}, TeamMessage(TeamMessageKind.FAILED, "", "", 2.0)),
        ({"type": "ack", "text": "got it"}, None),
        ({"type": "thought"}, None),
    ],
)
def test_messages_by_the_default_mapping(
    message: dict[str, object], said: TeamMessage | None
) -> None:
    assert parse_message(json.dumps(message), DEFAULTS) == said


def test_a_dotted_key_leads_into_objects(team_config: Make) -> None:
    config = team_config(kind_key="event.kind", text_key="event.body.text", done=("finished",))
    message = {"event": {"kind": "finished", "body": {"text": "Done."}}}
    assert parse_message(json.dumps(message), config) == TeamMessage(TeamMessageKind.DONE, "Done.")
    assert parse_message("not JSON", config) is None
