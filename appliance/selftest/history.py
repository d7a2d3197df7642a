"""What is told of the self-tests before the last: when each was, and how it ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

_HEADS = ("when", "result", "failed", "to look at", "good", "version")


def line(report: Mapping[str, Any]) -> dict[str, Any]:
    """One report as a line of the history."""
    keys = ("started_at", "seconds", "version", "verdict", "counts")
    return {key: report.get(key) for key in keys}


def table(reports: Sequence[Mapping[str, Any]]) -> str:
    """The reports, oldest first, as a table for people, newest first."""
    if not reports:
        return "It has not been tested yet."
    rows = [_HEADS, *(_row(report) for report in reversed(reports))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(report: Mapping[str, Any]) -> tuple[str, ...]:
    counts = report.get("counts") or {}
    began = datetime.fromtimestamp(report.get("started_at") or 0).astimezone()
    return (
        began.strftime("%Y-%m-%d %H:%M"),
        str(report.get("verdict", "")),
        *(str(counts.get(verdict, 0)) for verdict in ("failure", "warning", "ok")),
        str(report.get("version", "")),
    )
