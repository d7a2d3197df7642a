"""Which wheels a recorded board gets for its GPU, or why it gets none."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.hardware.detect import detect
from jetson import gpu
from jetson.gpu import Choice, Software
from tests.hardware.boards import BOARDS, Board, write

JP72 = Software("13.2", "cp312")


def decided(board: Board, root: Path, software: Software = JP72) -> Choice:
    return gpu.choose(detect(board.lay(root)), software, gpu.stacks())


@pytest.mark.parametrize("name", ["orin nano super", "orin nano 4 GB", "agx orin"])
def test_an_orin_on_jetpack_7_2_gets_the_stack_made_for_it(name: str, tmp_path: Path) -> None:
    choice = decided(BOARDS[name], tmp_path)
    assert choice.reason == "jp72-cu132-py312-sm87"
    assert [re.split("[-+]", Path(w.place).name)[0] for w in choice.wheels] == list(gpu.NEEDED)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("orin nano with the bad release", "cannot allocate GPU memory reliably; upgrade to 36.5"),
        ("agx orin on jetpack 5", "too old for GPU engines"),
        ("nano", "too old for GPU engines"),
        ("orin nx 16 GB", "no GPU wheels are known for L4T 36.5, CUDA 13.2, cp312, sm_87"),
        ("thor", "no GPU wheels are known for L4T 38.4, CUDA 13.2, cp312, sm_110"),
    ],
)
def test_every_other_board_uses_its_processor_and_says_why(
    name: str, why: str, tmp_path: Path
) -> None:
    choice = decided(BOARDS[name], tmp_path)
    assert choice.wheels == ()
    assert why in choice.reason


@pytest.mark.parametrize(
    "software", [Software("12.6", "cp312"), Software("13.2", "cp311"), Software("", "cp312")]
)
def test_wheels_for_other_software_do_not_fit(software: Software, tmp_path: Path) -> None:
    assert decided(BOARDS["agx orin"], tmp_path, software).wheels == ()


def test_no_jetson_gets_nothing(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 1000 kB\n")
    assert gpu.gate(detect(tmp_path))[0] == "none"


@pytest.mark.parametrize("digest", [{}, {"sha256": ""}, {"sha256": "0xDEAD"}])
def test_a_wheel_without_a_hash_is_not_fetched(digest: Mapping[str, str], tmp_path: Path) -> None:
    stack: dict[str, Any] = {**gpu.stacks()[0]}
    first, second = stack["wheel"]
    stack["wheel"] = [first, {"name": second["name"], "url": second["url"], **digest}]
    choice = gpu.choose(detect(BOARDS["agx orin"].lay(tmp_path)), JP72, [stack])
    assert choice.wheels == ()
    assert "no published SHA-256" in choice.reason


def test_half_a_stack_is_none(tmp_path: Path) -> None:
    stack: dict[str, Any] = {**gpu.stacks()[0]}
    stack["wheel"] = stack["wheel"][:1]
    choice = gpu.choose(detect(BOARDS["agx orin"].lay(tmp_path)), JP72, [stack])
    assert "has no onnxruntime_gpu" in choice.reason


def test_every_wheel_of_the_manifest_has_a_hash_a_size_and_https() -> None:
    for stack in gpu.stacks():
        assert {"name", "l4t", "cuda", "python", "sm", "tested", "source"} <= stack.keys()
        assert {wheel["name"] for wheel in stack["wheel"]} == set(gpu.NEEDED)
        for wheel in stack["wheel"]:
            assert wheel["url"].startswith("https://")
            assert re.fullmatch("[0-9a-f]{64}", wheel["sha256"])
            assert wheel["bytes"] > 1_000_000
            assert f"-{stack['python']}-linux_aarch64.whl" in wheel["url"]


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """An owner's directory; ONNX Runtime calls itself by the name that nothing replaces."""
    directory = tmp_path / "wheels"
    names = (
        "ctranslate2-4.8.1-cp312-cp312-linux_aarch64.whl",
        "ctranslate2-4.8.1-cp311-cp311-linux_aarch64.whl",
        "onnxruntime-1.28.0-cp312-cp312-manylinux_2_34_aarch64.whl",
    )
    for name in names:
        write(directory, name, name)
    sums = [f"{hashlib.sha256(name.encode()).hexdigest()} *{name}\n" for name in names]
    write(directory, "SHA256SUMS", "".join(sums))
    return directory


