"""A daemon that cannot start: it is tried six times, and then somebody is told."""

from tests.system import release
from tests.system.conftest import Boot
from tests.system.machine import Machine

UNIT = "voice-appliance.service"


def test_after_six_starts_somebody_is_told(boot: Boot) -> None:
    def broken(machine: Machine) -> None:
        release.lay(machine)
        place = f"{release.PREFIX}/releases/1.0.0/venv/bin/appliance"
        machine.write(place, "#!/bin/sh\nexit 1\n", 0o755)

    with boot(release.LENT, broken) as machine:
        machine.run("systemd-sysusers")
        machine.systemctl("start", UNIT, check=False)
        failures = machine.path("/var/lib/failures")
        machine.until(failures.exists, 60)
        assert failures.read_text() == f"{UNIT}\n"
        assert machine.show(UNIT, "ActiveState") == "failed"
        assert machine.journal(UNIT).count("Starting voice-appliance.service") == 6


def test_a_page_on_the_lan_waits_for_it(boot: Boot) -> None:
    """nginx says so at once instead of keeping people waiting."""
    with boot(release.LENT, lambda m: release.lay(m)) as machine:
        machine.run("systemd-sysusers")
        url = release.serve_page(machine)
        asked = machine.run("curl", "-ks", "-H", "Accept: text/html", f"{url}/health")
        assert "it is starting" in asked.stdout
