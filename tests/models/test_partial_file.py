import json
from pathlib import Path

import pytest

from appliance.models.partial_file import Partial, arrived, discard, note_of


def begun(path: Path, total: int | None = 100, validator: str = '"a"') -> None:
    partial = Partial(path, total)
    partial.restart(100, validator)
    partial.write(0, b"x" * 10)
    partial.write(50, b"y" * 20)
    partial.close()


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "p"
    begun(path)
    assert arrived(path) == 30
    partial = Partial(path, 100)
    assert (partial.have, partial.validator) == (30, '"a"')
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
def test_a_note_that_does_not_fit_is_not_believed(tmp_path: Path, note: str) -> None:
    path = tmp_path / "p"
    begun(path)
    note_of(path).write_text(note)
    partial = Partial(path, 100)
    assert partial.have == 0
    partial.close()


def test_without_size_and_validator_nothing_vouches_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "p"
    begun(path, None, "")
    partial = Partial(path, None)
    assert partial.have == 0
    partial.close()
    begun(path, None, '"a"')
    partial = Partial(path, None)
    assert (partial.have, partial.total) == (30, 100)
    partial.close()


def test_the_note_is_written_as_it_grows(tmp_path: Path) -> None:
    """So that a kill costs megabytes, not all of it."""
    path = tmp_path / "p"
    partial = Partial(path, 2**25)
    partial.write(0, bytes(2**23))
    assert arrived(path) == 2**23
    partial.close()
    discard(path)
    assert list(tmp_path.iterdir()) == []
