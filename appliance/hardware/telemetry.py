"""Telemetry: temperatures, load, memory and power of the machine, from files and NVML.

Every call looks for the files anew, because device nodes come and go.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from appliance.hardware import nvml, sysfs
from appliance.hardware.detect import cores, gpu_nodes, memory
from appliance.hardware.nvml import Card
from appliance.hardware.power_mode import power_mode

# A sensor that is switched off reports less than this, and no room is as cold.
_COLDEST = -40.0
# Rails that carry the whole board (Orin Nano and NX, Nano); on other boards the rails add up.
_WHOLE_BOARD = ("VDD_IN", "POM_5V_IN")

# Bits of a Raspberry Pi's firmware for this moment; higher bits are of the past.
_RASPBERRY = {0x1: "under-voltage", 0x2: "frequency cap", 0x4: "throttled", 0x8: "heat"}


class _DiskSpace(NamedTuple):
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Readings:
    """The state of the machine at one moment; None and empty stand for unknown.

    Temperatures are in degrees Celsius by sensor, rails in watts; `load` is the one-minute load
    per core (1: every core busy), `gpu_load` is from 0 to 1; sizes are in bytes, `uptime` is in
    seconds, `power` the watts of the whole board. `throttled` names the reasons why clocks are
    held down now; `overcurrents` counts how often since the start the power supply fell short;
    `power_mode` is the name of the mode in force.
    """

    temperatures: Mapping[str, float] = field(default_factory=dict)
    rails: Mapping[str, float] = field(default_factory=dict)
    load: float | None = None
    gpu_load: float | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    gpu_memory_used: int | None = None
    disk_free: int | None = None
    uptime: float | None = None
    power: float | None = None
    gpu_memory_total: int | None = None
    throttled: tuple[str, ...] = ()
    overcurrents: int | None = None
    disk_total: int | None = None
    power_mode: str = ""


def read(
    root: Path = Path("/"),
    disk: Path | None = None,
    cards: Callable[[], Sequence[Card]] | None = None,
) -> Readings:
    """Reads the state of the machine whose files are below `root`.

    `disk` is any path on the file system whose free space counts (default: `root`). `cards` lists
    the graphics cards; the default is NVML, and no cards for a recorded machine.
    """
    total, available = memory(root)
    found = (cards or (nvml.cards if root == Path("/") else tuple))()
    rails = _rails(root)
    space = _disk_space(disk or root)
    return Readings(
        temperatures=_temperatures(root) | _card_temperatures(found),
        rails=rails | {card.name: card.power for card in found if card.power is not None},
        load=_load(root, cores(root)),
        gpu_load=_highest_load(found, _gpu_load(root)),
        memory_total=total or None,
        memory_available=available if total else None,
        gpu_memory_used=_memory_used(found) or sysfs.meminfo(root).get("NvMapMemUsed"),
        disk_free=space.free if space else None,
        uptime=_first_number(root / "proc/uptime"),
        power=_power(rails),
        gpu_memory_total=sum(card.memory_total or 0 for card in found) or None,
        throttled=tuple(_throttled(root, found)),
        overcurrents=_overcurrents(root),
        disk_total=space.total if space else None,
        power_mode=power_mode(root),
    )


def _card_temperatures(cards: Sequence[Card]) -> dict[str, float]:
    return {card.name: card.temperature for card in cards if card.temperature is not None}


def _highest_load(cards: Sequence[Card], integrated: float | None) -> float | None:
    loads = [card.load for card in cards if card.load is not None]
    return max(loads) if loads else integrated


def _memory_used(cards: Sequence[Card]) -> int | None:
    """Bytes in use on all cards that report their memory."""
    used = [
        card.memory_total - card.memory_free
        for card in cards
        if card.memory_total is not None and card.memory_free is not None
    ]
    return sum(used) if used else None


def _throttled(root: Path, cards: Sequence[Card]) -> Iterator[str]:
    """Why clocks are held down now, by the kernel's thermal governor, firmware or a card."""
    for device in sysfs.entries(root / "sys/class/thermal", "cooling_device*"):
        kind = sysfs.text(device / "type")
        # Fans are cooling devices too, but slow nothing down.
        if "freq" in kind and (sysfs.number(device / "cur_state") or 0) > 0:
            yield kind
    for place in sysfs.entries(root / "sys/devices/platform/soc", "*/get_throttled"):
        now = _hexadecimal(sysfs.text(place))
        yield from (name for bit, name in _RASPBERRY.items() if now & bit)
    for card in cards:
        yield from (f"{card.name}: {reason}" for reason in card.throttled)


def _hexadecimal(text: str) -> int:
    try:
        return int(text or "0", 16)
    except ValueError:
        return 0


def _overcurrents(root: Path) -> int | None:
    """Over-current events of a Jetson, after each of which it cuts its clocks."""
    counters = sysfs.entries(root / "sys/class/hwmon", "hwmon*/oc*_event_cnt")
    counts = [count for count in map(sysfs.number, counters) if count is not None]
    return sum(counts) if counts else None


def _temperatures(root: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for zone in sysfs.entries(root / "sys/class/thermal", "thermal_zone*"):
        degrees = sysfs.number(zone / "temp")
        if degrees is not None and degrees / 1000 > _COLDEST:
            name = sysfs.text(zone / "type") or zone.name
            found[name] = max(degrees / 1000, found.get(name, _COLDEST))
    return found


def _load(root: Path, share: int) -> float | None:
    average = _first_number(root / "proc/loadavg")
    return None if average is None else average / share


def _first_number(path: Path) -> float | None:
    try:
        return float(sysfs.text(path).split()[0])
    except (IndexError, ValueError):
        return None


def _gpu_load(root: Path) -> float | None:
    """Load of the integrated GPU; the files give thousandths."""
    nodes = [node / "device/load" for node in gpu_nodes(root)]
    nodes += sysfs.entries(root / "sys/devices", "gpu.0/load")
    nodes += sysfs.entries(root / "sys/devices/platform", "*gpu*/load")
    loads = [load for load in map(sysfs.number, nodes) if load is not None]
    return max(loads) / 1000 if loads else None


def _rails(root: Path) -> dict[str, float]:
    """Watts by rail, from the INA3221 monitors: millivolts times milliamperes."""
    found = {}
    for label in sysfs.entries(root / "sys/bus/i2c/drivers/ina3221", "*/hwmon/hwmon*/in*_label"):
        channel = re.fullmatch(r"in(\d)_label", label.name)
        name = sysfs.text(label)
        if channel is None or name in ("", "NC"):
            continue
        millivolts = sysfs.number(label.with_name(f"in{channel[1]}_input"))
        milliamperes = sysfs.number(label.with_name(f"curr{channel[1]}_input"))
        if millivolts is not None and milliamperes is not None:
            found[name] = millivolts * milliamperes / 1e6
    return found


def _power(rails: Mapping[str, float]) -> float | None:
    whole = [rails[name] for name in _WHOLE_BOARD if name in rails]
    if whole:
        return whole[0]
    return sum(rails.values()) if rails else None


def _disk_space(path: Path) -> _DiskSpace | None:
    try:
        space = shutil.disk_usage(path)
    except OSError:
        return None
    return _DiskSpace(space.total, space.free)
