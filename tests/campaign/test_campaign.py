"""The campaign counts what held and what was lost, and tables it with its bound."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import report, results
from tests.campaign.row import Row, Trial
from tests.campaign.rows import ROWS


async def nothing(_: Trial) -> None: ...


ROW = Row("tea", "it is poured", "cups", "a drop", 300, nothing)


def trial(tmp_path: Path, n: int) -> Trial:
    return Trial(tmp_path, n, 60.0, random.Random(1))


def test_a_round_that_fails_is_lost_and_the_next_one_is_done(tmp_path: Path) -> None:
    poured = trial(tmp_path, 4)
    for number in poured.rounds():
        with poured.judged(f"cup {number}"):
            assert number != 1, "a drop"
    assert (poured.done, poured.held, len(poured.lost)) == (4, 3, 1)
    assert "cup 1: AssertionError a drop" in poured.lost[0]


def test_no_round_begins_when_the_time_is_up(tmp_path: Path) -> None:
    assert list(Trial(tmp_path, 4, 0.0, random.Random(1)).rounds()) == []


def test_the_table_has_the_bound_or_the_loss_or_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "reliability.md"
    file.write_text(f"# Tea\n\nBefore.\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n")
    for found, shown in (
        (results.result("tea", 150), "150 cups of 300 | 0 | 2 % |"),
        (results.result("tea", 300, ["a | drop"]), "300 cups | **1**: a   drop |  |"),
        (results.result("tea", obstacle="no kettle"), "not run: no kettle"),
    ):
        report.write(file, (ROW,), results.save(tmp_path / "reliability.json", found))
        text = file.read_text()
        assert shown in text
        assert text.startswith("# Tea\n\nBefore.\n")
        assert text.endswith("\n\nAfter.\n")
        assert "old" not in text
    assert results.load(tmp_path / "reliability.json")["tea"].obstacle == "no kettle"


def test_each_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.slow
def test_a_short_campaign_writes_its_table(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.campaign", "store-kills"),
            *("--scale", "0.01", "--output", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "| 3 kills of 300 | 0 | 1e+02 % |" in (tmp_path / "reliability.md").read_text()
