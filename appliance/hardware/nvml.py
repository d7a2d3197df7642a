"""Graphics cards of ordinary machines, through NVIDIA's own library: no tool and no package.

The library comes with the driver. Where it is missing, or there is no card, there are no cards;
what one of them does not tell (a Jetson's tells little) stays unknown. Asked anew every time.
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
_LONGEST_TEXT = 96
# Bits of the reasons for which a clock is held down: power cap, hardware, heat (twice), brake.
_HELD_DOWN: Final = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "heat",
    0x40: "heat",
    0x80: "power brake",
}


@dataclass(frozen=True, slots=True)
class Card:
    """Memory in bytes, load a share of 1, temperature in degrees Celsius, power in watts."""

    name: str
    memory_total: int | None = None
    memory_free: int | None = None
    capability: tuple[int, int] | None = None
    driver: str = ""
    load: float | None = None
    temperature: float | None = None
    power: float | None = None
    held_down: tuple[str, ...] = ()


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Unknown(Exception):
    """The library does not tell, for whatever reason."""


def cards(library: str = LIBRARY) -> tuple[Card, ...]:
    """The cards in the machine now, in the driver's order."""
    try:
        nvml = ctypes.CDLL(library)
    except OSError:
        return ()
    with suppress(_Unknown):
        _call(nvml, "nvmlInit_v2")
        try:
            count = ctypes.c_uint()
            _call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
            found = (_maybe(partial(_card, nvml, index)) for index in range(count.value))
            return tuple(card for card in found if card)
        finally:
            nvml.nvmlShutdown()
    return ()


def _card(nvml: ctypes.CDLL, index: int) -> Card:
    handle = ctypes.c_void_p()
    _call(nvml, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
    memory = _maybe(lambda: _read(nvml, "nvmlDeviceGetMemoryInfo", handle, _Memory()))
    major, minor = ctypes.c_int(), ctypes.c_int()
    capability = _maybe(
        lambda: _call(
            nvml,
            "nvmlDeviceGetCudaComputeCapability",
            handle,
            ctypes.byref(major),
            ctypes.byref(minor),
        )
    )
    use = _maybe(lambda: _read(nvml, "nvmlDeviceGetUtilizationRates", handle, _Utilization()))
    return Card(
        name=_text(nvml, "nvmlDeviceGetName", handle),
        memory_total=memory.total if memory else None,
        memory_free=memory.free if memory else None,
        capability=(major.value, minor.value) if capability else None,
        driver=_maybe(lambda: _text(nvml, "nvmlSystemGetDriverVersion")) or "",
        load=use.gpu / 100 if use else None,
        temperature=_number(nvml, "nvmlDeviceGetTemperature", handle, _GPU_TEMPERATURE),
        power=_milli(_number(nvml, "nvmlDeviceGetPowerUsage", handle)),
        held_down=_held_down(nvml, handle),
    )


def _call(nvml: ctypes.CDLL, name: str, *arguments: Any) -> bool:  # noqa: ANN401  C's own types
    """True. Raises _Unknown for an older library, and for whatever is no success."""
    function = getattr(nvml, name, None)
    if function is None or function(*arguments) != _SUCCESS:
        raise _Unknown(name)
    return True


def _maybe(ask: Callable[[], T]) -> T | None:
    with suppress(_Unknown):
        return ask()
    return None


def _read(nvml: ctypes.CDLL, name: str, handle: ctypes.c_void_p, into: S) -> S:
    _call(nvml, name, handle, ctypes.byref(into))
    return into


def _text(nvml: ctypes.CDLL, name: str, *handle: ctypes.c_void_p) -> str:
    buffer = ctypes.create_string_buffer(_LONGEST_TEXT)
    _call(nvml, name, *handle, buffer, ctypes.c_uint(_LONGEST_TEXT))
    return buffer.value.decode(errors="replace").strip()


def _number(nvml: ctypes.CDLL, name: str, handle: ctypes.c_void_p, *which: int) -> float | None:
    value = ctypes.c_uint()
    sensor = map(ctypes.c_int, which)
    known = _maybe(lambda: _call(nvml, name, handle, *sensor, ctypes.byref(value)))
    return float(value.value) if known else None


def _milli(number: float | None) -> float | None:
    return None if number is None else number / 1000


def _held_down(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> tuple[str, ...]:
    bits = ctypes.c_ulonglong()
    name = "nvmlDeviceGetCurrentClocksThrottleReasons"
    if not _maybe(lambda: _call(nvml, name, handle, ctypes.byref(bits))):
        return ()
    return tuple(dict.fromkeys(why for bit, why in _HELD_DOWN.items() if bits.value & bit))
