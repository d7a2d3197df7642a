"""Formats tables and times for the terminal, and makes foreign text safe to print there."""

from collections.abc import Sequence
from datetime import datetime

# Zero-width joiners hold letters and emoji together. They are invisible and harmless.
_JOINERS = "\u200c\u200d"


def local_time(seconds: float) -> str:
    """A time in seconds since the epoch as "2026-01-31 13:45" in the local time zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Left-aligned columns, each as wide as its widest cell, below a ruled header.

    Clients choose their own names, and the table goes to the terminal of an administrator, so
    characters that are not printable appear escaped.
    """
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [heads, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    """The text with characters that are not printable escaped."""
    return "".join(c if c.isprintable() or c in _JOINERS else repr(c)[1:-1] for c in text)
