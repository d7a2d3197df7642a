"""Gathers what the checks look at: configuration, hardware, plan, daemon and nginx site."""

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.concurrency import run_in_daemon_thread
from appliance.config.loader import Config
from appliance.errors import ApplianceError
from appliance.hardware import planner, sysfs
from appliance.hardware.detect import Hardware, cores, detect
from appliance.hardware.plan import Plan
from appliance.models.manifest import SHIPPED
from appliance.network import addresses, nginx_site
from appliance.selftest.daemon_client import DaemonClient

BUSY_LOAD = 1.0  # runnable programs per core; above it, a measured time is mostly waiting
GATHER_SECONDS = 60.0  # a GPU's library may be slow; one that hangs never returns


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The appliance under test.

    `daemon` is None where no daemon answers, `site` where no nginx serves the appliance.
    `addresses` are those by which other machines reach this one, the default route's first.
    `power_mode` is the output of `nvpmodel -q`. Files of the machine are read below `root`.
    """

    config: Config
    hardware: Hardware
    plan: Plan
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    daemon: DaemonClient | None = None
    site: "nginx_site.Site | None" = None
    addresses: tuple[str, ...] = ()
    power_mode: str = ""
    manifest: Path = SHIPPED
    root: Path = Path("/")

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.config.store.path.parent

    def is_busy(self) -> bool:
        """Whether more programs than cores were runnable during the last minute."""
        # This file alone and not telemetry: a sensor that hangs is for its own check to find.
        load = sysfs.text(self.root / "proc/loadavg").partition(" ")[0]
        return (float(load) if load else 0.0) / cores(self.root) > BUSY_LOAD

    @property
    def directories(self) -> tuple[Path, ...]:
        """The directories that need free space, as far as they exist."""
        wanted = (self.state, self.config.models.directory)
        return tuple(dict.fromkeys(place for place in wanted if place.is_dir()))


async def gather(config: Config, secrets: Mapping[str, str]) -> CheckContext:
    """The context of this machine; takes some seconds at most.

    Raises ApplianceError where detecting the hardware takes longer than GATHER_SECONDS.
    """
    daemon = await DaemonClient.find(config)
    try:
        async with asyncio.timeout(GATHER_SECONDS):
            hardware, plan, power_mode = await run_in_daemon_thread(
                lambda: (detect(), planner.plan_for(config), _power_mode())
            )
    except TimeoutError:
        raise ApplianceError(
            f"detecting the hardware took longer than {GATHER_SECONDS:g} s",
            advice="A driver hangs: see `dmesg`, and restart the machine.",
        ) from None
    return CheckContext(
        config=config,
        hardware=hardware,
        plan=plan,
        secrets=secrets,
        daemon=daemon,
        site=nginx_site.find(config.store.path.parent),
        addresses=addresses.own(),
        power_mode=power_mode,
    )


def _power_mode() -> str:
    try:
        query = subprocess.run(
            ["nvpmodel", "-q"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return query.stdout
