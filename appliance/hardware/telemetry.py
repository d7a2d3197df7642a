"""How the machine is doing, from files alone. Read anew at every call: nodes come and go."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.hardware import files
from appliance.hardware.detect import cores, gpu_nodes, memory

# What a sensor that is switched off reports, and everything colder than any shelf.
_COLDEST = -40.0
# The rails that carry the whole board (Orin Nano and NX, Nano); on others the rails add up to it.
_WHOLE_BOARD = ("VDD_IN", "POM_5V_IN")


@dataclass(frozen=True, slots=True)
class Readings:
    """The gauges; None and empty stand for what the machine does not tell.

    Temperatures are in degrees Celsius by sensor, rails in watts; `load` is the one-minute load
    per core (1: every core busy) and `gpu_load` a share of 1; sizes are in bytes, `uptime` in
    seconds, `power` the watts of the whole board.
    """

    temperatures: Mapping[str, float]
    rails: Mapping[str, float]
    load: float | None
    gpu_load: float | None
    memory_total: int | None
    memory_available: int | None
    gpu_memory_used: int | None
    disk_free: int | None
    uptime: float | None
    power: float | None


def read(root: Path = Path("/"), disk: Path | None = None) -> Readings:
    """The gauges now; `disk` is any path on the file system whose space counts (default `root`)."""
    total, available = memory(root)
    rails = _rails(root)
    return Readings(
        temperatures=_temperatures(root),
        rails=rails,
        load=_load(root, cores(root)),
        gpu_load=_gpu_load(root),
        memory_total=total or None,
        memory_available=available if total else None,
        gpu_memory_used=files.meminfo(root).get("NvMapMemUsed"),
        disk_free=_disk_free(disk or root),
        uptime=_first_number(root / "proc/uptime"),
        power=_power(rails),
    )


def _temperatures(root: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for zone in files.entries(root / "sys/class/thermal", "thermal_zone*"):
        degrees = files.number(zone / "temp")
        if degrees is not None and degrees / 1000 > _COLDEST:
            name = files.text(zone / "type") or zone.name
            found[name] = max(degrees / 1000, found.get(name, _COLDEST))
    return found


def _load(root: Path, share: int) -> float | None:
    average = _first_number(root / "proc/loadavg")
    return None if average is None else average / share


def _first_number(path: Path) -> float | None:
    try:
        return float(files.text(path).split()[0])
    except (IndexError, ValueError):
        return None


def _gpu_load(root: Path) -> float | None:
    """The integrated GPU's load; the files count in thousandths."""
    nodes = [node / "device/load" for node in gpu_nodes(root)]
    nodes += files.entries(root / "sys/devices", "gpu.0/load")
    nodes += files.entries(root / "sys/devices/platform", "*gpu*/load")
    loads = [load for load in map(files.number, nodes) if load is not None]
    return max(loads) / 1000 if loads else None


def _rails(root: Path) -> dict[str, float]:
    """Power by rail, from the INA3221 monitors: millivolts times milliamperes."""
    found = {}
    for label in files.entries(root / "sys/bus/i2c/drivers/ina3221", "*/hwmon/hwmon*/in*_label"):
        channel = re.fullmatch(r"in(\d)_label", label.name)
        name = files.text(label)
        if channel is None or name in ("", "NC"):
            continue
        millivolts = files.number(label.with_name(f"in{channel[1]}_input"))
        milliamperes = files.number(label.with_name(f"curr{channel[1]}_input"))
        if millivolts is not None and milliamperes is not None:
            found[name] = millivolts * milliamperes / 1e6
    return found


def _power(rails: Mapping[str, float]) -> float | None:
    whole = [rails[name] for name in _WHOLE_BOARD if name in rails]
    if whole:
        return whole[0]
    return sum(rails.values()) if rails else None


def _disk_free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None
