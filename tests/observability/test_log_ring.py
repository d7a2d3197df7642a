"""The log of the last hour in memory: bounded, redacted, newest kept."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.observability.log_ring import (
    KEPT_SECONDS,
    MOST_CHARACTERS,
    MOST_ENTRIES,
    LogRing,
)
from appliance.observability.redaction import SHORTEST_SECRET, redacted

log = logging.getLogger("appliance.test")


@pytest.fixture
def ring() -> Iterator[LogRing]:
    log.setLevel(logging.DEBUG)
    ring = LogRing(["a-very-secret-key"])
    with ring.attached():
        yield ring
    log.setLevel(logging.NOTSET)


def test_entries_come_oldest_first_without_secrets(ring: LogRing) -> None:
    log.debug("noise")
    log.info("GET /ws/1?token=abc.def and a-very-secret-key")
    log.warning("of %s", "https://me:pass@host/x")
    entries = ring.entries()
    assert [(entry.level, entry.logger, entry.message) for entry in entries] == [
        ("info", "appliance.test", "GET /ws/1?token=*** and ***"),
        ("warning", "appliance.test", "of https://***@host/x"),
    ]
    assert ring.entries(after=entries[0].id) == entries[1:]
    assert ring.entries(least=logging.WARNING) == entries[1:]
    assert ring.entries(limit=1) == entries[1:]


def test_secrets_that_come_later_are_hidden_as_well(ring: LogRing) -> None:
    ring.hide(["another-key", "a-very-secret-key"])
    ring.hide(["a-third-key"])
    log.info("a-very-secret-key, another-key and a-third-key")
    assert [entry.message for entry in ring.entries()] == ["***, *** and ***"]


def test_a_traceback_is_kept_to_its_end(ring: LogRing) -> None:
    try:
        raise ValueError("x" * 3000 + " the cause")
    except ValueError:
        log.exception("it failed")
    (entry,) = ring.entries()
    assert entry.level == "error"
    assert entry.message.endswith("the cause")
    assert len(entry.message) == MOST_CHARACTERS + 1


def test_the_log_is_bounded_by_number_and_by_age() -> None:
    now = [0.0]
    ring = LogRing(clock=lambda: now[0])
    for number in range(MOST_ENTRIES + 10):
        record = logging.LogRecord("x", logging.INFO, "", 0, "line %d", (number,), None)
        record.created = float(number)
        ring.handle(record)
    assert [entry.message for entry in ring.entries()[:2]] == ["line 10", "line 11"]
    now[0] = KEPT_SECONDS + 20
    assert ring.entries()[0].message == "line 20"


def test_nothing_is_collected_outside(ring: LogRing) -> None:
    other = LogRing()
    with other.attached():
        log.info("inside")
    log.info("outside")
    assert [entry.message for entry in other.entries()] == ["inside"]


@given(st.text(), st.text(min_size=SHORTEST_SECRET), st.text())
def test_no_secret_is_left(before: str, secret: str, after: str) -> None:
    assert secret not in redacted(f"{before} {secret} {after}", [secret]).replace("***", "")


@pytest.mark.parametrize(
    "text",
    [
        *("Authorization: Bearer HIDE", "x?api_key=HIDE&y=1", "https://box/#pair=12345678"),
        *("key sk-HIDEHIDE", "redis://user:HIDE@host", "password=HIDE"),
    ],
)
def test_what_has_the_form_of_a_secret_is_hidden(text: str) -> None:
    hidden = redacted(text)
    assert "HIDE" not in hidden
    assert "12345678" not in hidden
    assert "***" in hidden
