"""The error tree: drawn as it is, with codes that tell errors apart."""

import errno
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance import errors
from appliance.errors import ApplianceError, DiskFull, StoreError, TooManyRequests, write_error


def tree(error: type[ApplianceError]) -> Iterator[type[ApplianceError]]:
    yield error
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


ALL = list(tree(ApplianceError))
LEAVES = [error for error in ALL if not error.__subclasses__()]


def test_every_error_has_a_code_of_its_own() -> None:
    counted = Counter(error.code for error in ALL)
    assert [code for code, count in counted.items() if count > 1] == []
    assert all(re.fullmatch("[a-z_]+", error.code) for error in ALL)


def test_the_drawing_shows_every_error_under_its_parent_with_its_code() -> None:
    drawn: dict[str, tuple[str, str]] = {}
    parents: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"( *)([A-Z]\w+)(?: +([a-z_]+))?(?:  |$)", line)
        if not found or found[2] not in dir(errors):
            continue
        depth = len(found[1])
        parents[depth] = found[2]
        drawn[found[2]] = (parents.get(depth - 2, "Exception"), found[3] or "")
    assert set(drawn) == {error.__name__ for error in ALL}
    for error in ALL:
        parent, code = drawn[error.__name__]
        assert error.__bases__[0].__name__ == parent
        assert code == error.code or error not in LEAVES


@pytest.mark.parametrize("error", LEAVES)
def test_every_error_advises_and_leaves_in_one_shape(error: type[ApplianceError]) -> None:
    assert error.default_advice.endswith(".")
    assert 400 <= error.status < 600
    extra: dict[str, Any] = {"retry_after": 1.0} if error is TooManyRequests else {}
    raised = error("it happened", **extra)
    assert str(raised) == "it happened"
    assert json.loads(json.dumps(raised.as_json())) == {
        "error": {"code": error.code, "message": "it happened", "advice": error.default_advice}
    }
    assert error("it happened", advice="Do this.", **extra).advice == "Do this."


def test_a_full_disk_is_named_as_that_whoever_notices_it() -> None:
    with (
        pytest.raises(OSError, match="No space") as of_a_file,
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE words (word)")
        database.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as of_a_database:
            database.execute("INSERT INTO words VALUES (zeroblob(100000))")
    quota = OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
    for error in (of_a_file.value, of_a_database.value, quota):
        told = write_error("the database", error, advice="Look at its rights.")
        assert type(told) is DiskFull
        assert told.message == "the disk is full: the database cannot be written"
        assert told.advice == DiskFull.default_advice


def test_another_reason_keeps_its_own_advice() -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    told = write_error("the file", error, advice="Look at its rights.")
    assert type(told) is StoreError
    assert told.message == "the file cannot be written: Permission denied"
    assert told.advice == "Look at its rights."
