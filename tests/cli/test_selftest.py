"""`appliance selftest`: what it prints, its exit status, and what a stranger may do to it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.selftest import Table, selftest
from appliance.config.loader import Config
from appliance.selftest import report_store
from appliance.selftest.check import Verdict
from appliance.selftest.checks import CHECKS
from appliance.selftest.report_store import Selftests
from tests.cli.test_machine import Run, run

__all__ = ["run"]

# Checks that neither load a model nor need a daemon.
QUICK = ("board", "memory", "disk", "clock", "access")


def only(*names: str) -> list[str]:
    return [part for name in names for part in ("--only", name)]


def test_names_are_told_apart_and_every_check_has_a_limit() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert len({check.title for check in CHECKS}) == len(names)
    assert all(0 < check.limit <= 300 for check in CHECKS)


def test_the_table(run: Run, tmp_path: Path) -> None:
    said = run("selftest", *only(*QUICK))
    assert said.status == 0
    assert [line for line in said.out.splitlines() if line.startswith("ok        Board")]
    assert "\x1b" not in said.out  # colours are for terminals
    assert "good, in" in said.out.splitlines()[-1]
    assert said.err == ""


def test_json(run: Run) -> None:
    said = run("selftest", "--json", *only(*QUICK))
    assert said.status == 0
    report = json.loads(said.out)
    assert [finding["check"] for finding in report["findings"]] == list(QUICK)
    assert report["verdict"] in ("ok", "warning")
    assert sum(report["counts"].values()) == len(QUICK)
    assert report["machine"]["cores"] >= 1
    for finding in report["findings"]:
        assert finding["title"]
        assert finding["seconds"] < 5
        assert bool(finding["advice"]) is (finding["verdict"] in ("warning", "failure"))


def test_json_for_a_program_and_the_table_for_who_watches(run: Run) -> None:
    said = run("selftest", "--json", "--progress", *only("running", "board"))
    assert said.status == 1
    assert json.loads(said.out)["verdict"] == "failure"
    rows = said.err.splitlines()
    assert rows[0].startswith("ok        Board")
    assert any(row.startswith("FAILURE   The appliance") for row in rows)
    assert rows[-1].startswith("1 failed, 1 good, in")


def test_something_failed(run: Run) -> None:
    said = run("selftest", *only("running"))
    assert said.status == 1
    assert said.out.startswith("FAILURE   The appliance")
    assert "sudo systemctl start voice-appliance" in said.out


@pytest.mark.parametrize("name", ["memroy", "", "--", "../memory", "a" * 5000])
def test_a_check_that_is_not_there(run: Run, name: str) -> None:
    said = run("selftest", "--only", name)
    assert said.status == 2
    assert "there is no check" in said.err
    assert "spoken" in said.err
    if name == "memroy":
        assert "Did you mean memory?" in said.err


def test_a_configuration_that_cannot_be_used(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APPLIANCE__STT__ENGINE", "ears")
    said = run("selftest", *only("board"))
    assert said.status == 2
    assert "stt.engine" in said.err
    assert run("selftest", "--config", str(tmp_path / "none.toml")).status == 2


def test_a_place_that_is_not_there_is_no_reason_not_to_test(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    monkeypatch.setenv("APPLIANCE__STORE__PATH", str(nowhere / "voice.db"))
    said = run("selftest", *only("board", "disk", "database"))
    assert said.status == 0
    assert "not kept" in said.err
    assert "there is no" in said.out
    assert not nowhere.exists()


def test_facts_that_cannot_be_gathered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/var/lib/models")

    monkeypatch.setattr("appliance.selftest.context.gather", refuse)
    said = run("selftest", *only("board"))
    assert said.status == 2
    assert "/var/lib/models" in said.err
    assert "as root" in said.err


def test_one_at_a_time(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_store, "LOCK_PATIENCE", 0.0)
    with Selftests(tmp_path).alone():
        said = run("selftest", *only("board"))
    assert said.status == 2
    assert "under way" in said.err
    with Selftests(tmp_path).alone():
        assert run("selftest", "--wait", "0.05", *only("board")).status == 2
    assert run("selftest", *only("board")).status == 0


def test_a_part_of_it_is_not_kept(run: Run, tmp_path: Path) -> None:
    run("selftest", *only("board"))
    assert Selftests(tmp_path).all() == []
    assert not (tmp_path / "selftest.now.json").exists()


def test_how_those_before_went(run: Run, tmp_path: Path) -> None:
    assert "not been tested yet" in run("selftest", "--history").out
    assert json.loads(run("selftest", "--history", "--json").out) == []
    counts = {"ok": 15, "warning": 2, "failure": 1, "skipped": 0}
    kept = Selftests(tmp_path)
    for day, verdict in enumerate(("ok", "failure")):
        began = 1_700_000_000 + 86_400 * day
        kept.keep({"started_at": began, "verdict": verdict, "counts": counts, "version": "1.2"})
    kept.keep({"verdict": "ok"})  # of which nothing else is known
    said = run("selftest", "--history")
    assert (said.status, said.err) == (0, "")
    head, _, newer, older = said.out.splitlines()
    assert head.split() == ["when", "result", "failed", "to", "look", "at", "good", "version"]
    assert newer.split()[2:] == ["failure", "1", "2", "15", "1.2"]
    assert newer.startswith("2023-11-1")
    assert older.split()[2] == "ok"
    listed = json.loads(run("selftest", "--history", "--json").out)
    assert [line["verdict"] for line in listed] == ["ok", "failure", "ok"]
    assert listed[1]["counts"] == counts


def test_a_report_knows_the_names_of_its_household(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE__LLM__BASE_URL", "http://nas.smith.net:11434/v1")
    report = json.loads(run("selftest", "--json", *only("board")).out)
    assert "nas.smith.net" in report["names"]


def test_colours_are_asked_for(configured: Callable[..., Config]) -> None:
    said: list[str] = []
    status = selftest(
        configured(),
        {},
        ("running",),
        table=Table(said.append, lambda text, colour: f"[{colour}]{text}"),
        json_out=None,
        err=said.append,
    )
    assert status == 1
    assert any(line.startswith("[red]FAILURE") for line in said)


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    """A process that is killed while it tests frees the lock, and is no self-test any more."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from appliance.selftest.report_store import Selftests\n"
        "kept = Selftests(Path(sys.argv[1]))\n"
        "with kept.alone():\n"
        "    kept.note({'now': 'Board'})\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
    )
    kept = Selftests(tmp_path)
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
    with kept.alone():
        assert kept.running()


def test_verdicts_are_words_on_the_wire() -> None:
    assert json.loads(json.dumps({"verdict": Verdict.OK})) == {"verdict": "ok"}
