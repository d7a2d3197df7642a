"""The checks of board, release, power and temperature on the files of recorded boards."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.hardware.detect import Hardware
from appliance.selftest.check import Verdict
from appliance.selftest.checks.board import BoardCheck
from appliance.selftest.checks.l4t_release import L4tReleaseCheck
from appliance.selftest.checks.memory import MemoryCheck
from appliance.selftest.checks.power import PowerCheck
from appliance.selftest.checks.temperature import TemperatureCheck
from tests.hardware import boards
from tests.hardware.boards import BOARDS, Board, write
from tests.selftest.conftest import MakeContext, bad, good, skipped

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE

# The boards whose release is not good.
BAD = {
    "orin nano with the bad release": (FAILURE, "NvMap"),
    "agx orin on jetpack 5": (WARNING, "no GPU engines"),
    "nano": (WARNING, "runs on its processor"),
}


def test_the_expected_boards_are_recorded() -> None:
    assert set(BAD) < set(BOARDS)
    assert len(BOARDS) >= 8


@pytest.mark.parametrize("name", BOARDS)
async def test_recorded_boards(tmp_path: Path, make_context: MakeContext, name: str) -> None:
    made = make_context(BOARDS[name].lay(tmp_path), {"kokoro-v1.0": 325_532_387})
    assert made.hardware.model in good(await BoardCheck().run(made))
    verdict, word = BAD.get(name, (OK, f"L4T {made.hardware.l4t}"))
    finding = await L4tReleaseCheck().run(made)
    assert finding.verdict is verdict
    assert word in finding.message
    assert bool(finding.advice) is (verdict is not OK)
    # The plan uses the GPU exactly where the self-test calls the release good.
    uses_gpu = made.plan.tts.options[0].device == "cuda"
    assert uses_gpu is (verdict is OK)
    assert (await MemoryCheck().run(made)).verdict is OK


async def test_orin_with_the_release_for_thor(tmp_path: Path, make_context: MakeContext) -> None:
    board = replace(boards.ORIN_NANO_SUPER, release=boards.R38_4_0)
    message, advice = bad(await L4tReleaseCheck().run(make_context(board.lay(tmp_path))), FAILURE)
    assert "Thor" in message
    assert "39.2" in advice


async def test_the_first_release_of_jetpack_6_is_too_old(
    tmp_path: Path, make_context: MakeContext
) -> None:
    board = replace(boards.ORIN_NX_16GB, core="36.3.0-20240506102626")
    assert (
        "cuDNN" in bad(await L4tReleaseCheck().run(make_context(board.lay(tmp_path))), WARNING)[0]
    )


async def test_an_unknown_newer_release_is_good(tmp_path: Path, make_context: MakeContext) -> None:
    newer = boards.R39_2_1.replace("R39", "R41")
    board = replace(boards.ORIN_NANO_SUPER, release=newer)
    assert "L4T 41.2.1" in good(await L4tReleaseCheck().run(make_context(board.lay(tmp_path))))


async def test_a_gpu_that_did_not_start_is_a_failure(
    tmp_path: Path, make_context: MakeContext
) -> None:
    board = replace(boards.ORIN_NANO_SUPER, gpu="")
    message, advice = bad(await BoardCheck().run(make_context(board.lay(tmp_path))), FAILURE)
    assert "GPU" in message
    assert "Switch the board off" in advice


async def test_a_jetson_in_a_container(tmp_path: Path, make_context: MakeContext) -> None:
    board = replace(boards.ORIN_NANO_SUPER, release="", core="", jetpack="")
    assert (
        "nv_tegra_release"
        in bad(await L4tReleaseCheck().run(make_context(board.lay(tmp_path))), WARNING)[1]
    )


async def test_a_machine_that_is_no_jetson_has_no_release(
    tmp_path: Path, make_context: MakeContext
) -> None:
    pi = Board("Raspberry Pi 5 Model B", ("raspberrypi,5-model-b", "brcm,bcm2712"), gpu="")
    root = pi.lay(tmp_path)
    write(root, "proc/sys/kernel/arch", "aarch64\n")
    made = make_context(root)
    assert "no Jetson" in skipped(await L4tReleaseCheck().run(made))
    assert "Raspberry Pi" in good(await BoardCheck().run(made))


@pytest.mark.parametrize(
    ("machine", "verdict", "word"),
    [
        (Hardware("Pi Zero", "armv7l", 1, 10**9, 10**9), FAILURE, "no engines"),
        (Hardware("x", "x86_64", 1, 0, 0), WARNING, "does not say"),
        (Hardware("", "aarch64", 4, 512 * 10**6, 10**8), WARNING, "little"),
        (Hardware("", "x86_64", 4, 8 * 10**9, 10**9), OK, "without a name"),
    ],
)
async def test_other_machines(
    make_context: MakeContext, machine: Hardware, verdict: Verdict, word: str
) -> None:
    finding = await BoardCheck().run(replace(make_context(), hardware=machine))
    assert finding.verdict is verdict
    assert word in finding.message
    assert bool(finding.advice) is (verdict is not OK)


MODES = (
    "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n"
    "< POWER_MODEL ID=1 NAME=25W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n"
)
CLOCKS = "306000000 612000000 918000000 1020000000\n"


def power_board(tmp_path: Path, allowed: int = 1_020_000_000) -> Path:
    root = boards.ORIN_NANO_SUPER.lay(tmp_path)
    write(root, "etc/nvpmodel.conf", MODES)
    node = "sys/class/devfreq/17000000.gpu"
    write(root, f"{node}/available_frequencies", CLOCKS)
    write(root, f"{node}/max_freq", f"{allowed}\n")
    return root


def queried(mode: str) -> str:
    return f"NVPM WARN: fan mode is not set!\nNV Power Mode: {mode}\n1\n"


@pytest.mark.parametrize(
    ("mode", "allowed", "verdict", "word"),
    [
        ("MAXN_SUPER", 1_020_000_000, OK, "MAXN_SUPER, GPU up to 1020 of 1020 MHz"),
        ("25W", 918_000_000, OK, "25W"),
        ("15W", 612_000_000, WARNING, "the slowest"),
        ("25W", 306_000_000, WARNING, "holds the GPU back"),
    ],
)
async def test_power_modes(
    tmp_path: Path, make_context: MakeContext, mode: str, allowed: int, verdict: Verdict, word: str
) -> None:
    finding = await PowerCheck().run(
        make_context(power_board(tmp_path, allowed), power_mode=queried(mode))
    )
    assert finding.verdict is verdict
    assert word in finding.message
    if verdict is WARNING:
        assert "`sudo nvpmodel -m 2` sets MAXN_SUPER" in finding.advice


async def test_overcurrent_events_are_a_warning(tmp_path: Path, make_context: MakeContext) -> None:
    root = power_board(tmp_path)
    write(root, "sys/class/hwmon/hwmon3/oc1_event_cnt", "7\n")
    message, advice = bad(
        await PowerCheck().run(make_context(root, power_mode=queried("25W"))), WARNING
    )
    assert "fell short 7 times" in message
    assert "power supply" in advice


async def test_a_board_without_a_known_power_mode(
    tmp_path: Path, make_context: MakeContext
) -> None:
    assert skipped(await PowerCheck().run(make_context(boards.NANO.lay(tmp_path))))
    assert "only Jetson" in skipped(await PowerCheck().run(make_context(tmp_path / "nothing")))
    # The clock limit alone is enough for a warning.
    held = await PowerCheck().run(make_context(power_board(tmp_path / "held", 306_000_000)))
    assert "unknown mode" in bad(held, WARNING)[0]


def zone(root: Path, number: int, name: str, millidegrees: int, passive: int = 0) -> None:
    place = f"sys/class/thermal/thermal_zone{number}"
    write(root, f"{place}/type", f"{name}\n")
    write(root, f"{place}/temp", f"{millidegrees}\n")
    if passive:
        write(root, f"{place}/trip_point_0_type", "active\n")
        write(root, f"{place}/trip_point_0_temp", "40000\n")
        write(root, f"{place}/trip_point_1_type", "passive\n")
        write(root, f"{place}/trip_point_1_temp", f"{passive}\n")


@pytest.mark.parametrize(
    ("gpu", "passive", "verdict"),
    [
        (46_800, 0, OK),
        (86_000, 0, WARNING),
        (96_000, 0, FAILURE),
        (86_000, 99_000, OK),
        (95_000, 99_000, WARNING),
        (99_000, 99_000, FAILURE),
        (71_000, 70_000, FAILURE),
    ],
)
async def test_temperature_limits(
    tmp_path: Path, make_context: MakeContext, gpu: int, passive: int, verdict: Verdict
) -> None:
    zone(tmp_path, 0, "cpu-thermal", 45_000)
    zone(tmp_path, 1, "gpu-thermal", gpu, passive)
    zone(tmp_path, 2, "cv0-thermal", -256_000)
    finding = await TemperatureCheck().run(make_context(tmp_path))
    assert finding.verdict is verdict
    assert "gpu-thermal" in finding.message
    assert finding.figures["celsius"] == {"cpu-thermal": 45.0, "gpu-thermal": gpu / 1000}
    assert bool(finding.advice) is (verdict is not OK)


async def test_throttled_devices_are_named_and_fans_are_not(
    tmp_path: Path, make_context: MakeContext
) -> None:
    zone(tmp_path, 0, "cpu-thermal", 70_000)
    write(tmp_path, "sys/class/thermal/cooling_device0/type", "pwm-fan\n")
    write(tmp_path, "sys/class/thermal/cooling_device0/cur_state", "3\n")
    assert good(await TemperatureCheck().run(make_context(tmp_path)))
    write(tmp_path, "sys/class/thermal/cooling_device1/type", "devfreq-17000000.gpu\n")
    write(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "2\n")
    message, advice = bad(await TemperatureCheck().run(make_context(tmp_path)), WARNING)
    assert "devfreq-17000000.gpu" in message
    assert "fan" not in message
    assert "air" in advice


async def test_a_machine_without_temperature_sensors_is_skipped(
    tmp_path: Path, make_context: MakeContext
) -> None:
    assert skipped(await TemperatureCheck().run(make_context(tmp_path)))
