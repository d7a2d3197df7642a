from pathlib import Path

import pytest

from appliance.hardware.nvml import Card
from appliance.hardware.telemetry import read
from tests.hardware import boards
from tests.hardware.boards import write

INA = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    boards.ORIN_NANO_SUPER.lay(tmp_path)
    zones = {"cpu-thermal": 51218, "gpu-thermal": 47625, "cv0-thermal": -256000, "tj-thermal": 52}
    for number, (name, value) in enumerate(zones.items()):
        write(tmp_path, f"sys/class/thermal/thermal_zone{number}/type", f"{name}\n")
        write(tmp_path, f"sys/class/thermal/thermal_zone{number}/temp", f"{value}\n")
    for number, (label, volts, amps) in enumerate(
        [("VDD_IN", 5000, 949), ("VDD_CPU_GPU_CV", 5000, 254), ("NC", 1, 1)], start=1
    ):
        write(tmp_path, f"{INA}/in{number}_label", f"{label}\n")
        write(tmp_path, f"{INA}/in{number}_input", f"{volts}\n")
        write(tmp_path, f"{INA}/curr{number}_input", f"{amps}\n")
    write(tmp_path, "proc/loadavg", "1.50 1.20 1.00 2/345 6789\n")
    write(tmp_path, "proc/uptime", "12345.67 54321.00\n")
    return tmp_path


def test_readings_of_a_board(root: Path) -> None:
    now = read(root)
    assert now.temperatures == {"cpu-thermal": 51.218, "gpu-thermal": 47.625, "tj-thermal": 0.052}
    assert now.rails == {"VDD_IN": 4.745, "VDD_CPU_GPU_CV": 1.27}
    assert now.power == 4.745
    assert now.gpu_load == 0.07
    assert now.load == 0.25
    assert now.uptime == 12345.67
    assert now.memory_total == 7_650_336 * 1024
    assert now.memory_available == 5_123_456 * 1024
    assert now.gpu_memory_used == 805_068 * 1024
    assert now.disk_free is not None


def test_rails_add_up_unless_one_carries_the_whole_board(root: Path) -> None:
    write(root, f"{INA}/in1_label", "VDD_GPU_SOC\n")
    power = read(root).power
    assert power is not None
    assert power == pytest.approx(4.745 + 1.27)


def test_nodes_that_come_and_go_are_looked_for_anew(root: Path) -> None:
    load = root / "sys/class/devfreq/17000000.gpu/device/load"
    load.unlink()
    assert read(root).gpu_load is None
    load.write_text("1000\n")
    assert read(root).gpu_load == 1.0
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("")
    assert "cpu-thermal" not in read(root).temperatures


def test_the_gpu_load_of_boards_without_devfreq(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/platform/gpu.0/load", "120\n")
    assert read(tmp_path).gpu_load == 0.12


def test_a_machine_without_any_readings(tmp_path: Path) -> None:
    now = read(tmp_path, tmp_path / "nowhere")
    assert now.temperatures == {}
    assert now.rails == {}
    values = (now.load, now.gpu_load, now.memory_total, now.memory_available, now.gpu_memory_used)
    assert (*values, now.disk_free, now.uptime, now.power) == (None,) * 8


def test_this_machine(tmp_path: Path) -> None:
    now = read(disk=tmp_path)
    assert now.load is not None
    assert now.memory_available
    assert now.disk_free
    assert now.uptime


def test_readings_of_a_graphics_card(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n")
    card = Card("A card", 8_000, 3_000, load=0.4, temperature=71.0, power=90.0, throttled=("heat",))
    now = read(tmp_path, cards=lambda: (card,))
    assert (now.gpu_load, now.gpu_memory_used, now.gpu_memory_total) == (0.4, 5_000, 8_000)
    assert now.temperatures == {"A card": 71.0}
    assert (now.rails, now.power) == ({"A card": 90.0}, None)
    assert now.throttled == ("A card: heat",)
    mute = read(tmp_path, cards=lambda: (Card("A card"),))
    assert (mute.gpu_load, mute.gpu_memory_used, mute.gpu_memory_total) == (None,) * 3


def test_reasons_for_throttling(root: Path) -> None:
    assert (read(root).throttled, read(root).overcurrents) == ((), None)
    for number, kind, state in ((0, "pwm-fan", 3), (1, "cpufreq-cpu0", 2), (2, "devfreq-gpu", 0)):
        write(root, f"sys/class/thermal/cooling_device{number}/type", f"{kind}\n")
        write(root, f"sys/class/thermal/cooling_device{number}/cur_state", f"{state}\n")
    write(root, "sys/class/hwmon/hwmon3/oc1_event_cnt", "2\n")
    write(root, "sys/class/hwmon/hwmon3/oc3_event_cnt", "1\n")
    assert read(root).throttled == ("cpufreq-cpu0",)
    assert read(root).overcurrents == 3


@pytest.mark.parametrize(
    ("reported", "expected"),
    [("0", ()), ("50005", ("under-voltage", "throttled")), ("e0000", ()), ("?", ())],
)
def test_throttling_of_a_raspberry_is_that_of_now(
    tmp_path: Path, reported: str, expected: tuple[str, ...]
) -> None:
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", reported + "\n")
    assert read(tmp_path).throttled == expected
