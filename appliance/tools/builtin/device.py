"""The tool that tells the state of the device, and names what it cannot read."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from appliance.concurrency import run_in_daemon_thread
from appliance.text import phrasing
from appliance.tools import Tool, ToolContext, ToolResult


class DeviceReadings(Protocol):
    """Readings of a device; None or empty for what cannot be read.

    Loads are shares of 1 (and may exceed 1), sizes in bytes, temperatures in degrees Celsius by
    sensor, power in watts, times in seconds. `hardware.telemetry.Readings` implements it.
    """

    @property
    def temperatures(self) -> Mapping[str, float]: ...
    @property
    def load(self) -> float | None: ...
    @property
    def gpu_load(self) -> float | None: ...
    @property
    def memory_total(self) -> int | None: ...
    @property
    def memory_available(self) -> int | None: ...
    @property
    def disk_free(self) -> int | None: ...
    @property
    def uptime(self) -> float | None: ...
    @property
    def power(self) -> float | None: ...


def device_tool(readings: Callable[[], DeviceReadings]) -> Tool:
    """get_device_status; `readings` is called for every question."""

    async def get_device_status(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        # On a thread, because a sensor behind a slow bus would delay the audio of all sessions.
        now = await run_in_daemon_thread(readings)
        topic: str = arguments.get("topic", "everything")
        topics = [topic] if topic != "everything" else list(_SENTENCES)
        sentences = [sentence for name in topics if (sentence := _SENTENCES[name](now))]
        if not sentences:
            unread = phrasing.listed([_TOPIC_NAMES[name] for name in topics], "or")
            return ToolResult(f"I cannot read {unread} on this device.", _data(now))
        return ToolResult(" ".join(sentences), _data(now))

    return Tool(
        "get_device_status",
        "Tells the state of this device: temperature, memory, load, disk space, uptime, power.",
        get_device_status,
        _SCHEMA,
        _TEMPLATES,
        _LISTS,
        ability="say how the device is doing",
        read_only=True,
    )


def _temperature(now: DeviceReadings) -> str:
    if not now.temperatures:
        return ""
    sensor, hottest = max(now.temperatures.items(), key=lambda item: item[1])
    where = f", at the {_sensor_name(sensor)} sensor" if len(now.temperatures) > 1 else ""
    return f"The device is at {round(hottest)} degrees Celsius{where}."


def _sensor_name(name: str) -> str:
    """The spoken name of a sensor: "C P U" for "cpu-thermal", so that voices spell it."""
    short = name.lower().removesuffix("-thermal").removesuffix("-therm").replace("_", " ")
    return {"cpu": "C P U", "gpu": "G P U", "tj": "junction"}.get(short, short.replace("-", " "))


def _memory(now: DeviceReadings) -> str:
    if now.memory_available is None:
        return ""
    total = f" of {phrasing.size(now.memory_total)}" if now.memory_total else ""
    return f"{phrasing.size(now.memory_available)}{total} of memory are free."


def _load(now: DeviceReadings) -> str:
    if now.load is None:
        return ""
    gpu = "" if now.gpu_load is None else f", the graphics processor at {_percent(now.gpu_load)}"
    return f"The processor is at {_percent(now.load)}{gpu}."


def _percent(share: float) -> str:
    return f"{round(share * 100)} percent"


def _disk(now: DeviceReadings) -> str:
    return (
        "" if now.disk_free is None else f"{phrasing.size(now.disk_free)} of disk space are free."
    )


def _uptime(now: DeviceReadings) -> str:
    if now.uptime is None:
        return ""
    days, rest = divmod(now.uptime, 86400)
    parts = [phrasing.counted(int(days), "day")] if days else []
    if rest >= 1 or not parts:
        parts.append(phrasing.length(rest))
    return f"The device has been running for {phrasing.listed(parts)}."


def _power(now: DeviceReadings) -> str:
    return "" if now.power is None else f"It draws {now.power:.1f} watts."


_SENTENCES: dict[str, Callable[[DeviceReadings], str]] = {
    "temperature": _temperature,
    "load": _load,
    "memory": _memory,
    "disk": _disk,
    "uptime": _uptime,
    "power": _power,
}
_TOPIC_NAMES = {
    "temperature": "the temperature",
    "load": "the load",
    "memory": "the memory",
    "disk": "the disk space",
    "uptime": "how long it has been running",
    "power": "the power",
}


def _data(now: DeviceReadings) -> dict[str, Any]:
    return {
        "temperatures": dict(now.temperatures),
        "load": now.load,
        "gpu_load": now.gpu_load,
        "memory_total": now.memory_total,
        "memory_available": now.memory_available,
        "disk_free": now.disk_free,
        "uptime": now.uptime,
        "power": now.power,
    }


_SCHEMA = {
    "type": "object",
    "properties": {
        "topic": {
            "type": "string",
            "enum": [*_SENTENCES, "everything"],
            "description": "What to tell; everything when left out.",
        }
    },
}
_LISTS = {
    "quality": {"hot": "temperature", "warm": "temperature", "busy": "load"},
    "gauge": {
        "temperature": "temperature",
        "load": "load",
        "processor load": "load",
        "power": "power",
        "power consumption": "power",
    },
    "store": {
        "memory": "memory",
        "free memory": "memory",
        "disk space": "disk",
        "free disk space": "disk",
        "space": "disk",
        "free space": "disk",
        "storage": "disk",
        "power": "power",
    },
    "on": {"up": "uptime", "running": "uptime", "on": "uptime"},
    "all": {"status": "everything", "state": "everything"},
}
_TEMPLATES = (
    "how {quality:topic} (is|is it inside) [(the|this) (device|box|computer)]",
    "how {quality:topic} are you",
    "(what is|what's|tell me|how high is) (the|your) [device] {gauge:topic} [of the device]",
    "how much {store:topic} (is|is there|do you have|have you got) [left|free]",
    "how much {store:topic} does the device have [left|free]",
    "how much {store:topic} (is used|do you use|does the device use|do you need)",
    "how long (have you been|has the device been|has it been) {on:topic}",
    "(what is|what's|tell me|give me) (the|your) [device|system] {all:topic} [of the device]",
    "(device|system) {all:topic}",
    "how (is the device|is the device doing|is the machine doing)",
)
