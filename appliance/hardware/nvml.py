"""NVML: the graphics cards of the machine, through the library that comes with NVIDIA's driver.

Neither a tool nor a package is needed. Without the library there are no cards; values that a card
does not report (a Jetson's reports few) stay unknown. Every call reads them anew.
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

LIBRARY: Final = "libnvidia-ml.so.1"

T = TypeVar("T")
S = TypeVar("S", bound=ctypes.Structure)

_SUCCESS = 0
_GPU_TEMPERATURE = 0
_TEXT_BYTES = 96
# Bits of the reasons why a clock is throttled.
_THROTTLE_REASONS: Final = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "heat",
    0x40: "heat",
    0x80: "power brake",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card: memory in bytes, load from 0 to 1, temperature in Celsius, power in watts.

    `throttled` names the reasons why its clocks are held down now.
    """

    name: str
    memory_total: int | None = None
    memory_free: int | None = None
    capability: tuple[int, int] | None = None
    driver: str = ""
    load: float | None = None
    temperature: float | None = None
    power: float | None = None
    throttled: tuple[str, ...] = ()


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Unknown(Exception):
    """The library reports no value, for whatever reason."""


def cards(library: str = LIBRARY) -> tuple[Card, ...]:
    """The graphics cards in the machine now, in the driver's order."""
    try:
        nvml = ctypes.CDLL(library)
    except OSError:
        return ()
    with suppress(_Unknown):
        _call(nvml, "nvmlInit_v2")
        try:
            count = ctypes.c_uint()
            _call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
            found = (_or_none(partial(_card, nvml, index)) for index in range(count.value))
            return tuple(card for card in found if card)
        finally:
            nvml.nvmlShutdown()
    return ()


def _card(nvml: ctypes.CDLL, index: int) -> Card:
    handle = ctypes.c_void_p()
    _call(nvml, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
    memory = _or_none(lambda: _query(nvml, "nvmlDeviceGetMemoryInfo", handle, _Memory()))
    major, minor = ctypes.c_int(), ctypes.c_int()
    capability = _or_none(
        lambda: _call(
            nvml,
            "nvmlDeviceGetCudaComputeCapability",
            handle,
            ctypes.byref(major),
            ctypes.byref(minor),
        )
    )
    use = _or_none(lambda: _query(nvml, "nvmlDeviceGetUtilizationRates", handle, _Utilization()))
    return Card(
        name=_query_text(nvml, "nvmlDeviceGetName", handle),
        memory_total=memory.total if memory else None,
        memory_free=memory.free if memory else None,
        capability=(major.value, minor.value) if capability else None,
        driver=_or_none(lambda: _query_text(nvml, "nvmlSystemGetDriverVersion")) or "",
        load=use.gpu / 100 if use else None,
        temperature=_query_number(nvml, "nvmlDeviceGetTemperature", handle, _GPU_TEMPERATURE),
        power=_from_milli(_query_number(nvml, "nvmlDeviceGetPowerUsage", handle)),
        throttled=_throttled(nvml, handle),
    )


def _call(nvml: ctypes.CDLL, name: str, *arguments: Any) -> bool:  # noqa: ANN401  C's own types
    """Calls a function; True. Raises _Unknown where an older library lacks it, or it fails."""
    function = getattr(nvml, name, None)
    if function is None or function(*arguments) != _SUCCESS:
        raise _Unknown(name)
    return True


def _or_none(query: Callable[[], T]) -> T | None:
    with suppress(_Unknown):
        return query()
    return None


def _query(nvml: ctypes.CDLL, name: str, handle: ctypes.c_void_p, into: S) -> S:
    _call(nvml, name, handle, ctypes.byref(into))
    return into


def _query_text(nvml: ctypes.CDLL, name: str, *handle: ctypes.c_void_p) -> str:
    buffer = ctypes.create_string_buffer(_TEXT_BYTES)
    _call(nvml, name, *handle, buffer, ctypes.c_uint(_TEXT_BYTES))
    return buffer.value.decode(errors="replace").strip()


def _query_number(
    nvml: ctypes.CDLL, name: str, handle: ctypes.c_void_p, *which: int
) -> float | None:
    value = ctypes.c_uint()
    sensor = map(ctypes.c_int, which)
    known = _or_none(lambda: _call(nvml, name, handle, *sensor, ctypes.byref(value)))
    return float(value.value) if known else None


def _from_milli(number: float | None) -> float | None:
    return None if number is None else number / 1000


def _throttled(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> tuple[str, ...]:
    bits = ctypes.c_ulonglong()
    name = "nvmlDeviceGetCurrentClocksThrottleReasons"
    if not _or_none(lambda: _call(nvml, name, handle, ctypes.byref(bits))):
        return ()
    return tuple(dict.fromkeys(why for bit, why in _THROTTLE_REASONS.items() if bits.value & bit))