def owned(tmp_path: Path, wheels: Path, board: str = "orin nx 16 GB") -> Choice:
    hardware = detect(BOARDS[board].lay(tmp_path / "root"))
    return gpu.from_directory(hardware, wheels, "cp312")


def test_the_owners_wheels_are_taken_where_they_fit(tmp_path: Path, wheels: Path) -> None:
    found = [Path(wheel.place).name for wheel in owned(tmp_path, wheels).wheels]
    assert found == [
        "ctranslate2-4.8.1-cp312-cp312-linux_aarch64.whl",
        "onnxruntime-1.28.0-cp312-cp312-manylinux_2_34_aarch64.whl",
    ]


def test_the_owners_wheels_do_not_open_the_gate(tmp_path: Path, wheels: Path) -> None:
    choice = owned(tmp_path, wheels, "orin nano with the bad release")
    assert choice.wheels == ()
    assert "36.5" in choice.reason


def test_the_owners_wheels_must_be_what_their_sums_say(tmp_path: Path, wheels: Path) -> None:
    write(wheels, "ctranslate2-4.8.1-cp312-cp312-linux_aarch64.whl", "something else")
    with pytest.raises(ValueError, match="is not what SHA256SUMS says"):
        owned(tmp_path, wheels)
    (wheels / "SHA256SUMS").unlink()
    with pytest.raises(ValueError, match=r"make it with: sha256sum \*.whl"):
        owned(tmp_path, wheels)


def test_a_missing_wheel_is_named(tmp_path: Path, wheels: Path) -> None:
    next(wheels.glob("onnx*")).unlink()
    with pytest.raises(ValueError, match="has no onnxruntime_gpu wheel for cp312 on aarch64"):
        owned(tmp_path, wheels)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("usr/local/cuda/version.json", '{"cuda": {"version": "13.2.2"}}'),
        ("var/lib/dpkg/info/cuda-cudart-13-2.list", ""),
    ],
)
def test_the_version_of_cuda(name: str, content: str, tmp_path: Path) -> None:
    assert gpu.cuda_version(tmp_path) == ""
    write(tmp_path, name, content)
    assert gpu.cuda_version(tmp_path) == "13.2"


def test_the_facts_on_which_an_answer_of_the_gpu_hangs(tmp_path: Path) -> None:
    root = BOARDS["agx orin"].lay(tmp_path)
    board = detect(root)
    first, *more = gpu.facts(board, root)
    assert re.fullmatch(r"L4T 39\.2, CUDA unknown, sm_87", first)
    assert more == [f"release {board.l4t}", "driver unknown", f"GPU {board.gpu}"]
    write(root, "usr/local/cuda/version.json", '{"cuda": {"version": "13.2.2"}}')
    write(root, "sys/module/nvidia/version", "540.4.0\n")
    write(root, "usr/lib/aarch64-linux-gnu/libcudnn.so.9.3.0", "")
    changed = gpu.facts(board, root)
    assert changed[0] == "L4T 39.2, CUDA 13.2, sm_87"
    assert "driver 540.4.0" in changed
    assert "libcudnn.so.9.3.0" in changed


def test_what_the_installer_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = BOARDS["agx orin"].lay(tmp_path)
    write(root, "usr/local/cuda/version.json", '{"cuda": {"version": "13.2.2"}}')
    assert gpu.main(["gate", "--root", str(root)]) == 0
    assert gpu.main(["choose", "--root", str(root), "--python", "cp312"]) == 0
    gate, chosen, *wheels = capsys.readouterr().out.splitlines()
    assert gate.startswith("gpu ")
    assert chosen == "gpu jp72-cu132-py312-sm87"
    assert [line.split()[0] for line in wheels] == ["wheel", "wheel"]
    missing = ["choose", "--root", str(root), "--python", "cp312", "--wheels", str(tmp_path)]
    assert gpu.main(missing) == 1
    assert "SHA256SUMS" in capsys.readouterr().err
