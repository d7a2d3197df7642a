"""What the checks are given to look at. The composition root gathers it; checks ask for no more."""

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

BUSY = 1.0  # programs for each core; beyond it, what is measured is the waiting
GATHER_SECONDS = 60.0  # a GPU's library may take its time; one that hangs takes for ever


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The appliance under test.

    `daemon` is None where none answers, `site` where no nginx serves it. `addresses` are those
    by which this machine is reached from outside, that of the way to the network first;
    `power_mode` is what `nvpmodel -q` said. Files of the machine are read below `root`.
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
        """Where the appliance keeps its things."""
        return self.config.store.path.parent

    def busy(self) -> bool:
        """Whether more programs than there are cores wanted one in the last minute."""
        # Of all gauges this alone: a sensor that hangs is for its own check to find.
        load = sysfs.text(self.root / "proc/loadavg").partition(" ")[0]
        return (float(load) if load else 0.0) / cores(self.root) > BUSY

    @property
    def places(self) -> tuple[Path, ...]:
        """The directories that must have room, as far as they exist."""
        wanted = (self.state, self.config.models.directory)
        return tuple(dict.fromkeys(place for place in wanted if place.is_dir()))


async def gather(config: Config, secrets: Mapping[str, str]) -> CheckContext:
    """The facts of this machine; takes some seconds at most.

    Raises ApplianceError where the machine does not tell what it is.
    """
    daemon = await DaemonClient.find(config)
    try:
        async with asyncio.timeout(GATHER_SECONDS):
            hardware, plan, power_mode = await run_in_daemon_thread(
                lambda: (detect(), planner.plan_for(config), _power_mode())
            )
    except TimeoutError:
        raise ApplianceError(
            f"the hardware was not told within {GATHER_SECONDS:g} s",
            advice="A driver hangs: see `dmesg`, and start the machine anew.",
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
        asked = subprocess.run(
            ["nvpmodel", "-q"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout
