import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.models.partial_file import (
    PartialFile,
    Spans,
    add_span,
    covered,
    discard,
    gaps,
    is_consistent,
    note_path,
    received_bytes,
)


def begin(path: Path, total: int | None = 100, validator: str = '"a"') -> None:
    """Leaves a partial file of 100 bytes in which 10 and 20 bytes have arrived."""
    partial = PartialFile(path, total)
    partial.restart(100, validator)
    partial.write(0, b"x" * 10)
    partial.write(50, b"y" * 20)
    partial.close()


def test_a_partial_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "p"
    begin(path)
    assert received_bytes(path) == 30
    partial = PartialFile(path, 100)
    assert (partial.received, partial.validator) == (30, '"a"')
    assert partial.missing(40) == [(10, 50), (70, 100)]
    partial.write(10, b"z" * 40)
    partial.write(70, b"z" * 30)
    assert partial.complete
    partial.close()
    partial.close()
    assert path.read_bytes() == b"x" * 10 + b"z" * 40 + b"y" * 20 + b"z" * 30


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        json.dumps({"total": 100, "validator": "", "spans": [[0, 1000]]}),
        json.dumps({"total": 100, "validator": "", "spans": [[9, 3]]}),
        json.dumps({"total": 99, "validator": "", "spans": [[0, 10]]}),
        json.dumps({"total": 100, "validator": ""}),
    ],
)
def test_a_note_that_does_not_fit_is_ignored(tmp_path: Path, note: str) -> None:
    path = tmp_path / "p"
    begin(path)
    note_path(path).write_text(note)
    partial = PartialFile(path, 100)
    assert partial.received == 0
    partial.close()


def test_without_size_and_validator_nothing_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "p"
    begin(path, None, "")
    partial = PartialFile(path, None)
    assert partial.received == 0
    partial.close()
    begin(path, None, '"a"')
    partial = PartialFile(path, None)
    assert (partial.received, partial.total) == (30, 100)
    partial.close()


def test_the_note_is_written_while_the_file_grows(tmp_path: Path) -> None:
    """A kill costs megabytes, not the whole download."""
    path = tmp_path / "p"
    partial = PartialFile(path, 2**25)
    partial.write(0, bytes(2**23))
    assert received_bytes(path) == 2**23
    partial.close()
    discard(path)
    assert list(tmp_path.iterdir()) == []


TOTAL = 60
RANGES = st.lists(st.tuples(st.integers(0, TOTAL), st.integers(0, TOTAL)), max_size=12)


def spans_of(ranges: list[tuple[int, int]]) -> Spans:
    spans: Spans = ()
    for start, end in ranges:
        spans = add_span(spans, start, end)
    return spans


@given(RANGES)
def test_spans_hold_what_was_added(ranges: list[tuple[int, int]]) -> None:
    wanted = {byte for start, end in ranges for byte in range(start, end)}
    spans = spans_of(ranges)
    assert {byte for start, end in spans for byte in range(start, end)} == wanted
    assert covered(spans) == len(wanted)
    assert is_consistent(spans, TOTAL)


@given(RANGES, st.integers(1, TOTAL))
def test_gaps_and_spans_make_the_whole(ranges: list[tuple[int, int]], largest: int) -> None:
    spans = spans_of(ranges)
    missing = list(gaps(spans, TOTAL, largest))
    assert all(0 < end - start <= largest for start, end in missing)
    assert missing == sorted(missing)
    assert covered(spans) + sum(end - start for start, end in missing) == TOTAL
    for start, end in missing:
        spans = add_span(spans, start, end)
    assert spans == ((0, TOTAL),)


def test_impossible_spans_are_recognised() -> None:
    assert is_consistent((), 0)
    assert is_consistent(((0, 3), (5, 9)), 9)
    for broken in (((0, 10),), ((-1, 3),), ((3, 1),), ((0, 3), (2, 5)), ((4, 6), (1, 2))):
        assert not is_consistent(broken, 9)
