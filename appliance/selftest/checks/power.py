"""Checks that a Jetson's power mode and power supply let it answer in time."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.hardware import sysfs, telemetry
from appliance.hardware.detect import gpu_nodes
from appliance.hardware.power_mode import jetson_modes
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

MIN_CLOCK_SHARE = 0.5  # of the GPU's fastest clock; below it, answers take twice as long


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A power mode of this board; `watts` is infinite where the name sets no limit (MAXN)."""

    number: int
    name: str

    @property
    def watts(self) -> float:
        match = re.search(r"(\d+)\s*W", self.name, re.IGNORECASE)
        return float(match[1]) if match else float("inf")


class PowerCheck(BaseCheck):
    name: ClassVar[str] = "power"
    title: ClassVar[str] = "Power mode"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        """Runs in a thread: a sensor that hangs fails this check and blocks nothing else."""
        return await run_in_daemon_thread(lambda: self.inspect(context))

    def inspect(self, context: CheckContext) -> Finding:
        if not context.hardware.is_jetson:
            return self.skipped("only Jetson boards have power modes")
        clocks = gpu_clocks(context.root)
        current = re.search(r"NV Power Mode: (\S+)", context.power_mode)
        if current is None and clocks is None:
            return self.skipped("neither nvpmodel nor the GPU's clock shows a power mode")
        mode = current[1] if current else "an unknown mode"
        fastest = max(modes(context.root), key=lambda one: one.watts, default=None)
        slowest = min(modes(context.root), key=lambda one: one.watts, default=None)
        advice = (
            "Choose a faster power mode with `sudo nvpmodel -m N`; `nvpmodel -p --verbose`"
            " lists them. The power supply and the cooling must be up to it."
        )
        if fastest and fastest.name != mode:
            advice = (
                f"`sudo nvpmodel -m {fastest.number}` sets {fastest.name}, the fastest;"
                " the power supply and the cooling must be up to it."
            )
        summary = mode
        overcurrents = telemetry.read(context.root).overcurrents or 0
        if overcurrents:
            return self.warning(
                f"{summary}: the power supply fell short {overcurrents} times since the start",
                "Use the power supply that came with the board, or a lower power mode: after each"
                " of these its clocks are cut.",
            ).with_figures(overcurrents=overcurrents)
        if clocks:
            allowed, fastest_clock = clocks
            summary = f"{mode}, GPU up to {allowed // 10**6} of {fastest_clock // 10**6} MHz"
            if allowed < MIN_CLOCK_SHARE * fastest_clock:
                return self.warning(f"{summary}: the power mode holds the GPU back", advice)
        if fastest and slowest and mode == slowest.name and fastest.watts > slowest.watts:
            return self.warning(f"{summary}: the slowest of this board", advice)
        return self.ok(summary)


def modes(root: Path) -> list[PowerMode]:
    """The power modes of this board, as listed in nvpmodel's configuration."""
    return [PowerMode(number, name) for number, name in jetson_modes(root).items()]


def gpu_clocks(root: Path) -> tuple[int, int] | None:
    """The highest clock that the power mode allows the GPU, and its highest of all, in hertz."""
    for node in gpu_nodes(root):
        allowed = sysfs.number(node / "max_freq")
        listed = [
            int(each)
            for each in sysfs.text(node / "available_frequencies").split()
            if each.isdigit()
        ]
        if allowed and listed:
            return allowed, max(listed)
    return None
