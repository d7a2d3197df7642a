"""Draws the comparison with stock Pipecat as one self-contained SVG. Pure."""

from collections.abc import Mapping, Sequence
from html import escape

from appliance.bench.claims import ClaimRow
from appliance.bench.comparison import ComparisonRun
from appliance.bench.contenders import OURS, STOCK
from appliance.bench.session_cost import RampStep

WIDTH, LABELS, BAR, LINE = 860, 330, 400, 15
CURVE_HEIGHT = 220
COLOURS = {OURS: "#1f7a4d", STOCK: "#9aa3ad"}
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}"
    ".e{text-anchor:end}.m{fill:#666;font-size:11px}"
)


def render_svg(comparisons: Sequence[ComparisonRun]) -> str:
    """Every claim as a pair of bars, scaled to the longer one, and every ramp as curves."""
    parts: list[str] = []
    top = 28
    for comparison in comparisons:
        parts.append(text_element(10, top, comparison.engines, "t"))
        top += 12
        for row in comparison.rows:
            parts += _claim_bars(row, top)
            top += 2 * LINE + 14
        if comparison.ramps:
            parts += _ramp_curves(comparison.ramps, top + 20)
            top += CURVE_HEIGHT + 60
        top += 26
    return svg_document(parts, top)


def svg_document(parts: Sequence[str], height: int) -> str:
    """The elements as one picture of WIDTH and `height`."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">'
        f'\n<style>{STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f"{body}\n</svg>\n"
    )


def _claim_bars(row: ClaimRow, top: int) -> list[str]:
    """One claim: its name, two bars with their figures, and the verdict."""
    figures = {OURS: row.ours, STOCK: row.stock}
    most = max((figure for figure in figures.values() if figure is not None), default=0.0)
    parts = [
        text_element(LABELS - 10, top + LINE, row.what, "e"),
        text_element(LABELS - 10, *_verdict_label(row, top)),
    ]
    for number, (name, figure) in enumerate(figures.items()):
        y = top + number * LINE
        length = BAR * max(0.0, figure or 0.0) / most if most > 0 else 0.0
        parts.append(
            f'<rect x="{LABELS}" y="{y + 3}" width="{length:.1f}" height="{LINE - 3}" '
            f'fill="{COLOURS[name]}"/>'
        )
        label = "not measured" if figure is None else f"{figure:.4g} {row.unit}"
        parts.append(text_element(LABELS + length + 6, y + LINE - 1, f"{name} {label}"))
    return parts


def _verdict_label(row: ClaimRow, top: int) -> tuple[int, str, str]:
    """Position, text and style of the limit and whether it was met."""
    verdict = {True: "met", False: "missed", None: "open"}[row.met]
    return top + 2 * LINE, f"{row.limit.kind} {row.limit.value:g}: {verdict}", "e m"


def _ramp_curves(ramps: Mapping[str, Sequence[RampStep]], top: int) -> list[str]:
    """The 95th percentile of first audio over concurrent sessions; logarithmic, as it explodes."""
    from math import log10

    measured = [step for steps in ramps.values() for step in steps if step.first_audio]
    most = max((step.sessions for step in measured), default=1)
    values = [step.first_audio.p95 for step in measured if step.first_audio]
    low, high = log10(min(values, default=1.0) / 1.5), log10(max(values, default=10.0) * 1.5)
    left, right, bottom = 70, WIDTH - 40, top + CURVE_HEIGHT

    def position(step: RampStep) -> tuple[float, float]:
        p95 = step.first_audio.p95 if step.first_audio else 10**high
        share = (log10(p95) - low) / (high - low)
        return left + (right - left) * step.sessions / most, bottom - CURVE_HEIGHT * share

    parts = [
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>',
        text_element(left, top - 6, "p95 of first audio in ms (logarithmic) over sessions at once"),
    ]
    for name, steps in ramps.items():
        points = [(step, *position(step)) for step in steps if step.first_audio]
        line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in points)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        )
        for step, x, y in points:
            late = f", {step.late} late" if step.late else ""
            label = f"{step.first_audio.p95:.0f}{late}" if step.first_audio else ""
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>')
            parts.append(text_element(x - 8, y - 8, label, "m"))
            parts.append(text_element(x - 6, bottom + 16, str(step.sessions), "m"))
    return parts


def text_element(x: float, y: float, text: str, style: str = "") -> str:
    """Text that begins at a point; `style` is a class of STYLE."""
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escape(text)}</text>'
