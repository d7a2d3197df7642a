"""The power mode of a board, by name, and back; with a stand-in for the board's own program."""

import subprocess
from pathlib import Path

import pytest

from tests.install.shell import ROOT

POWER = ROOT / "jetson" / "power.sh"
# As the board's file has them; the numbers are this board's.
MODES = """
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
< POWER_MODEL ID=1 NAME=25W >
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
< PM_CONFIG DEFAULT=1 >
"""
# `nvpmodel -q` and `-m`, with the warning that it prints on some boards.
NVPMODEL = """#!/bin/sh
case $1 in
  -q) echo "NVPM WARN: fan mode is not set!"; echo "NV Power Mode: $(cat "$STATE")"; echo 1 ;;
  -m) awk -F'[ =]' -v id="$2" '/POWER_MODEL/ && $4 == id { print $6 }' "$POWER_MODES" >"$STATE" ;;
esac
"""


class Board:
    def __init__(self, place: Path) -> None:
        self.file = place / "power"
        self.state = place / "state"
        self.state.write_text("15W\n")
        (place / "nvpmodel.conf").write_text(MODES)
        (place / "nvpmodel").write_text(NVPMODEL)
        (place / "nvpmodel").chmod(0o755)
        self.environ = {
            "PATH": f"{place}:/usr/bin:/bin",
            "POWER_FILE": str(self.file),
            "POWER_MODES": str(place / "nvpmodel.conf"),
            "STATE": str(self.state),
        }

    @property
    def mode(self) -> str:
        return self.state.read_text().strip()

    def power(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [POWER, *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_the_modes_have_names(board: Board) -> None:
    assert board.power("list").stdout.split() == ["15W", "25W", "MAXN_SUPER"]


def test_a_mode_is_set_by_name_and_taken_back(board: Board) -> None:
    assert board.power("is", "MAXN_SUPER").returncode == 1
    for _ in range(2):
        assert board.power("remember", "MAXN_SUPER").returncode == 0
        assert board.power("apply").returncode == 0
        assert board.mode == "MAXN_SUPER"
    assert board.power("is", "MAXN_SUPER").returncode == 0
    # Another one later does not forget what there was at first.
    board.power("remember", "25W")
    board.power("apply")
    assert board.mode == "25W"
    assert board.power("restore").returncode == 0
    assert board.mode == "15W"
    assert not board.file.exists()
    assert board.power("restore").returncode == 0


def test_a_mode_that_the_board_has_not_is_refused_with_those_it_has(board: Board) -> None:
    done = board.power("remember", "50W")
    assert done.returncode == 1
    assert "no power mode 50W; it has: 15W 25W MAXN_SUPER" in done.stderr
    assert not board.file.exists()
