"""What `appliance selftest` does: gathers facts, runs the checks, tells and keeps the result."""

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

from appliance.config.loader import Config
from appliance.errors import ApplianceError, BadRequest, StoreError
from appliance.selftest import context, history, redaction, report_text, runner
from appliance.selftest.check import Check, Finding, SelftestReport, Verdict
from appliance.selftest.checks import CHECKS
from appliance.selftest.report_store import Selftests

COULD_NOT_RUN = 2
WIDTH = 100

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Table:
    """For people, row by row as findings come: who says it, in which colours, how wide."""

    say: Say
    paint: report_text.Paint
    width: int = WIDTH


def selftest(
    config: Config,
    secrets: Mapping[str, str],
    only: Sequence[str],
    *,
    table: Table | None,
    json_out: Say | None,
    err: Say,
    wait: float = 0.0,
) -> int:
    """The exit status: 0 all good, 1 something failed.

    Raises BadRequest for a check that is not there, SelftestRunning where another self-test is
    under way for `wait` seconds more.
    """
    checks = chosen(only)
    earlier = Selftests(config.store.path.parent)
    kept: Selftests | None = earlier
    with ExitStack() as stack:
        try:
            stack.enter_context(earlier.alone(wait))
        except StoreError as error:
            err(f"The result is not kept: {error.message}. {error.advice}")
            kept = None
        watch = _Watch(checks, kept, table)
        report = asyncio.run(_run(config, secrets, checks, watch))
        if kept and not only:
            _keep(kept, report, err)
    if table:
        table.say(report_text.summary(report, table.paint))
    if json_out:
        json_out(json.dumps(report.as_json(), indent=2))
    return 1 if report.verdict is Verdict.FAILURE else 0


async def _run(
    config: Config, secrets: Mapping[str, str], checks: Sequence[Check], watch: "_Watch"
) -> SelftestReport:
    gathered = await context.gather(config, secrets)
    report = await runner.run(checks, gathered, watch)
    return replace(report, names=await redaction.known(gathered))


def chosen(only: Sequence[str]) -> list[Check]:
    """The checks of those names in their order; all where none is named. Raises BadRequest."""
    names = [check.name for check in CHECKS]
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise BadRequest(
                f"there is no check {name!r}", advice=f"{meant}There are: {', '.join(names)}."
            )
    return [check for check in CHECKS if not only or check.name in only]


def command(files: Sequence[Path]) -> list[str]:
    """The self-test as a process of its own, with these configuration files."""
    named = [part for file in files for part in ("--config", str(file))]
    return [sys.executable, "-m", "appliance", "selftest", "--json", *named]


class _Watch:
    """Tells each finding as it comes, and notes how far the self-test is."""

    def __init__(
        self, checks: Sequence[Check], kept: Selftests | None, table: Table | None
    ) -> None:
        self._checks = checks
        self._kept = kept
        self._table = table
        self._told = 0

    def __call__(self, findings: Sequence[Finding], at: Check | None) -> None:
        if table := self._table:
            for finding in findings[self._told :]:
                table.say(report_text.row(finding, table.paint, table.width))
        self._told = len(findings)
        if self._kept and at:
            self._note(self._kept, findings, at)

    def _note(self, kept: Selftests, findings: Sequence[Finding], at: Check) -> None:
        done: list[dict[str, Any]] = [
            {"check": finding.check, "verdict": finding.verdict} for finding in findings
        ]
        try:
            kept.note({"done": done, "total": len(self._checks), "now": at.title})
        except StoreError:
            self._kept = None  # said already where it matters: the report cannot be kept either


def _keep(kept: Selftests, report: SelftestReport, err: Say) -> None:
    try:
        kept.keep(report.as_json())
    except StoreError as error:
        err(f"The result is not kept: {error.message}. {error.advice}")


def earlier(config: Config, *, as_json: bool) -> str:
    """The self-tests that are kept: a table, newest first, or JSON as GET /api/selftest has it."""
    kept = Selftests(config.store.path.parent).all()
    if as_json:
        return json.dumps([history.line(one) for one in kept], indent=2)
    return history.table(kept)


def run_and_tell(
    configuration: Callable[[], Config],
    secrets: Mapping[str, str],
    only: Sequence[str],
    *,
    as_json: bool,
    progress: bool = False,
    wait: float = 0.0,
) -> int:
    """The self-test on the terminal; 2 and the reason where it could not run.

    The table goes to the standard output; with `as_json` it is shown with `progress` alone, on
    the standard error.
    """
    import click

    err = partial(click.echo, err=True)
    table = _table(sys.stderr, err) if as_json else _table(sys.stdout, click.echo)
    try:
        return selftest(
            configuration(),
            secrets,
            only,
            table=table if progress or not as_json else None,
            json_out=click.echo if as_json else None,
            err=err,
            wait=wait,
        )
    except ApplianceError as error:
        err(f"{error.message}\n{error.advice}".strip())
    except OSError as error:  # while the facts were gathered; in a check it would be a finding
        err(f"{error}\nRun it as root or as the appliance's user.")
    return COULD_NOT_RUN


def _table(stream: TextIO, say: Say) -> Table:
    """For that stream: in colours and as wide as it is, where it is a terminal."""
    import click

    if not stream.isatty():
        return Table(say, _plain)
    width = os.get_terminal_size(stream.fileno()).columns or WIDTH
    colourful = "NO_COLOR" not in os.environ
    return Table(say, lambda text, hue: click.style(text, fg=hue) if colourful else text, width)


def _plain(text: str, _colour: str) -> str:
    return text
