"""The runner isolates the checks from each other; findings as table rows."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import ClassVar

import pytest

from appliance.concurrency import run_in_daemon_thread
from appliance.errors import StoreError
from appliance.selftest import report_text
from appliance.selftest.check import BaseCheck, Check, Finding, SelftestReport, Verdict
from appliance.selftest.context import CheckContext
from appliance.selftest.runner import run
from tests.selftest.conftest import MakeContext


class Good(BaseCheck):
    name: ClassVar[str] = "good"
    title: ClassVar[str] = "Good"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        return self.ok(f"{context.hardware.cores} cores")


class Crash(Good):
    name: ClassVar[str] = "crash"

    async def run(self, context: CheckContext) -> Finding:
        raise ZeroDivisionError("no cores")


class Refusal(Good):
    name: ClassVar[str] = "refusal"

    async def run(self, context: CheckContext) -> Finding:
        raise StoreError("the disk is full", advice="Make room.")


class OwnTimeout(Good):
    name: ClassVar[str] = "own"

    async def run(self, context: CheckContext) -> Finding:
        raise TimeoutError("a socket's")


class Hang(Good):
    name: ClassVar[str] = "hang"
    limit: ClassVar[float] = 0.05

    def __init__(self) -> None:
        self.until = threading.Event()

    async def run(self, context: CheckContext) -> Finding:
        await run_in_daemon_thread(self.until.wait)
        return self.ok("too late")


class LongHang(Hang):
    limit: ClassVar[float] = 60.0


def ignore(_findings: Sequence[Finding], _check: Check | None) -> None:
    pass


@pytest.mark.parametrize(
    ("check", "message", "advice"),
    [
        (Crash(), "ZeroDivisionError: no cores", "--only crash"),
        (Refusal(), "the disk is full", "Make room."),
        (OwnTimeout(), "TimeoutError: a socket's", "--only own"),
        (Hang(), "no result within 0.05 s", "Something hangs"),
    ],
)
async def test_an_error_is_a_failure_of_that_check_alone(
    make_context: MakeContext, check: Check, message: str, advice: str
) -> None:
    report = await run([Good(), check, Good()], make_context(), ignore)
    first, middle, last = report.findings
    assert (first.verdict, last.verdict) == (Verdict.OK, Verdict.OK)
    assert middle.verdict is Verdict.FAILURE
    assert message in middle.message
    assert advice in middle.advice
    assert report.verdict is Verdict.FAILURE
    if isinstance(check, Hang):
        check.until.set()


async def test_progress_is_reported_before_each_check_and_at_the_end(
    make_context: MakeContext,
) -> None:
    reported: list[tuple[list[str], str]] = []

    def watch(findings: Sequence[Finding], check: Check | None) -> None:
        reported.append(([finding.check for finding in findings], check.name if check else ""))

    report = await run([Good(), Crash()], make_context(), watch)
    assert reported == [([], "good"), (["good"], "crash"), (["good", "crash"], "")]
    assert [finding.title for finding in report.findings] == ["Good", "Good"]
    assert abs(report.started_at - time.time()) < 60


async def test_a_cancelled_run_ends(make_context: MakeContext) -> None:
    check = LongHang()
    task = asyncio.create_task(run([check, Good()], make_context(), ignore))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check.until.set()


def report(*verdicts: Verdict) -> SelftestReport:
    findings = tuple(
        Finding("check", verdict, "what was seen", "what to do", "A check") for verdict in verdicts
    )
    return SelftestReport("1", 0.0, 1.0, {}, findings)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ((), Verdict.OK),
        ((Verdict.OK, Verdict.SKIPPED), Verdict.OK),
        ((Verdict.WARNING, Verdict.OK), Verdict.WARNING),
        ((Verdict.WARNING, Verdict.FAILURE, Verdict.OK), Verdict.FAILURE),
    ],
)
def test_the_verdict_of_a_report_is_its_worst_finding(
    verdicts: tuple[Verdict, ...], worst: Verdict
) -> None:
    assert report(*verdicts).verdict is worst


def test_the_table_shows_advice_for_warnings_and_failures_alone() -> None:
    def paint(text: str, colour: str) -> str:
        return f"<{colour}>{text}</>"

    shown = [report_text.finding_row(finding, paint, 80) for finding in report(*Verdict).findings]
    assert [("what to do" in row) for row in shown] == [False, True, True, False]
    assert shown[2].startswith("<red>FAILURE </>  A check")
    assert report_text.summary_line(report(*Verdict), paint) == (
        "<red>1 failed, 1 to look at, 1 good, in 1 s</>"
    )


def test_commands_are_not_broken_across_lines() -> None:
    command = "`sudo chown -R --reference=/var/lib/voice-appliance-with-a-very-long-name /there`"
    finding = Finding("x", Verdict.FAILURE, "m " * 60, command, "X")
    shown = report_text.finding_row(finding, lambda text, _: text, 60)
    assert "--reference=/var/lib/voice-appliance-with-a-very-long-name" in shown
