"""Logging: lines that the journal understands, Pipecat's among them."""

import logging
from collections.abc import Iterator

import pytest
from loguru import logger as loguru

from appliance.observability import logs

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    """Afterwards all is as before."""
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


def test_elsewhere_lines_are_for_people(capsys: Capture) -> None:
    logs.set_up({})
    logging.getLogger("appliance.test").info("hello")
    assert capsys.readouterr().err.endswith("INFO    appliance.test: hello\n")


def test_pipecat_speaks_through_it_and_only_of_trouble(capsys: Capture) -> None:
    logs.set_up({})
    loguru.info("a frame passed")
    loguru.warning("a frame stuck: {not a template}")
    said = capsys.readouterr().err
    assert "passed" not in said
    assert "WARNING" in said
    assert "a frame stuck: {not a template}" in said


def test_debugging_tells_everything(capsys: Capture) -> None:
    logs.set_up({}, debug=True)
    loguru.debug("a frame passed")
    assert "a frame passed" in capsys.readouterr().err
