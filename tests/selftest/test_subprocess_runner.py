"""Self-tests in a process of their own: their results, and the errors where there is none."""

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
async def running(state: Path, program: str) -> AsyncIterator[SelftestRunner]:
    command = [sys.executable, "-c", program, str(state)]
    runner = SelftestRunner(ReportStore(state), command)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def run_selftest(runner: SelftestRunner) -> None:
    async def over() -> bool:
        return not runner.state()["running"]

    runner.start()
    await until(over, 30)


async def test_a_stored_report_is_shown(tmp_path: Path) -> None:
    ReportStore(tmp_path).append(LAST_NIGHT)
    async with running(tmp_path, KEEPS) as runner:
        await run_selftest(runner)
        shown = runner.state()
    assert (shown["trouble"], shown["report"]["started_at"]) == ("", 2.0)
    assert [line["verdict"] for line in shown["history"]] == ["ok", "failure"]


@pytest.mark.parametrize("earlier", [True, False])
async def test_a_report_that_cannot_be_stored_is_an_error(tmp_path: Path, earlier: bool) -> None:
    kept = ReportStore(tmp_path)
    if earlier:
        kept.append(LAST_NIGHT)
    # A directory in place of the new file makes writing it fail.
    (tmp_path / "selftest.json.new").mkdir()
    async with running(tmp_path, KEEPS) as runner:
        await run_selftest(runner)
        assert "could not be kept" in runner.state()["trouble"]
        assert runner.state()["report"] == (LAST_NIGHT if earlier else None)
        # The next report that is stored clears the error.
        (tmp_path / "selftest.json.new").rmdir()
        await run_selftest(runner)
        assert runner.state()["trouble"] == ""


@pytest.mark.parametrize(
    ("program", "trouble"),
    [
        ("raise ZeroDivisionError", "broke off"),
        ("raise SystemExit(0)", "could not be kept"),
        ("raise SystemExit(2)", "could not run (exit status 2)"),
    ],
)
async def test_a_process_without_a_report_is_an_error(
    tmp_path: Path, program: str, trouble: str
) -> None:
    """Python exits with 1 after a traceback, and so does a self-test after a failed check."""
    ReportStore(tmp_path).append(LAST_NIGHT)
    async with running(tmp_path, program) as runner:
        await run_selftest(runner)
        assert trouble in runner.state()["trouble"]


async def test_what_a_self_test_complains_of_is_logged_behind_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    program = "import sys; sys.stderr.write('first\\nlast, without an end'); sys.exit(3)"
    async with running(tmp_path, program) as runner:
        await run_selftest(runner)
    assert "self-test: first" in caplog.messages
    assert "self-test: last, without an end" in caplog.messages
