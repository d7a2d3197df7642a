"""`appliance selftest`: its output, its exit status, and what happens when it cannot run."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.selftest import FindingPrinter, run_selftest
from appliance.config.loader import Config
from appliance.selftest import report_store
from appliance.selftest.check import Verdict
from appliance.selftest.checks import CHECKS
from appliance.selftest.report_store import ReportStore
from tests.cli.conftest import Run

# Checks that neither load a model nor need a daemon.
QUICK = ("board", "memory", "disk", "clock", "access")


def only(*names: str) -> list[str]:
    return [part for name in names for part in ("--only", name)]


# People know the checks by these names (--only) and titles (table and page).
TITLES = {
    "board": "Board",
    "system": "Jetson Linux",
    "memory": "Memory",
    "disk": "Disk space",
    "heat": "Temperature",
    "power": "Power mode",
    "clock": "Clock",
    "models": "Model files",
    "languages": "Languages",
    "database": "Database",
    "access": "Access",
    "running": "The appliance",
    "hearing": "Hearing",
    "speaking": "Speaking",
    "llm": "Language model",
    "realtime": "Realtime route",
    "programs": "Other programs",
    "page": "Web page",
    "certificate": "Certificate",
    "websocket": "WebSocket",
    "spoken": "A conversation",
}


def test_every_check_keeps_its_name_and_title_and_has_a_limit() -> None:
    assert {check.name: check.title for check in CHECKS} == TITLES
    assert len(CHECKS) == len(TITLES)
    assert all(0 < check.limit <= 300 for check in CHECKS)


def test_the_table_without_colours(run: Run, tmp_path: Path) -> None:
    result = run("selftest", *only(*QUICK))
    assert result.status == 0
    assert [line for line in result.out.splitlines() if line.startswith("ok        Board")]
    assert "\x1b" not in result.out  # colours are for terminals
    assert "good, in" in result.out.splitlines()[-1]
    assert result.err == ""


def test_the_report_as_json(run: Run) -> None:
    result = run("selftest", "--json", *only(*QUICK))
    assert result.status == 0
    report = json.loads(result.out)
    assert [finding["check"] for finding in report["findings"]] == list(QUICK)
    assert report["verdict"] in ("ok", "warning")
    assert sum(report["counts"].values()) == len(QUICK)
    assert report["machine"]["cores"] >= 1
    for finding in report["findings"]:
        assert finding["title"]
        assert finding["seconds"] < 5
        assert bool(finding["advice"]) is (finding["verdict"] in ("warning", "failure"))


def test_json_on_stdout_and_the_table_on_stderr(run: Run) -> None:
    result = run("selftest", "--json", "--progress", *only("running", "board"))
    assert result.status == 1
    assert json.loads(result.out)["verdict"] == "failure"
    rows = result.err.splitlines()
    assert rows[0].startswith("ok        Board")
    assert any(row.startswith("FAILURE   The appliance") for row in rows)
    assert rows[-1].startswith("1 failed, 1 good, in")


def test_a_failed_check_gives_exit_status_1(run: Run) -> None:
    result = run("selftest", *only("running"))
    assert result.status == 1
    assert result.out.startswith("FAILURE   The appliance")
    assert "sudo systemctl start voice-appliance" in result.out


@pytest.mark.parametrize("name", ["memroy", "", "--", "../memory", "a" * 5000])
def test_an_unknown_check_is_an_error(run: Run, name: str) -> None:
    result = run("selftest", "--only", name)
    assert result.status == 2
    assert "there is no check" in result.err
    assert "spoken" in result.err
    if name == "memroy":
        assert "Did you mean memory?" in result.err


def test_an_invalid_configuration_gives_exit_status_2(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APPLIANCE__STT__ENGINE", "ears")
    result = run("selftest", *only("board"))
    assert result.status == 2
    assert "stt.engine" in result.err
    assert run("selftest", "--config", str(tmp_path / "none.toml")).status == 2


def test_a_missing_state_directory_does_not_stop_the_selftest(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    monkeypatch.setenv("APPLIANCE__STORE__PATH", str(nowhere / "voice.db"))
    result = run("selftest", *only("board", "disk", "database"))
    assert result.status == 0
    assert "not kept" in result.err
    assert "there is no" in result.out
    assert not nowhere.exists()


def test_a_context_that_cannot_be_gathered_gives_exit_status_2(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/var/lib/models")

    monkeypatch.setattr("appliance.selftest.context.gather", refuse)
    result = run("selftest", *only("board"))
    assert result.status == 2
    assert "/var/lib/models" in result.err
    assert "as root" in result.err


def test_only_one_selftest_runs_at_a_time(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_store, "LOCK_SECONDS", 0.0)
    with ReportStore(tmp_path).exclusive():
        result = run("selftest", *only("board"))
    assert result.status == 2
    assert "under way" in result.err
    with ReportStore(tmp_path).exclusive():
        assert run("selftest", "--wait", "0.05", *only("board")).status == 2
    assert run("selftest", *only("board")).status == 0


def test_a_report_of_some_checks_is_not_stored(run: Run, tmp_path: Path) -> None:
    run("selftest", *only("board"))
    assert ReportStore(tmp_path).reports() == []
    assert not (tmp_path / "selftest.now.json").exists()


def test_the_history_of_stored_reports(run: Run, tmp_path: Path) -> None:
    assert "not been tested yet" in run("selftest", "--history").out
    assert json.loads(run("selftest", "--history", "--json").out) == []
    counts = {"ok": 15, "warning": 2, "failure": 1, "skipped": 0}
    kept = ReportStore(tmp_path)
    for day, verdict in enumerate(("ok", "failure")):
        began = 1_700_000_000 + 86_400 * day
        kept.append({"started_at": began, "verdict": verdict, "counts": counts, "version": "1.2"})
    kept.append({"verdict": "ok"})  # of which nothing else is known
    result = run("selftest", "--history")
    assert (result.status, result.err) == (0, "")
    head, _, newer, older = result.out.splitlines()
    assert head.split() == ["when", "result", "failed", "to", "look", "at", "good", "version"]
    assert newer.split()[2:] == ["failure", "1", "2", "15", "1.2"]
    assert newer.startswith("2023-11-1")
    assert older.split()[2] == "ok"
    listed = json.loads(run("selftest", "--history", "--json").out)
    assert [line["verdict"] for line in listed] == ["ok", "failure", "ok"]
    assert listed[1]["counts"] == counts


def test_a_report_lists_the_names_to_redact(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE__LLM__BASE_URL", "http://nas.smith.net:11434/v1")
    report = json.loads(run("selftest", "--json", *only("board")).out)
    assert "nas.smith.net" in report["names"]


def test_verdicts_are_painted(configured: Callable[..., Config]) -> None:
    printed: list[str] = []
    status = run_selftest(
        configured(),
        {},
        ("running",),
        printer=FindingPrinter(printed.append, lambda text, colour: f"[{colour}]{text}"),
        json_out=None,
        err=printed.append,
    )
    assert status == 1
    assert any(line.startswith("[red]FAILURE") for line in printed)


def test_a_killed_selftest_frees_the_lock(tmp_path: Path) -> None:
    """Once its process is gone, no self-test counts as running."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from appliance.selftest.report_store import ReportStore\n"
        "kept = ReportStore(Path(sys.argv[1]))\n"
        "with kept.exclusive():\n"
        "    kept.write_progress({'now': 'Board'})\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
    )
    kept = ReportStore(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        assert kept.running()
        assert kept.progress() == {"now": "Board"}
        process.kill()
    assert not kept.running()
    assert kept.progress() is None
    with kept.exclusive():
        assert kept.running()


def test_verdicts_are_words_in_json() -> None:
    assert json.loads(json.dumps({"verdict": Verdict.OK})) == {"verdict": "ok"}
