"""Renders the results as docs/reliability.md, between two marks; the text around them is kept."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.campaign.results import Result
from tests.campaign.row import Row

BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"
FRAME = f"# Reliability\n\n{BEGIN}\n{END}\n"


def write(file: Path, rows: Sequence[Row], results: Mapping[str, Result]) -> None:
    """Puts the tables in their place in the file, which is made where there is none."""
    text = file.read_text(encoding="utf-8") if file.exists() else FRAME
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n\n{tables(rows, results)}\n{END}{after}", encoding="utf-8")


def tables(rows: Sequence[Row], results: Mapping[str, Result]) -> str:
    """Returns the rows with their figures, and where and when each was run."""
    lines = ["| row | what is done | n | lost | less than |", "|---|---|---|---|---|"]
    lines += [_figures(row, results.get(row.name)) for row in rows]
    lines += ["", "| row | lost would be | run | in |", "|---|---|---|---|"]
    lines += [_origin(row, results.get(row.name)) for row in rows]
    machines = sorted({found.machine for found in results.values()})
    lines += ["", *(f"Machine: {machine}." for machine in machines)]
    return "\n".join(lines) + "\n"


def _figures(row: Row, found: Result | None) -> str:
    if found is None:
        return f"| `{row.name}` | {row.done} | not run | | |"
    if found.obstacle:
        return f"| `{row.name}` | {row.done} | not run: {_cell(found.obstacle)} | | |"
    n = f"{found.n:,} {row.unit}" + (f" of {row.n:,}" if found.n < row.n else "")
    lost = f"{found.lost:,}"
    if found.losses:
        lost = f"**{lost}**: {_cell('; '.join(found.losses))}"
    done = row.done + "".join(f"; {_cell(note)}" for note in found.notes)
    return f"| `{row.name}` | {done} | {n} | {lost} | {_bound(found.bound)} |"


def _origin(row: Row, found: Result | None) -> str:
    if found is None:
        return f"| `{row.name}` | {row.lost} | | |"
    return (
        f"| `{row.name}` | {row.lost} | {found.date}, `{found.commit}` | {found.seconds:,.0f} s |"
    )


def _bound(bound: float | None) -> str:
    """As a rate in percent, with two digits that count."""
    return "" if bound is None else f"{100 * bound:.2g} %"


def _cell(text: str) -> str:
    """Text that does not end its cell."""
    return re.sub(r"[|\n`<>]", " ", text)
