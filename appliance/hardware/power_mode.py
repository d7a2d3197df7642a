"""Reads the power mode of the machine from files: a Jetson's, a laptop's, or the governor's."""

import re
from pathlib import Path

from appliance.hardware import sysfs


def power_mode(root: Path) -> str:
    """Returns the name of the power mode in force; empty where the machine tells none."""
    number = re.search(r"pmode:\s*(\d+)", sysfs.text(root / "var/lib/nvpmodel/status"))
    if number:
        names = jetson_modes(root)
        return names.get(int(number[1]), f"mode {int(number[1])}")
    profile = sysfs.text(root / "sys/firmware/acpi/platform_profile")
    governor = sysfs.text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return profile or governor


def jetson_modes(root: Path) -> dict[int, str]:
    """Returns the power modes of a Jetson by number, as listed in nvpmodel's configuration."""
    text = sysfs.text(root / "etc/nvpmodel.conf")
    found = re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", text)
    return {int(number): name for number, name in found}
