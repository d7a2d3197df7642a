"""Is it cool enough, and does nothing hold its clocks down?"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.hardware import sysfs, telemetry
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

# Where a board tells no limit of its own: Orin slows down at 99 degrees and stops at 104.5.
WARM, HOT = 85.0, 95.0
MARGIN = 5.0  # degrees below the point at which the board itself slows down

_ADVICE = (
    "Give it air: a fan, a heat sink, no closed cupboard; dust it. On a Jetson,"
    " a lower power mode makes less heat; anywhere, a stronger power supply cures under-voltage."
)


class TemperatureCheck(BaseCheck):
    name: ClassVar[str] = "heat"
    title: ClassVar[str] = "Temperature"
    limit: ClassVar[float] = 5.0

    async def run(self, facts: CheckContext) -> Finding:
        """Aside: a sensor that hangs is to cost this check and nothing else."""
        return await run_in_daemon_thread(lambda: self.look(facts))

    def look(self, facts: CheckContext) -> Finding:
        gauges = telemetry.read(facts.root)
        temperatures, brakes = gauges.temperatures, gauges.throttled
        if not temperatures and not brakes:
            return self.skipped("this machine tells no temperature")
        limits = slowing_points(facts.root)
        hottest = max(temperatures, key=lambda name: temperatures[name], default="")
        shown = f"{temperatures[hottest]:.0f} °C ({hottest})" if hottest else "no temperature told"
        if too_hot := _above(temperatures, limits, 0.0, HOT):
            finding = self.failure(f"{too_hot}: so hot that the machine slows down", _ADVICE)
        elif brakes:
            finding = self.warning(f"{shown}; held down now: {', '.join(brakes)}", _ADVICE)
        elif warm := _above(temperatures, limits, MARGIN, WARM):
            finding = self.warning(f"{warm}: nearly too hot", _ADVICE)
        else:
            finding = self.ok(shown)
        return finding.with_figures(celsius=dict(temperatures))


def _above(
    temperatures: Mapping[str, float], limits: Mapping[str, float], margin: float, usual: float
) -> str:
    """The sensors beyond their limits less the margin, or beyond what is usual; in words."""
    return ", ".join(
        f"{name} {degrees:.0f} °C"
        for name, degrees in temperatures.items()
        if degrees >= (limits[name] - margin if name in limits else usual)
    )


def slowing_points(root: Path) -> dict[str, float]:
    """By sensor, the degrees at which the kernel begins to take speed away."""
    points: dict[str, float] = {}
    for zone in sysfs.entries(root / "sys/class/thermal", "thermal_zone*"):
        passive = [
            sysfs.number(kind.with_name(kind.name.replace("_type", "_temp")))
            for kind in sysfs.entries(zone, "trip_point_*_type")
            if sysfs.text(kind) == "passive"
        ]
        told = [degrees / 1000 for degrees in passive if degrees is not None and degrees > 0]
        if told:
            points[sysfs.text(zone / "type") or zone.name] = min(told)
    return points
