"""Describes the machine that figures were measured on."""

import os
import platform
from pathlib import Path

from appliance.hardware import nvml
from appliance.hardware.detect import Hardware


def describe_machine(hardware: Hardware) -> dict[str, object]:
    return {
        "model": hardware.model,
        "processor": _processor(Path("/proc/cpuinfo")),
        "architecture": hardware.architecture,
        "cores": hardware.cores,
        "memory_bytes": hardware.memory_total,
        "gpu": hardware.gpu,
        "kernel": platform.release(),
        "load_1_minute": os.getloadavg()[0],
    }


def gpu_memory_used() -> int | None:
    """Bytes in use on all graphics cards, by any process; None where no card reports them."""
    used = [
        card.memory_total - card.memory_free
        for card in nvml.cards()
        if card.memory_total is not None and card.memory_free is not None
    ]
    return sum(used) if used else None


def _processor(cpuinfo: Path) -> str:
    """The processor's name; empty where the kernel does not report it, as on most arm64 boards."""
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")
