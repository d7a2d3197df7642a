"""Formats findings, reports and the history of reports for the terminal."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from appliance.selftest.check import Finding, SelftestReport, Verdict

MARKS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.OK: ("ok", "green"),
    Verdict.WARNING: ("warning", "yellow"),
    Verdict.FAILURE: ("FAILURE", "red"),
    Verdict.SKIPPED: ("skipped", "bright_black"),
}
_INDENT = 27
_HISTORY_HEADS = ("when", "result", "failed", "to look at", "good", "version")

Paint = Callable[[str, str], str]
"""Gives a text a colour, or returns it unchanged."""


def finding_row(finding: Finding, paint: Paint, width: int) -> str:
    """One finding: mark, title and message, and below it the advice."""
    mark, colour = MARKS[finding.verdict]
    lines = _wrap(finding.message, width)
    if finding.advice and finding.verdict in (Verdict.WARNING, Verdict.FAILURE):
        lines += [
            "→ " + line if not n else "  " + line
            for n, line in enumerate(_wrap(finding.advice, width - 2))
        ]
    head = f"{paint(f'{mark:8}', colour)}  {finding.title:16} {lines[0]}"
    return "\n".join([head, *(" " * _INDENT + line for line in lines[1:])])


def _wrap(text: str, width: int) -> list[str]:
    # People copy addresses, paths and commands from here, so none of them is broken.
    return textwrap.wrap(
        text, max(40, width - _INDENT), break_long_words=False, break_on_hyphens=False
    ) or [""]


def summary_line(report: SelftestReport, paint: Paint) -> str:
    """The last line of a report: counts and duration."""
    counts = [
        f"{report.count(verdict)} {word}"
        for verdict, word in ((Verdict.FAILURE, "failed"), (Verdict.WARNING, "to look at"))
        if report.count(verdict)
    ]
    summary = ", ".join([*counts, f"{report.count(Verdict.OK)} good"])
    return paint(f"{summary}, in {report.seconds:.0f} s", MARKS[report.verdict][1])


def history_entry(report: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a stored report that the history shows."""
    keys = ("started_at", "seconds", "version", "verdict", "counts")
    return {key: report.get(key) for key in keys}


def history_table(reports: Sequence[Mapping[str, Any]]) -> str:
    """Stored reports, given oldest first, as a table with the newest first."""
    if not reports:
        return "It has not been tested yet."
    rows = [_HISTORY_HEADS, *(_history_row(report) for report in reversed(reports))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _history_row(report: Mapping[str, Any]) -> tuple[str, ...]:
    counts = report.get("counts") or {}
    began = datetime.fromtimestamp(report.get("started_at") or 0).astimezone()
    return (
        began.strftime("%Y-%m-%d %H:%M"),
        str(report.get("verdict", "")),
        *(str(counts.get(verdict, 0)) for verdict in ("failure", "warning", "ok")),
        str(report.get("version", "")),
    )
