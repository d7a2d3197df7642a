"""The comparison as one picture: an SVG that needs nothing to be looked at. Pure."""

from collections.abc import Mapping, Sequence
from html import escape

from appliance.bench.claims import ClaimRow
from appliance.bench.comparison import ComparisonRun
from appliance.bench.contenders import OURS, STOCK
from appliance.bench.session_cost import Load

WIDTH, LABELS, BAR, LINE = 860, 330, 400, 15
CURVE_HEIGHT = 220
COLOURS = {OURS: "#1f7a4d", STOCK: "#9aa3ad"}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}"
    ".e{text-anchor:end}.m{fill:#666;font-size:11px}"
)


def drawing(comparisons: Sequence[ComparisonRun]) -> str:
    """Every claim as a pair of bars, each scaled to the longer one, and every ramp as curves."""
    parts: list[str] = []
    top = 28
    for comparison in comparisons:
        parts.append(_text(10, top, comparison.engines, "t"))
        top += 12
        for row in comparison.rows:
            parts += _pair(row, top)
            top += 2 * LINE + 14
        if comparison.ramps:
            parts += _curves(comparison.ramps, top + 20)
            top += CURVE_HEIGHT + 60
        top += 26
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}">'
        f'\n<style>{_STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f"{body}\n</svg>\n"
    )


def _pair(row: ClaimRow, top: int) -> list[str]:
    """One claim: its words, two bars with their figures, and the verdict."""
    figures = {OURS: row.ours, STOCK: row.stock}
    most = max((figure for figure in figures.values() if figure is not None), default=0.0)
    parts = [_text(LABELS - 10, top + LINE, row.what, "e"), _text(LABELS - 10, *_verdict(row, top))]
    for number, (name, figure) in enumerate(figures.items()):
        y = top + number * LINE
        length = BAR * max(0.0, figure or 0.0) / most if most > 0 else 0.0
        parts.append(
            f'<rect x="{LABELS}" y="{y + 3}" width="{length:.1f}" height="{LINE - 3}" '
            f'fill="{COLOURS[name]}"/>'
        )
        told = "not measured" if figure is None else f"{figure:.4g} {row.unit}"
        parts.append(_text(LABELS + length + 6, y + LINE - 1, f"{name} {told}"))
    return parts


def _verdict(row: ClaimRow, top: int) -> tuple[int, str, str]:
    words = {True: "met", False: "missed", None: "open"}[row.met]
    return top + 2 * LINE, f"{row.limit.kind} {row.limit.value:g}: {words}", "e m"


def _curves(ramps: Mapping[str, Sequence[Load]], top: int) -> list[str]:
    """The 95th percentile of first audio over sessions at once; logarithmic, as it explodes."""
    from math import log10

    measured = [load for loads in ramps.values() for load in loads if load.first_audio]
    most = max((load.sessions for load in measured), default=1)
    values = [load.first_audio.p95 for load in measured if load.first_audio]
    low, high = log10(min(values, default=1.0) / 1.5), log10(max(values, default=10.0) * 1.5)
    left, right, bottom = 70, WIDTH - 40, top + CURVE_HEIGHT

    def place(load: Load) -> tuple[float, float]:
        p95 = load.first_audio.p95 if load.first_audio else 10**high
        share = (log10(p95) - low) / (high - low)
        return left + (right - left) * load.sessions / most, bottom - CURVE_HEIGHT * share

    parts = [
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>',
        _text(left, top - 6, "p95 of first audio in ms (logarithmic) over sessions at once"),
    ]
    for name, loads in ramps.items():
        points = [(load, *place(load)) for load in loads if load.first_audio]
        line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in points)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        )
        for load, x, y in points:
            late = f", {load.late} late" if load.late else ""
            told = f"{load.first_audio.p95:.0f}{late}" if load.first_audio else ""
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>')
            parts.append(_text(x - 8, y - 8, told, "m"))
            parts.append(_text(x - 6, bottom + 16, str(load.sessions), "m"))
    return parts


def _text(x: float, y: float, words: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escape(words)}</text>'
