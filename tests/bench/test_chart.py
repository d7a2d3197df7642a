"""The picture of a comparison."""

from xml.etree import ElementTree

from appliance.bench.chart import BAR, COLOURS, drawing
from appliance.bench.claims import ClaimRow, Limit
from appliance.bench.comparison import ComparisonRun, exchanged
from appliance.bench.contenders import OURS, STOCK
from appliance.bench.turns import MeasuredTurn
from tests.bench.test_session_cost import load

SVG = "{http://www.w3.org/2000/svg}"
ROWS = (
    ClaimRow("first <audio>", "ms", 400, 800, Limit("at most", 430)),
    ClaimRow("memory", "MB", -0.2, 20, Limit("at most", 1)),
    ClaimRow("sessions", "", None, None, Limit("at least", 40)),
)


def drawn(comparison: ComparisonRun) -> ElementTree.Element:
    return ElementTree.fromstring(drawing([comparison]))


def words(picture: ElementTree.Element) -> str:
    return "\n".join(text.text or "" for text in picture.iter(f"{SVG}text"))


def test_bars_are_as_long_as_their_figures() -> None:
    bars = [
        float(bar.get("width", "0"))
        for bar in drawn(ComparisonRun("timed", ROWS, ())).iter(f"{SVG}rect")
        if bar.get("fill") in COLOURS.values()
    ]
    assert bars == [BAR / 2, BAR, 0, BAR, 0, 0]


def test_it_says_what_was_claimed_and_what_came_of_it() -> None:
    told = words(drawn(ComparisonRun("timed", ROWS, ())))
    for expected in ("first <audio>", "at most 430: met", "ours 400 ms", "stock not measured"):
        assert expected in told
    assert "at least 40: open" in told


def test_ramps_are_curves() -> None:
    ramps = {OURS: [load(1, 500), load(8, 600)], STOCK: [load(1, 600), load(8, None, late=8)]}
    picture = drawn(ComparisonRun("timed", (), (), ramps=ramps))
    curves = [(line.get("points") or "").split() for line in picture.iter(f"{SVG}polyline")]
    assert [len(points) for points in curves] == [2, 1]
    assert "600" in words(picture)


def test_ramps_in_which_nobody_was_heard_can_be_drawn() -> None:
    assert drawn(ComparisonRun("timed", (), (), ramps={OURS: [load(1, None)]})).tag == f"{SVG}svg"


def test_turns_become_spreads_by_contender() -> None:
    answered = MeasuredTurn("s", "s", {"transcript": 0.25, "first_audio": 0.5})
    made = exchanged("fast", {OURS: [answered, answered], STOCK: [MeasuredTurn("s", "", {})]})
    assert (made.turns, made.unanswered) == (3, 1)
    pair = made.pair()
    assert pair.ours is not None
    assert (pair.ours.p50, pair.stock) == (500, None)
