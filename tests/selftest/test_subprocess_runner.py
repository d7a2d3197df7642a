"""A self-test that the page asked for: what is told when there is no result of it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.selftest.report_store import ReportStore
from appliance.selftest.subprocess_runner import SelftestRunner
from tests.stranger import until

LAST_NIGHT = {"started_at": 1.0, "verdict": "ok", "findings": [{"check": "board"}]}
# As `appliance selftest`: it keeps a report, where it can, and says so where it cannot.
KEEPS = """
import sys
from pathlib import Path
from appliance.errors import StoreError
from appliance.selftest.report_store import ReportStore
kept = ReportStore(Path(sys.argv[1]))
with kept.exclusive():
    try:
        kept.append({"started_at": 2.0, "verdict": "failure"})
    except StoreError as error:
        print(error.message, file=sys.stderr)
sys.exit(1)
"""


@asynccontextmanager
async def background(state: Path, program: str) -> AsyncIterator[SelftestRunner]:
    command = [sys.executable, "-c", program, str(state)]
    made = SelftestRunner(ReportStore(state), command)
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def see_through(made: SelftestRunner) -> None:
    async def over() -> bool:
        return not made.state()["running"]

    made.start()
    await until(over, 30)


async def test_a_result_that_was_kept_is_shown(tmp_path: Path) -> None:
    ReportStore(tmp_path).append(LAST_NIGHT)
    async with background(tmp_path, KEEPS) as made:
        await see_through(made)
        shown = made.state()
    assert (shown["trouble"], shown["report"]["started_at"]) == ("", 2.0)
    assert [line["verdict"] for line in shown["history"]] == ["ok", "failure"]


@pytest.mark.parametrize("earlier", [True, False])
async def test_a_full_disk_does_not_make_last_night_todays_result(
    tmp_path: Path, earlier: bool
) -> None:
    kept = ReportStore(tmp_path)
    if earlier:
        kept.append(LAST_NIGHT)
    # Where the new file would be written, nothing can be written.
    (tmp_path / "selftest.json.new").mkdir()
    async with background(tmp_path, KEEPS) as made:
        await see_through(made)
        assert "could not be kept" in made.state()["trouble"]
        assert made.state()["report"] == (LAST_NIGHT if earlier else None)
        # The next one that can be kept is one without trouble.
        (tmp_path / "selftest.json.new").rmdir()
        await see_through(made)
        assert made.state()["trouble"] == ""


@pytest.mark.parametrize(
    ("program", "trouble"),
    [
        ("raise ZeroDivisionError", "broke off"),
        ("raise SystemExit(0)", "could not be kept"),
        ("raise SystemExit(2)", "could not run (exit status 2)"),
    ],
)
async def test_a_self_test_that_breaks_off(tmp_path: Path, program: str, trouble: str) -> None:
    """With a traceback Python ends with 1, as a self-test does that found something."""
    ReportStore(tmp_path).append(LAST_NIGHT)
    async with background(tmp_path, program) as made:
        await see_through(made)
        assert trouble in made.state()["trouble"]
