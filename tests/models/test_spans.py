from hypothesis import given
from hypothesis import strategies as st

from appliance.models import spans

TOTAL = 60
RANGES = st.lists(st.tuples(st.integers(0, TOTAL), st.integers(0, TOTAL)), max_size=12)


def filled(ranges: list[tuple[int, int]]) -> spans.Spans:
    found: spans.Spans = ()
    for start, end in ranges:
        found = spans.add(found, start, end)
    return found


@given(RANGES)
def test_spans_hold_what_was_added(ranges: list[tuple[int, int]]) -> None:
    wanted = {byte for start, end in ranges for byte in range(start, end)}
    found = filled(ranges)
    assert {byte for start, end in found for byte in range(start, end)} == wanted
    assert spans.size(found) == len(wanted)
    assert spans.sound(found, TOTAL)


@given(RANGES, st.integers(1, TOTAL))
def test_gaps_and_spans_make_the_whole(ranges: list[tuple[int, int]], largest: int) -> None:
    found = filled(ranges)
    gaps = list(spans.gaps(found, TOTAL, largest))
    assert all(0 < end - start <= largest for start, end in gaps)
    assert gaps == sorted(gaps)
    assert spans.size(found) + sum(end - start for start, end in gaps) == TOTAL
    for start, end in gaps:
        found = spans.add(found, start, end)
    assert found == ((0, TOTAL),)


def test_a_note_that_cannot_be_true() -> None:
    assert spans.sound((), 0)
    assert spans.sound(((0, 3), (5, 9)), 9)
    for broken in (((0, 10),), ((-1, 3),), ((3, 1),), ((0, 3), (2, 5)), ((4, 6), (1, 2))):
        assert not spans.sound(broken, 9)
