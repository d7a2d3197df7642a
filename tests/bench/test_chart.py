"""The comparison as an SVG."""

from xml.etree import ElementTree

from appliance.bench.chart import BAR, COLOURS, render_svg
from appliance.bench.claims import ClaimRow, Limit
from appliance.bench.comparison import ComparisonRun, turns_comparison
from appliance.bench.contenders import OURS, STOCK
from appliance.bench.turns import MeasuredTurn
from tests.bench.test_session_cost import step

SVG = "{http://www.w3.org/2000/svg}"
ROWS = (
    ClaimRow("first <audio>", "ms", 400, 800, Limit("at most", 430)),
    ClaimRow("memory", "MB", -0.2, 20, Limit("at most", 1)),
    ClaimRow("sessions", "", None, None, Limit("at least", 40)),
)


def rendered(comparison: ComparisonRun) -> ElementTree.Element:
    return ElementTree.fromstring(render_svg([comparison]))


def texts(picture: ElementTree.Element) -> str:
    return "\n".join(text.text or "" for text in picture.iter(f"{SVG}text"))


def test_bars_are_as_long_as_their_figures() -> None:
    bars = [
        float(bar.get("width", "0"))
        for bar in rendered(ComparisonRun("timed", ROWS, ())).iter(f"{SVG}rect")
        if bar.get("fill") in COLOURS.values()
    ]
    assert bars == [BAR / 2, BAR, 0, BAR, 0, 0]


def test_each_claim_has_its_limit_and_its_verdict() -> None:
    shown = texts(rendered(ComparisonRun("timed", ROWS, ())))
    for expected in ("first <audio>", "at most 430: met", "ours 400 ms", "stock not measured"):
        assert expected in shown
    assert "at least 40: open" in shown


def test_ramps_are_curves() -> None:
    ramps = {OURS: [step(1, 500), step(8, 600)], STOCK: [step(1, 600), step(8, None, late=8)]}
    picture = rendered(ComparisonRun("timed", (), (), ramps=ramps))
    curves = [(line.get("points") or "").split() for line in picture.iter(f"{SVG}polyline")]
    assert [len(points) for points in curves] == [2, 1]
    assert "600" in texts(picture)


def test_a_ramp_without_answers_can_be_drawn() -> None:
    assert (
        rendered(ComparisonRun("timed", (), (), ramps={OURS: [step(1, None)]})).tag == f"{SVG}svg"
    )


def test_turns_become_spreads_by_contender() -> None:
    answered = MeasuredTurn("s", "s", {"transcript": 0.25, "first_audio": 0.5})
    made = turns_comparison(
        "fast", {OURS: [answered, answered], STOCK: [MeasuredTurn("s", "", {})]}
    )
    assert (made.turns, made.unanswered) == (3, 1)
    pair = made.first_audio()
    assert pair.ours is not None
    assert (pair.ours.p50, pair.stock) == (500, None)
