"""The command line, from argument to text and exit status."""

import asyncio
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance import __version__
from appliance.cli.machine import table
from appliance.cli.main import main
from appliance.conversation import Event, EventKind
from appliance.store.store import Store
from tests.daemon import running
from tests.network.test_host_names import write_site


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `appliance …` with its state in tmp_path."""
    monkeypatch.setenv("APPLIANCE__STORE__PATH", str(tmp_path / "conversations.db"))
    monkeypatch.setenv("APPLIANCE__MODELS__DIRECTORY", str(tmp_path / "models"))

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["appliance", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
        status = 0
        try:
            main()
        except SystemExit as left:
            status = int(left.code or 0)
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture
def conversation(tmp_path: Path) -> str:
    """One conversation in the database; its id."""
    said: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.SESSION_STARTED, {"client_id": "c", "route": "local"}),
        (EventKind.USER_TRANSCRIPT, {"text": "what day is it", "source": "voice"}),
        (EventKind.ANSWER, {"text": "It is Friday.", "interrupted": False}),
        (EventKind.SESSION_ENDED, {"reason": "client_left"}),
    ]
    store = Store.open(tmp_path / "conversations.db")
    for turn, (kind, data) in zip((0, 1, 1, 1), said, strict=True):
        store.append(Event(kind, "chat-1", "session-1", 1_700_000_000.0, turn, data))
    asyncio.run(store.close())
    return "chat-1"


def test_conversations_are_listed(run: Run, conversation: str) -> None:
    said = run("conversations", "list")
    assert said.status == 0
    head, rule, row = said.out.splitlines()
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


def test_what_was_said_is_found(run: Run, conversation: str) -> None:
    said = run("conversations", "search", "friday")
    assert conversation in said.out
    assert "Friday" in said.out
    assert conversation not in run("conversations", "search", "monday").out


def test_a_conversation_is_forgotten_after_a_question(run: Run, conversation: str) -> None:
    assert run("conversations", "delete", conversation).status != 0
    assert conversation in run("conversations", "list").out
    assert run("conversations", "delete", conversation, "--yes").out == "Forgotten.\n"
    assert conversation not in run("conversations", "list").out
    again = run("conversations", "delete", conversation, "--yes")
    assert again.status == 1
    assert conversation in again.err


@pytest.mark.parametrize("command", ["show", "export"])
def test_an_unknown_conversation_is_an_error(run: Run, conversation: str, command: str) -> None:
    said = run("conversations", command, "nobody")
    assert (said.status, said.out) == (1, "")
    assert "nobody" in said.err


def test_before_the_first_conversation_there_is_none(run: Run) -> None:
    said = run("conversations", "list")
    assert said.status in (0, 1)
    assert "Traceback" not in said.err
    assert said.out + said.err


def test_the_plan_is_told_to_people_and_programs(run: Run) -> None:
    told = run("plan")
    assert told.status == 0
    assert "listening" in told.out
    made = json.loads(run("plan", "--json").out)
    assert made["sessions"] >= 1
    assert made["stt"]["rungs"][-1]["engine"] == "sphinx"
    assert made["tts"]["rungs"][-1]["engine"] == "espeak"


def test_the_configuration_is_shown_and_checked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[server]\nport = 9000\n")
    shown = json.loads(run("config", "show", "--config", str(file)).out)
    assert shown["server"]["port"] == 9000
    assert run("config", "check", "--config", str(file)).out == "The configuration is good.\n"
    file.write_text("[server]\nprot = 9000\n")
    faulty = run("config", "check", "--config", str(file))
    assert faulty.status == 78
    assert "did you mean 'port'?" in faulty.err


@pytest.mark.parametrize(
    "arguments", [("pair",), ("clients", "list"), ("clients", "revoke", "somebody")]
)
def test_what_needs_the_daemon_says_that_it_does_not_answer(
    run: Run, arguments: tuple[str, ...]
) -> None:
    said = run(*arguments)
    assert said.status == 1
    assert "does not answer" in said.err
    assert "Is it running" in said.err


def test_a_table_shows_what_is_no_text_and_lets_it_do_nothing() -> None:
    shown = table(("name",), [("phone\x1b[2J",), ("\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",)])
    assert shown.splitlines()[2:] == ["phone\\x1b[2J", "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}"]


@pytest.mark.slow
async def test_a_code_comes_with_the_address_and_whose_certificate_it_is(tmp_path: Path) -> None:
    hosts = write_site(tmp_path)
    trust = {
        "https_port": 443,
        "fingerprint": "AA:BB",
        "words": "acorn amber",
        "host": "192.168.1.20",
    }
    hosts.with_name("trust.json").write_text(json.dumps(trust))
    hosts.with_name("ca.crt").touch()
    async with running(tmp_path) as daemon:
        told = daemon.command_line("pair").stdout
        assert "Open https://192.168.1.20 and enter it, or scan:" in told
        assert "\nAA:BB\nwhich begins, in words: acorn amber\n" in told
        assert "acorn" not in daemon.command_line("pair", "--no-fingerprint").stdout
        # A certificate of the owner's own: no CA to trust.
        own = {**trust, "words": "", "fingerprint": "", "host": "voice.example"}
        hosts.with_name("trust.json").write_text(json.dumps(own))
        told = daemon.command_line("pair").stdout
        assert "Open https://voice.example and enter it" in told
        assert "words" not in told
        hosts.with_name("trust.json").write_text("[")
        assert daemon.command_line("pair").stdout.count("\n") == 1


@pytest.mark.parametrize("arguments", [("dance",), ("run", "--louder"), ("plan", "extra")])
def test_a_misspelt_command_line_is_an_error(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments)
    assert said.status == 2
    assert said.err.startswith("Usage: ")


def test_it_knows_its_version(run: Run) -> None:
    assert run("--version").out == f"appliance, version {__version__}\n"
