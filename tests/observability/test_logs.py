"""Log lines have the form of the journal or of a terminal; Pipecat's are included."""

import logging
from collections.abc import Iterator

import pytest
from loguru import logger as loguru

from appliance.observability import logs

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Restores logging after each test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    loguru.remove()


def test_in_the_journal_every_line_carries_its_priority(capsys: Capture) -> None:
    logs.set_up({"JOURNAL_STREAM": "8:1"})
    log = logging.getLogger("appliance.test")
    log.info("one")
    log.warning("two\nthree")
    try:
        raise ValueError("four")
    except ValueError:
        log.exception("five")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == ["<6>appliance.test: one", "<4>appliance.test: two", "<4>three"]
    assert lines[3] == "<3>appliance.test: five"
    assert all(line.startswith("<3>") for line in lines[3:])
    assert lines[-1] == "<3>ValueError: four"


def test_outside_the_journal_lines_have_time_and_level(capsys: Capture) -> None:
    logs.set_up({})
    logging.getLogger("appliance.test").info("hello")
    assert capsys.readouterr().err.endswith("INFO    appliance.test: hello\n")


def test_warnings_of_pipecat_are_logged_and_its_debugging_is_not(capsys: Capture) -> None:
    logs.set_up({})
    loguru.info("a frame passed")
    loguru.warning("a frame stuck: {not a template}")
    said = capsys.readouterr().err
    assert "passed" not in said
    assert "WARNING" in said
    assert "a frame stuck: {not a template}" in said


def test_debug_logs_everything(capsys: Capture) -> None:
    logs.set_up({}, debug=True)
    loguru.debug("a frame passed")
    assert "a frame passed" in capsys.readouterr().err
