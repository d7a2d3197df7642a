"""`appliance turns show` on a database without a daemon."""

import asyncio
import json
from pathlib import Path

import pytest

from appliance.cli.turns import WIDTH
from appliance.conversation import Event, EventKind
from appliance.store.store import Store
from tests.cli.conftest import Run
from tests.observability.test_turn_trace import TRACE


@pytest.fixture
def conversation(tmp_path: Path) -> str:
    """The id of a conversation with two turns, beside another with one."""
    store = Store.open(tmp_path / "conversations.db")
    for conversation, turn in (("chat-1", 1), ("chat-1", 2), ("chat-2", 1)):
        for kind, data in (
            (EventKind.USER_TRANSCRIPT, {"text": f"question\x1b {turn}"}),
            (EventKind.TURN_TRACE, {"stages": {}}),
            (EventKind.TURN_TRACE, TRACE.as_json()),
        ):
            store.append(Event(kind, conversation, "session-1", 1_700_000_000.0, turn, data))
    asyncio.run(store.close())
    return "chat-1"


def test_each_step_of_a_turn_is_a_row(run: Run, conversation: str) -> None:
    heading, *lines = run("turns", "show", conversation, "--last", "1").out.splitlines()
    assert "turn 2  first audio 1240 ms  “question\\x1b 2”" in heading
    rows = [line for line in lines if "▏" in line]
    assert [row.split("▏")[0].strip() for row in rows] == [
        *("pause", "pause", "verdict", "verdict", "hearing", "hearing"),
        *("speculation", "turn ended", "voice", "voice", "first audio"),
    ]
    assert {len(row.split("▏")[1].split("▕")[0]) for row in rows} == {WIDTH}
    hearing = rows[5]
    assert hearing.index("░") < hearing.index("█")
    assert hearing.endswith("ahead, 1.9 s, window 8 + 30 s")
    assert lines[-2:] == ["  2 underruns, the longest 180 ms", "  processor pressure 34 %"]


def test_the_last_turns_of_all_conversations_are_shown_oldest_first(
    run: Run, conversation: str
) -> None:
    assert run("turns", "show").out.count("first audio 1240 ms") == 3
    shown = json.loads(run("turns", "show", "--json", "--last", "2").out)
    assert [(turn["conversation_id"], turn["turn"]) for turn in shown] == [
        (conversation, 2),
        ("chat-2", 1),
    ]
    assert shown[0]["trace"]["cpu_pressure"] == TRACE.cpu_pressure


def test_a_conversation_that_is_not_kept_is_an_error(run: Run, conversation: str) -> None:
    result = run("turns", "show", f"{conversation}0")
    assert result.status == 1
    assert "there is no conversation" in result.err


def test_before_the_first_turn_there_is_nothing_to_draw(run: Run, tmp_path: Path) -> None:
    asyncio.run(Store.open(tmp_path / "conversations.db").close())
    assert run("turns", "show").out == "No turn is recorded yet.\n"
