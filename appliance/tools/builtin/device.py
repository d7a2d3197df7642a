"""The tool that tells the state of the device, and names what it cannot read."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from appliance.concurrency import run_in_daemon_thread
from appliance.languages.phrases import Phrases, phrases
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
        said = phrases(context.spoken_language)
        sentences = [sentence for name in topics if (sentence := _SENTENCES[name](now, said))]
        if not sentences:
            unread = said.listed([said.part(f"topic_{name}") for name in topics], "or")
            return ToolResult(said.say("unreadable", topics=unread), _data(now))
        return ToolResult(" ".join(sentences), _data(now))

    return Tool(
        "get_device_status",
        "Tells the state of this device: temperature, memory, load, disk space, uptime, power.",
        get_device_status,
        _SCHEMA,
        read_only=True,
    )


def _temperature(now: DeviceReadings, said: Phrases) -> str:
    if not now.temperatures:
        return ""
    sensor, hottest = max(now.temperatures.items(), key=lambda item: item[1])
    if len(now.temperatures) == 1:
        return said.say("temperature", degrees=round(hottest))
    return said.say("temperature_at", degrees=round(hottest), sensor=_sensor_name(sensor))


def _sensor_name(name: str) -> str:
    """The spoken name of a sensor: "C P U" for "cpu-thermal", so that voices spell it."""
    short = name.lower().removesuffix("-thermal").removesuffix("-therm").replace("_", " ")
    return {"cpu": "C P U", "gpu": "G P U", "tj": "junction"}.get(short, short.replace("-", " "))


def _memory(now: DeviceReadings, said: Phrases) -> str:
    if now.memory_available is None:
        return ""
    free = said.size(now.memory_available)
    if not now.memory_total:
        return said.say("memory_free", free=free)
    return said.say("memory_free_of", free=free, total=said.size(now.memory_total))


def _load(now: DeviceReadings, said: Phrases) -> str:
    if now.load is None:
        return ""
    if now.gpu_load is None:
        return said.say("load", percent=_percent(now.load))
    graphics = _percent(now.gpu_load)
    return said.say("load_graphics", percent=_percent(now.load), graphics=graphics)


def _percent(share: float) -> int:
    return round(share * 100)


def _disk(now: DeviceReadings, said: Phrases) -> str:
    return "" if now.disk_free is None else said.say("disk_free", free=said.size(now.disk_free))


def _uptime(now: DeviceReadings, said: Phrases) -> str:
    if now.uptime is None:
        return ""
    days, rest = divmod(now.uptime, 86400)
    parts = [said.counted(int(days), "day")] if days else []
    if rest >= 1 or not parts:
        parts.append(said.length(rest))
    return said.say("uptime", length=said.listed(parts))


def _power(now: DeviceReadings, said: Phrases) -> str:
    return "" if now.power is None else said.say("power", watts=said.watts(now.power))


_SENTENCES: dict[str, Callable[[DeviceReadings, Phrases], str]] = {
    "temperature": _temperature,
    "load": _load,
    "memory": _memory,
    "disk": _disk,
    "uptime": _uptime,
    "power": _power,
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
