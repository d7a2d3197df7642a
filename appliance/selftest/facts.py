"""What the checks are given to look at. The composition root gathers it; checks ask for no more."""

import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance import planning, site
from appliance.config import Config
from appliance.hardware import telemetry
from appliance.hardware.detect import Hardware, detect
from appliance.hardware.plan import Plan
from appliance.selftest.daemon import Daemon
from appliance.weights.manifest import SHIPPED

BUSY = 1.0  # programs for each core; beyond it, what is measured is the waiting
_NOWHERE = ("192.0.2.1", 9)  # reserved for documentation: nothing is sent there


@dataclass(frozen=True, slots=True)
class Facts:
    """The appliance under test.

    `daemon` is None where none answers, `site` where no nginx serves it. `addresses` are those
    by which this machine is reached from outside; `power_mode` is what `nvpmodel -q` said.
    Files of the machine are read below `root`.
    """

    config: Config
    hardware: Hardware
    plan: Plan
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    daemon: Daemon | None = None
    site: "site.Site | None" = None
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
        return (telemetry.read(self.root).load or 0.0) > BUSY

    @property
    def places(self) -> tuple[Path, ...]:
        """The directories that must have room, as far as they exist."""
        wanted = (self.state, self.config.models.directory)
        return tuple(dict.fromkeys(place for place in wanted if place.is_dir()))


async def gather(config: Config, secrets: Mapping[str, str]) -> Facts:
    """The facts of this machine; takes a second at most."""
    daemon = await Daemon.find(config)
    return Facts(
        config=config,
        hardware=detect(),
        plan=planning.plan_for(config),
        secrets=secrets,
        daemon=daemon,
        site=site.find(config.store.path.parent),
        addresses=own_addresses(),
        power_mode=_power_mode(),
    )


def own_addresses() -> tuple[str, ...]:
    """The address of the interface towards the network; empty where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:
            return ()
        return (str(probe.getsockname()[0]),)


def _power_mode() -> str:
    try:
        asked = subprocess.run(
            ["nvpmodel", "-q"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout
