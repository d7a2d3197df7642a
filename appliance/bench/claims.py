"""Claims about the appliance beside stock Pipecat, and whether the figures meet them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from appliance.bench.statistics import Spread

Kind = Literal["at most", "at least", "of stock at most"]


@dataclass(frozen=True, slots=True)
class Limit:
    """The bound of our figure: in the row's unit, or as a share of stock's."""

    kind: Kind
    value: float

    def met(self, ours: float | None, stock: float | None) -> bool | None:
        """Whether the limit is met; None where a figure that it needs was not measured."""
        if ours is None:
            return None
        if self.kind == "of stock at most":
            return None if stock is None else ours <= self.value * stock
        return ours <= self.value if self.kind == "at most" else ours >= self.value


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim. A figure is None where it was not measured; `note` says why."""

    what: str
    unit: str
    ours: float | None
    stock: float | None
    limit: Limit
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours as a share of stock's."""
        if self.ours is None or not self.stock:
            return None
        return self.ours / self.stock

    @property
    def met(self) -> bool | None:
        return self.limit.met(self.ours, self.stock)

    def as_json(self) -> dict[str, object]:
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours,
            "stock": self.stock,
            "ratio": self.ratio,
            "limit": {"kind": self.limit.kind, "value": self.limit.value},
            "met": self.met,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """The same measure of both contenders; None where it was not measured."""

    ours: Spread | None
    stock: Spread | None


def median_claim(what: str, pair: ComparedPair, limit: Limit) -> ClaimRow:
    """A claim about medians in milliseconds."""
    return ClaimRow(
        what,
        "ms",
        pair.ours.p50 if pair.ours else None,
        pair.stock.p50 if pair.stock else None,
        limit,
        "" if pair.ours and pair.stock else "not measured",
    )


def tail_claim(what: str, pair: ComparedPair, most: float) -> ClaimRow:
    """A claim about our 95th percentile as a multiple of our median."""
    return ClaimRow(
        what,
        "x",
        pair.ours.p95 / pair.ours.p50 if pair.ours else None,
        pair.stock.p95 / pair.stock.p50 if pair.stock else None,
        Limit("at most", most),
    )


def model_claims(
    engines: str,
    first_audio: ComparedPair,
    holes: ComparedPair,
    commands: Spread | None,
    interruptions: ComparedPair,
) -> tuple[ClaimRow, ...]:
    """The claims about released models, from spreads in milliseconds.

    `commands` is the first audio of spoken commands, which stock Pipecat has none of.
    """
    stock_has_none = "stock has no commands"
    return (
        median_claim(f"first audio, {engines}", first_audio, Limit("at most", 900)),
        median_claim("first audio beside stock", first_audio, Limit("of stock at most", 0.2)),
        tail_claim("first audio, p95 as a multiple of p50", first_audio, 1.5),
        ClaimRow(
            "longest hole in an answer",
            "ms",
            holes.ours.most if holes.ours else None,
            holes.stock.most if holes.stock else None,
            Limit("at most", 150),
        ),
        ClaimRow(
            "first audio of a command (time, timer)",
            "ms",
            commands.p50 if commands else None,
            None,
            Limit("at most", 500),
            stock_has_none if commands else "not measured",
        ),
        median_claim("barge-in to last sound", interruptions, Limit("at most", 150)),
    )


def missed(rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    """The claims that the figures contradict."""
    return [row for row in rows if row.met is False]
