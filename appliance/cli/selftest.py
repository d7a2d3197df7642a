"""`appliance selftest`: runs the checks, prints each finding as it comes, stores the report."""

import asyncio
import difflib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from appliance.app import systemd
from appliance.cli.options import config_option, configuration, json_option
from appliance.config.loader import Config
from appliance.errors import ApplianceError, BadRequest, StoreError
from appliance.selftest import context, report_text, runner
from appliance.selftest.check import Check, Finding, SelftestReport, Verdict
from appliance.selftest.checks import CHECKS
from appliance.selftest.report_store import ReportStore

COULD_NOT_RUN = 2
DEFAULT_WIDTH = 100

Echo = Callable[[str], None]


@click.command()
@config_option
@json_option
@click.option(
    "--progress", is_flag=True, help="With --json: print the table too, on standard error."
)
@click.option("--only", multiple=True, metavar="CHECK", help="Run this check alone; repeatable.")
@click.option("--history", is_flag=True, help="List the stored reports instead of a new self-test.")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=0.0,
    help="Seconds to wait for another self-test to end.",
)
def selftest(
    files: tuple[Path, ...],
    as_json: bool,
    progress: bool,
    only: tuple[str, ...],
    history: bool,
    wait: float,
) -> None:
    """Checks everything from the board to a spoken conversation; changes nothing.

    The exit status is 0 when nothing failed (there may be warnings), 1 when a check failed, 2
    when the self-test could not run.
    """
    if history:
        click.echo(_history(configuration(files), as_json=as_json))
        return
    err = partial(click.echo, err=True)
    printer = _printer_for(sys.stderr, err) if as_json else _printer_for(sys.stdout, click.echo)
    try:
        status = run_selftest(
            configuration(files),
            systemd.secrets(os.environ),
            only,
            printer=printer if progress or not as_json else None,
            json_out=click.echo if as_json else None,
            err=err,
            wait=wait,
        )
    except ApplianceError as error:
        err(f"{error.message}\n{error.advice}".strip())
        status = COULD_NOT_RUN
    except OSError as error:  # from gathering the context; within a check it is a finding
        err(f"{error}\nRun it as root or as the appliance's user.")
        status = COULD_NOT_RUN
    sys.exit(status)


def selftest_command(files: Sequence[Path]) -> list[str]:
    """The command line of a self-test in its own process, with these configuration files."""
    options = [part for file in files for part in ("--config", str(file))]
    return [sys.executable, "-m", "appliance", "selftest", "--json", *options]


@dataclass(frozen=True, slots=True)
class FindingPrinter:
    """Prints findings and the summary as a table for people, `width` characters wide."""

    echo: Echo
    paint: report_text.Paint
    width: int = DEFAULT_WIDTH

    def print_finding(self, finding: Finding) -> None:
        self.echo(report_text.finding_row(finding, self.paint, self.width))

    def print_summary(self, report: SelftestReport) -> None:
        self.echo(report_text.summary_line(report, self.paint))


def run_selftest(
    config: Config,
    secrets: Mapping[str, str],
    only: Sequence[str],
    *,
    printer: FindingPrinter | None,
    json_out: Echo | None,
    err: Echo,
    wait: float = 0.0,
) -> int:
    """Runs the checks named in `only`, or all; the exit status: 0 all good, 1 something failed.

    The report of all checks is stored where the state directory allows it; a report of some of
    them is not. Raises BadRequest for an unknown check, SelftestRunning where another self-test
    still runs after `wait` seconds.
    """
    checks = select_checks(only)
    store = ReportStore(config.store.path.parent)
    usable: ReportStore | None = store
    with ExitStack() as stack:
        try:
            stack.enter_context(store.exclusive(wait))
        except StoreError as error:
            err(_not_stored(error))
            usable = None
        report = asyncio.run(_run(config, secrets, checks, _Progress(checks, usable, printer)))
        if usable and not only:
            _store_report(usable, report, err)
    if printer:
        printer.print_summary(report)
    if json_out:
        json_out(json.dumps(report.as_json(), indent=2))
    return 1 if report.verdict is Verdict.FAILURE else 0


async def _run(
    config: Config, secrets: Mapping[str, str], checks: Sequence[Check], progress: "_Progress"
) -> SelftestReport:
    gathered = await context.gather(config, secrets)
    report = await runner.run(checks, gathered, progress)
    return replace(report, names=await report_text.identifying_names(gathered))


def select_checks(only: Sequence[str]) -> list[Check]:
    """The checks named in `only`, in the order of CHECKS; all for none. Raises BadRequest."""
    names = [check.name for check in CHECKS]
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            suggestion = f"Did you mean {near[0]}? " if near else ""
            raise BadRequest(
                f"there is no check {name!r}", advice=f"{suggestion}There are: {', '.join(names)}."
            )
    return [check for check in CHECKS if not only or check.name in only]


class _Progress:
    """Prints each finding as it comes, and writes down how far the self-test is."""

    def __init__(
        self, checks: Sequence[Check], store: ReportStore | None, printer: FindingPrinter | None
    ) -> None:
        self._checks = checks
        self._store = store
        self._printer = printer
        self._printed = 0

    def __call__(self, findings: Sequence[Finding], current: Check | None) -> None:
        if self._printer:
            for finding in findings[self._printed :]:
                self._printer.print_finding(finding)
        self._printed = len(findings)
        if self._store and current:
            self._write(self._store, findings, current)

    def _write(self, store: ReportStore, findings: Sequence[Finding], current: Check) -> None:
        done: list[dict[str, Any]] = [
            {"check": finding.check, "verdict": finding.verdict} for finding in findings
        ]
        try:
            store.write_progress({"done": done, "total": len(self._checks), "now": current.title})
        except StoreError:
            self._store = None  # the report cannot be stored either, and that is reported then


def _store_report(store: ReportStore, report: SelftestReport, err: Echo) -> None:
    try:
        store.append(report.as_json())
    except StoreError as error:
        err(_not_stored(error))


def _not_stored(error: StoreError) -> str:
    return f"The result is not kept: {error.message}. {error.advice}"


def _history(config: Config, *, as_json: bool) -> str:
    """The stored reports: a table, newest first, or JSON in the shape of GET /api/selftest."""
    reports = ReportStore(config.store.path.parent).reports()
    if as_json:
        return json.dumps([report_text.history_entry(report) for report in reports], indent=2)
    return report_text.history_table(reports)


def _printer_for(stream: TextIO, echo: Echo) -> FindingPrinter:
    """A printer in colours and as wide as the terminal, where `stream` is a terminal."""
    if not stream.isatty():
        return FindingPrinter(echo, _uncoloured)
    width = os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    return FindingPrinter(echo, _uncoloured if "NO_COLOR" in os.environ else _coloured, width)


def _coloured(text: str, colour: str) -> str:
    return click.style(text, fg=colour)


def _uncoloured(text: str, _colour: str) -> str:
    return text
