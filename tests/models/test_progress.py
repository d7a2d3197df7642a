import json
import time
from typing import Any

import pytest

from appliance.models.progress import JsonProgress, ProgressBars

MB = 10**6


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the progress reads; without a terminal, as in every test."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_step_gets_a_line_with_its_first_bytes_and_one_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressBars() as bars:
        bars.start("base", 100 * MB, 20 * MB)
        assert capsys.readouterr().err == ""
        bars.update(21 * MB, 100 * MB)
        assert capsys.readouterr().err == "base (100.0 MB), 20.0 MB of it are here already\n"
        clock[0] += 4.9
        bars.update(50 * MB, 100 * MB)
        assert capsys.readouterr().err == ""
        clock[0] += 0.2
        bars.update(55 * MB, 100 * MB)
        bars.update(56 * MB, 100 * MB)
        assert capsys.readouterr().err == "  55 %\n"


def test_small_steps_get_no_line(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars() as bars:
        bars.start("checking config.json", 2000, 0)
        bars.update(2000, 2000)
        bars.message("base: done")
        bars.start("of unknown size", None, 0)
        bars.update(2000, None)
    assert capsys.readouterr().err == "base: done\nof unknown size\n"


def test_a_program_gets_an_object_a_line_and_not_too_many(clock: list[float]) -> None:
    lines: list[Any] = []
    with JsonProgress(lambda line: lines.append(json.loads(line))) as progress:
        progress.start("base/model.bin", 100, 20)
        for done in range(21, 30):
            progress.update(done, 100)
        clock[0] += 1
        progress.update(60, 100)
        progress.update(100, 100)
        progress.message("base: fetched")
    assert lines == [
        {"step": "base/model.bin", "total": 100, "done": 20},
        *({"done": done, "total": 100} for done in (21, 60, 100)),
        {"message": "base: fetched"},
    ]
