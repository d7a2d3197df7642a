"""`appliance conversations …` on a database without a daemon."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.conversation import Event, EventKind
from appliance.store.store import Store
from tests.cli.conftest import Run


@pytest.fixture
def conversation(tmp_path: Path) -> str:
    """The id of one conversation in the database."""
    events: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.SESSION_STARTED, {"client_id": "c", "route": "local"}),
        (EventKind.USER_TRANSCRIPT, {"text": "what day is it", "source": "voice"}),
        (EventKind.ANSWER, {"text": "It is Friday.", "interrupted": False}),
        (EventKind.SESSION_ENDED, {"reason": "client_left"}),
    ]
    store = Store.open(tmp_path / "conversations.db")
    for turn, (kind, data) in zip((0, 1, 1, 1), events, strict=True):
        store.append(Event(kind, "chat-1", "session-1", 1_700_000_000.0, turn, data))
    asyncio.run(store.close())
    return "chat-1"


def test_conversations_are_listed(run: Run, conversation: str) -> None:
    result = run("conversations", "list")
    assert result.status == 0
    head, rule, row = result.out.splitlines()
    assert head.split() == ["conversation", "last", "heard", "turns", "began", "with"]
    assert set(rule) == {"-", " "}
    assert row.startswith(conversation)
    assert row.endswith("1      what day is it")
    listed = json.loads(run("conversations", "list", "--json").out)
    assert [summary["id"] for summary in listed] == [conversation]


def test_a_conversation_is_shown_and_exported(run: Run, conversation: str) -> None:
    shown = run("conversations", "show", conversation).out
    assert "what day is it" in shown
    assert "It is Friday." in shown
    assert run("conversations", "export", conversation, "--format", "markdown").out == shown
    exported = json.loads(run("conversations", "export", conversation).out)
    assert [event["kind"] for event in exported["events"]][-1] == "session_ended"


def test_search_finds_words_of_a_conversation(run: Run, conversation: str) -> None:
    result = run("conversations", "search", "friday")
    assert conversation in result.out
    assert "Friday" in result.out
    assert conversation not in run("conversations", "search", "monday").out


def test_a_conversation_is_deleted_only_once_confirmed(run: Run, conversation: str) -> None:
    assert run("conversations", "delete", conversation).status != 0
    assert conversation in run("conversations", "list").out
    assert run("conversations", "delete", conversation, "--yes").out == "Forgotten.\n"
    assert conversation not in run("conversations", "list").out
    again = run("conversations", "delete", conversation, "--yes")
    assert again.status == 1
    assert conversation in again.err


@pytest.mark.parametrize("command", ["show", "export"])
def test_an_unknown_conversation_is_an_error(run: Run, conversation: str, command: str) -> None:
    result = run("conversations", command, "nobody")
    assert (result.status, result.out) == (1, "")
    assert "nobody" in result.err


def test_listing_works_before_there_is_a_database(run: Run) -> None:
    result = run("conversations", "list")
    assert result.status in (0, 1)
    assert "Traceback" not in result.err
    assert result.out + result.err


def test_what_retention_would_delete_is_listed_and_stays(
    run: Run, conversation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("conversations", "expired").out == "All is kept for ever.\n"
    monkeypatch.setenv("APPLIANCE__RETENTION__CONVERSATION_DAYS", "30")
    listed = run("conversations", "expired").out
    assert "conversations  1" in listed
    assert conversation in listed.splitlines()[-1]
    found = json.loads(run("conversations", "expired", "--json").out)
    assert found == {
        **{"conversations": [conversation], "size": []},
        **{"recordings": [], "tasks": [], "audit": 0},
    }
    assert conversation in run("conversations", "list").out
    monkeypatch.setenv("APPLIANCE__RETENTION__ENABLED", "false")
    assert run("conversations", "expired").out == "All is kept for ever.\n"
