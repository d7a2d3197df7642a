"""Draws word errors and ends of turn as one self-contained SVG. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from appliance.bench.accuracy.results import BASELINE, AccuracyResults, TurnScore, WordScore
from appliance.bench.chart import BAR, LABELS, LINE, svg_document, text_element
from appliance.bench.contenders import OURS, STOCK

_COLOURS: Final = {OURS: "#1f7a4d", BASELINE: "#b9822b", STOCK: "#9aa3ad"}
_GAP: Final = 10


def draw(results: AccuracyResults) -> str:
    """Pairs of bars: word errors by condition, language and kind, then errors of turn taking."""
    parts: list[str] = []
    top = 28
    for heading, scores in results.word_scores():
        rows = {score.group: _word_rates(score) for score in scores}
        top = _section(parts, f"word errors, {heading}", rows, top)
    rates = dict(_turn_rates(results.turn_scores()))
    top = _section(parts, "ends of turn", rates, top)
    return svg_document(parts, top)


def _word_rates(score: WordScore) -> Mapping[str, float]:
    """Percentages by name."""
    rates = {OURS: 100 * score.ours.rate}
    return rates if score.baseline is None else {**rates, BASELINE: 100 * score.baseline.rate}


def _turn_rates(scores: list[TurnScore]) -> Iterator[tuple[str, Mapping[str, float]]]:
    for name, part, whole in (
        ("finished, waited long", "waited", "finished"),
        ("cut off in a pause", "cut", "pauses"),
        ("cut off amid speech", "cut_inside", "utterances"),
    ):
        yield (
            name,
            {
                score.server: 100 * getattr(score, part) / max(1, getattr(score, whole))
                for score in scores
            },
        )


def _section(
    parts: list[str], title: str, rows: Mapping[str, Mapping[str, float]], top: int
) -> int:
    """Adds the bars of some rows, scaled to the longest, below `top`; returns where they end."""
    parts.append(text_element(10, top, title, "t"))
    top += 12
    most = max((rate for rates in rows.values() for rate in rates.values()), default=0.0)
    for group, rates in rows.items():
        parts.append(text_element(LABELS - 10, top + LINE, group, "e"))
        for name, rate in rates.items():
            length = BAR * rate / most if most else 0.0
            parts.append(
                f'<rect x="{LABELS}" y="{top + 3}" width="{length:.1f}" height="{LINE - 3}" '
                f'fill="{_COLOURS[name]}"/>'
            )
            label = f"{name} {rate:.1f} %"
            parts.append(text_element(LABELS + length + 6, top + LINE - 1, label))
            top += LINE
        top += _GAP
    return top + 2 * _GAP
