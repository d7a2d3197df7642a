"""GPU wheels: kept for later runs, refused early where they are of no use; a GPU tried again."""

import hashlib
import platform
import sys
from pathlib import Path

import pytest

from tests.install.device import Device

TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"
BOARD = "L4T 36.5, CUDA 12.6, sm_87"
# What gpu.py would say on a board; the choice among wheels is its own.
ON_A_BOARD = f"""
board=gpu
eval "true_$(declare -f gpu_tool)"
gpu_tool() {{
  case $1 in
    facts) printf '%s\\n' "${{built:-{BOARD}}}" "driver ${{driver:-540}}" ;;
    *) true_gpu_tool "$@" ;;
  esac
}}
"""
# The step as run_step runs it, and what the release is named after.
KEEP = "choose_gpu; run_step gpu_wheels; gpu_stack"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """An owner's directory with wheels for this machine, and others."""
    directory = tmp_path / "an owner's wheels"
    directory.mkdir()
    lines = []
    for name in ("ctranslate2", "onnxruntime_gpu"):
        for tag in (TAG, "cp39"):
            file = directory / f"{name}-1-{tag}-{tag}-linux_{platform.machine()}.whl"
            file.write_text(file.name)
            lines.append(f"{hashlib.sha256(file.name.encode()).hexdigest()}  {file.name}\n")
    (directory / "SHA256SUMS").write_text("".join(lines))
    return directory


@pytest.fixture
def board(device: Device) -> Device:
    file = device.root / "install" / "jetson.sh"
    file.write_text(f"{file.read_text()}\n{ON_A_BOARD}")
    return device


def test_wheels_are_kept_and_used_by_runs_without_any(board: Device, wheels: Path) -> None:
    first = board.does(f'wheels_directory="{wheels}"; {KEEP}')
    assert len(first.strip()) == 16
    kept = board.prefix / "gpu-wheels"
    names = {file.name for file in kept.iterdir()}
    assert names == {file.name for file in wheels.glob(f"*{TAG}*")} | {"SHA256SUMS", "built-for"}
    for file in wheels.iterdir():
        file.unlink()
    done = board.tries(KEEP)
    assert done.stdout == first
    assert "unchanged" in done.stderr
    assert board.does('choose_gpu; grep -c "^wheel .* $GPU_WHEELS/" <<<"$gpu_choice"') == "2\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("built='L4T 39.2, CUDA 13.2, sm_87'", f"were for {BOARD}; this is L4T 39.2"),
        ("device_tag() { echo cp39; }; rm -- $GPU_WHEELS/*cp39*", "do not fit any more"),
    ],
)
def test_kept_wheels_that_do_not_fit_any_more_are_said(
    board: Device, wheels: Path, change: str, told: str
) -> None:
    board.does(f'wheels_directory="{wheels}"; {KEEP}')
    done = board.tries(
        f"shopt -s nullglob; touch $GPU_WHEELS/cp39; {change}; choose_gpu; gpu_stack"
    )
    assert done.stdout == "processor\n"
    assert done.stderr.count(told) == 1


def test_kept_wheels_are_forgotten_when_the_owner_says_so(board: Device, wheels: Path) -> None:
    board.does(f'wheels_directory="{wheels}"; {KEEP}')
    assert board.does(f"parse_device --wheels none; {KEEP}") == "processor\n"
    assert not (board.prefix / "gpu-wheels").exists()
    assert "unchanged" in board.tries(f"parse_device --wheels none; {KEEP}").stderr


@pytest.mark.parametrize("python", ["", "python=''; python_wanted=cp39; "])
def test_wheels_of_no_use_are_a_fault_before_anything_is_changed(
    board: Device, wheels: Path, python: str
) -> None:
    given = f'wheels_directory="{wheels}"; {python}'
    script = f'{given}choose_gpu; check_wheels; printf "%s" "${{faults[*]}}"'
    assert board.does(script) == ""
    (wheels / "SHA256SUMS").unlink()
    told = board.does(script)
    assert f"--wheels {wheels} cannot be used" in told
    assert "make it with: sha256sum *.whl" in told
    others = "rights system memory clock disk site board offline power_mode"
    as_if = f'for one in {others}; do eval "check_$one() {{ :; }}"; done'
    done = board.tries(f"{given}{as_if}; check_everything; echo went on")
    assert done.returncode == 1
    assert "nothing was changed, because" in done.stderr
    assert done.stdout == ""


