"""Checks that the machine is cool enough and that its clocks are not throttled."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.hardware import sysfs, telemetry
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

# Degrees Celsius, for sensors without a limit: Orin throttles at 99 and stops at 104.5.
WARM, HOT = 85.0, 95.0
MARGIN = 5.0  # degrees below the point at which the kernel throttles

_ADVICE = (
    "Give it air: a fan, a heat sink, no closed cupboard; dust it. On a Jetson,"
    " a lower power mode makes less heat; anywhere, a stronger power supply cures under-voltage."
)


class TemperatureCheck(BaseCheck):
    name: ClassVar[str] = "heat"
    title: ClassVar[str] = "Temperature"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        """Runs in a thread: a sensor that hangs fails this check and blocks nothing else."""
        return await run_in_daemon_thread(lambda: self.inspect(context))

    def inspect(self, context: CheckContext) -> Finding:
        gauges = telemetry.read(context.root)
        temperatures, throttled = gauges.temperatures, gauges.throttled
        if not temperatures and not throttled:
            return self.skipped("this machine reports no temperature")
        limits = throttling_points(context.root)
        hottest = max(temperatures, key=lambda name: temperatures[name], default="")
        summary = f"{temperatures[hottest]:.0f} °C ({hottest})" if hottest else "no temperature"
        if too_hot := _sensors_above(temperatures, limits, 0.0, HOT):
            finding = self.failure(f"{too_hot}: so hot that the machine slows down", _ADVICE)
        elif throttled:
            finding = self.warning(f"{summary}; held down now: {', '.join(throttled)}", _ADVICE)
        elif warm := _sensors_above(temperatures, limits, MARGIN, WARM):
            finding = self.warning(f"{warm}: nearly too hot", _ADVICE)
        else:
            finding = self.ok(summary)
        return finding.with_figures(celsius=dict(temperatures))


def _sensors_above(
    temperatures: Mapping[str, float], limits: Mapping[str, float], margin: float, default: float
) -> str:
    """The sensors above their limit less `margin`, or above `default` without one; in words."""
    return ", ".join(
        f"{name} {degrees:.0f} °C"
        for name, degrees in temperatures.items()
        if degrees >= (limits[name] - margin if name in limits else default)
    )


def throttling_points(root: Path) -> dict[str, float]:
    """The degrees at which the kernel begins to throttle, by sensor."""
    points: dict[str, float] = {}
    for zone in sysfs.entries(root / "sys/class/thermal", "thermal_zone*"):
        passive = [
            sysfs.number(kind.with_name(kind.name.replace("_type", "_temp")))
            for kind in sysfs.entries(zone, "trip_point_*_type")
            if sysfs.text(kind) == "passive"
        ]
        limits = [degrees / 1000 for degrees in passive if degrees is not None and degrees > 0]
        if limits:
            points[sysfs.text(zone / "type") or zone.name] = min(limits)
    return points
