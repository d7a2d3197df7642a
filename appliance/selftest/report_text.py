"""A report as a table for people."""

import textwrap
from collections.abc import Callable, Mapping

from appliance.selftest.check import Finding, SelftestReport, Verdict

MARKS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.OK: ("ok", "green"),
    Verdict.WARNING: ("warning", "yellow"),
    Verdict.FAILURE: ("FAILURE", "red"),
    Verdict.SKIPPED: ("skipped", "bright_black"),
}
_INDENT = 27

Paint = Callable[[str, str], str]
"""Gives a text a colour, or leaves it as it is."""


def row(finding: Finding, paint: Paint, width: int) -> str:
    """One finding: mark, title, what was seen, and below it what to do."""
    mark, colour = MARKS[finding.verdict]
    lines = _wrapped(finding.message, width)
    if finding.advice and finding.verdict in (Verdict.WARNING, Verdict.FAILURE):
        lines += [
            "→ " + line if not n else "  " + line
            for n, line in enumerate(_wrapped(finding.advice, width - 2))
        ]
    head = f"{paint(f'{mark:8}', colour)}  {finding.title:16} {lines[0]}"
    return "\n".join([head, *(" " * _INDENT + line for line in lines[1:])])


def _wrapped(text: str, width: int) -> list[str]:
    # Addresses, paths and commands are to be copied: they are never broken.
    return textwrap.wrap(
        text, max(40, width - _INDENT), break_long_words=False, break_on_hyphens=False
    ) or [""]


def summary(report: SelftestReport, paint: Paint) -> str:
    """The last line."""
    counts = [
        f"{report.count(verdict)} {word}"
        for verdict, word in ((Verdict.FAILURE, "failed"), (Verdict.WARNING, "to look at"))
        if report.count(verdict)
    ]
    good = report.count(Verdict.OK)
    told = ", ".join([*counts, f"{good} good"])
    return paint(f"{told}, in {report.seconds:.0f} s", MARKS[report.verdict][1])