def test_a_bundle_without_gpu_wheels_is_installed_for_the_processor(board: Device) -> None:
    known = "gpu_tool() { printf 'gpu stack\\nwheel 0 https://example.org/x.whl\\n'; }"
    assert len(board.does(f"{known}; gpu_stack")) == 17
    done = board.does(f'{known}; bundle=/srv/bundle; gpu_stack; choose_gpu; echo "$gpu_choice"')
    assert done == "processor\nprocessor the bundle has no GPU wheels\n"


# Choosing wheels, and a release in which they had no GPU.
CHOSEN = "gpu_choice=$'gpu stack\\nwheel 0 /x.whl' gpu_choice_for=$python"
RETRIED = f"{CHOSEN}; retry_gpu={{}} driver={{}}; gpu_stack; run_step gpu_retry; gpu_stack"


def retried(board: Device, option: str = "", driver: str = "540") -> bool:
    before, after = board.does(RETRIED.format(option, driver)).split()
    return before != after


def install(board: Device, name: str, driver: str) -> None:
    """Their installation in a release, where the GPU does not answer."""
    place = board.release(name)
    answer = place / "venv" / "bin" / "python"
    answer.parent.mkdir()
    answer.write_text("#!/bin/sh\necho CTranslate2 sees no GPU\nexit 1\n")
    answer.chmod(0o755)
    nothing = "quietly() { :; }; install_wheels() { :; }; fetch_wheel() { echo x; }"
    script = f"{CHOSEN}; {nothing}; driver={driver} wheels=/w release={place}; install_gpu_wheels"
    done = board.tries(script)
    assert "--retry-gpu" in done.stderr
    assert (place / "venv" / ".gpu").read_text().startswith("processor CTranslate2 sees no GPU")


def test_a_gpu_that_failed_is_tried_again_when_something_changed(board: Device) -> None:
    install(board, "one", "540")
    assert not retried(board)
    assert retried(board, driver="550")
    # Whatever ended that run: the next one goes on with the same attempt.
    assert not retried(board, driver="550")
    install(board, "two", "550")
    assert not retried(board, driver="550")
    assert retried(board, driver="540")


def test_a_gpu_that_failed_is_tried_again_when_the_owner_says_so(board: Device) -> None:
    install(board, "one", "540")
    assert retried(board, option="yes")
    install(board, "two", "540")
    assert not retried(board)
    assert retried(board, option="yes")


def test_a_gpu_that_answers_is_left_alone(board: Device) -> None:
    place = board.release("one")
    (place / "venv" / ".gpu").write_text("gpu both\n")
    assert not retried(board, option="yes", driver="550")


def test_a_twin_hands_on_what_its_gpu_lacked(board: Device) -> None:
    for name in ("two", "one"):
        (board.release(name) / "venv/lib/python3.12/site-packages").mkdir(parents=True)
    install(board, "three", "540")
    one, three = (board.prefix / "releases" / name / "venv" for name in ("one", "three"))
    (three / "lib/python3.12/site-packages").mkdir(parents=True)
    nothing = "quietly() { :; }; install_wheels() { :; }; make_wheels() { :; }; chmod() { :; }"
    board.does(
        f"{nothing}; twin() {{ echo {three.parent}; }}; release={one.parent}; do_environment"
    )
    for file in (".gpu", ".gpu-facts"):
        assert (one / file).read_text() == (three / file).read_text()


def test_a_wheel_that_is_another_one_is_not_installed(board: Device, tmp_path: Path) -> None:
    good, other = tmp_path / "good.whl", tmp_path / "other.whl"
    good.write_text("good")
    other.write_text("evil")
    digest = hashlib.sha256(b"good").hexdigest()
    chosen = f"gpu_choice=$'gpu all\\nwheel {digest} {good}\\nwheel {digest} {other}'"
    says = 'quietly() { echo "$@"; }; install_wheels() { echo "$@"; }'
    script = f"{chosen} gpu_choice_for=$python; {says}; release={board.release('one')}"
    done = board.tries(f"{script}; install_gpu_wheels")
    assert "other.whl is not what it should be" in done.stderr
    assert done.stdout == ""
    script = script.replace(str(other), str(good))
    done = board.tries(f"{script}; install_gpu_wheels")
    assert done.stdout.count("good.whl") == 2
