"""The power mode of a board, by name, and back; with a stand-in for the board's own program."""

import subprocess
from pathlib import Path

import pytest

from tests.install.device import Device
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
  -q) echo "NVPM WARN: fan mode is not set!"; echo "NV Power Mode: $(cat "$BOARD")"; echo 1 ;;
  -m) awk -F'[ =]' -v id="$2" '/POWER_MODEL/ && $4 == id { print $6 }' "$POWER_MODES" >"$BOARD" ;;
esac
"""


class Board:
    def __init__(self, place: Path) -> None:
        place.mkdir()
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
            "BOARD": str(self.state),
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
    return Board(tmp_path / "board")


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


FAULTS = 'check_power_mode; printf "%s" "${faults[*]}"'


def test_a_mode_that_the_board_has_not_is_a_fault_of_an_installation(
    device: Device, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in board.environ.items():
        monkeypatch.setenv(name, value)
    assert device.does(f"power_mode=25W; {FAULTS}") == ""
    told = device.does(f"power_mode=50W; {FAULTS}")
    assert told.startswith("this board has no power mode 50W; it has: 15W 25W MAXN_SUPER")
    monkeypatch.setenv("POWER_MODES", "/nowhere")
    assert "this board has no power modes" in device.does(f"power_mode=25W; {FAULTS}")
    assert device.does(FAULTS) == ""


def test_a_mode_that_cannot_be_set_is_no_reason_to_leave_a_release(device: Device) -> None:
    board = "power_tool() { [[ $1 != remember ]] || { echo no such mode >&2; return 1; }; }"
    done = device.tries(
        f"{board}; systemctl() {{ false; }}; power_mode=25W; run_step power; echo on"
    )
    assert done.stdout == "on\n"
    assert "does not run in power mode 25W" in done.stderr


def test_a_dropped_mode_brings_back_the_one_before(
    device: Device, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in board.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWER_FILE", str(device.configuration / "power"))
    device.does("power_tool remember 25W; power_tool apply")
    assert board.mode == "25W"
    assert "done" in device.tries("run_step power").stderr
    assert board.mode == "15W"
    assert "unchanged" in device.tries("run_step power").stderr


def test_what_cannot_be_brought_back_keeps_nobody_from_removing(device: Device) -> None:
    power = device.release("one") / "jetson" / "power.sh"
    power.parent.mkdir()
    power.write_text("#!/bin/sh\nexit 1\n")
    power.chmod(0o755)
    removing = "check_rights device_lock remove_units remove_site remove_placed leave_nginx rm"
    nothing = f'for one in {removing}; do eval "$one() {{ :; }}"; done'
    done = device.tries(f"{nothing}; uninstall_device --yes")
    assert done.returncode == 0, done.stderr
    assert "The appliance is gone" in done.stderr
