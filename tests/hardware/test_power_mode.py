"""The power mode of a Jetson, of a laptop, and of a machine that has only a governor."""

from pathlib import Path

from appliance.hardware.power_mode import power_mode

CONF = "< POWER_MODEL ID=0 NAME=15W >\n...\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n"


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_a_jetson_names_its_mode(tmp_path: Path) -> None:
    write(tmp_path, "var/lib/nvpmodel/status", "pmode:0002\n")
    assert power_mode(tmp_path) == "mode 2"
    write(tmp_path, "etc/nvpmodel.conf", CONF)
    assert power_mode(tmp_path) == "MAXN_SUPER"


def test_other_machines(tmp_path: Path) -> None:
    assert power_mode(tmp_path) == ""
    write(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    assert power_mode(tmp_path) == "powersave"
    write(tmp_path, "sys/firmware/acpi/platform_profile", "balanced\n")
    assert power_mode(tmp_path) == "balanced"
