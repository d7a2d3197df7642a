"""Through nginx, hardened as it ships: somebody on the LAN pairs, talks, and comes often."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import release
from tests.system.machine import Machine, booted

UNIT = "voice-appliance.service"


@pytest.fixture(scope="module")
def machine(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An appliance for paired clients only, behind nginx on a LAN."""

    def lay(machine: Machine) -> None:
        release.lay(machine, more=release.MICRO_MODELS, mode="paired")

    with booted(debian, tmp_path_factory.mktemp("lan"), release.LENT, lay) as machine:
        release.begin(machine)
        yield machine


@pytest.fixture(scope="module")
def url(machine: Machine) -> str:
    return release.serve_page(machine)


def outside(machine: Machine, module: str, *arguments: str) -> list[str]:
    return machine.outside(sys.executable, "-m", f"tests.system.{module}", *arguments)


def authority(machine: Machine) -> str:
    return str(machine.path("/etc/voice-appliance/tls/ca.crt"))


def test_a_client_pairs_and_talks(machine: Machine, url: str) -> None:
    printed = machine.run(f"{release.CURRENT}/venv/bin/appliance", "pair").stdout
    code = "".join(re.findall(r"code: (\d{4}) (\d{4})", printed)[0])
    talked = subprocess.run(
        outside(machine, "talker", url, authority(machine), code),
        cwd=release.REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert talked.returncode == 0, talked.stderr
    told = json.loads(talked.stdout)
    assert told["stranger"] == 401
    assert told["heard"].lower().startswith("what time is it")
    assert told["said"].startswith("It is ")


def test_restarts_refuse_nobody_on_the_lan(machine: Machine, url: str) -> None:
    # From ten addresses, because nginx lets nobody alone come fifty times a second.
    homes = [f"192.168.77.{number}" for number in range(101, 111)]
    for home in homes:
        machine.run("ip", "address", "add", f"{home}/24", "dev", "wire")
    options = ("--ca", authority(machine), *(f"--from={home}" for home in homes))
    visiting = outside(machine, "visitors", f"{url}/health", *options)
    with subprocess.Popen(
        visiting,
        cwd=release.REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first has been answered
        for _ in range(3):
            machine.systemctl("restart", UNIT)
            release.await_ready(machine)
        told, _ = process.communicate(timeout=90)
    became = json.loads(told)["became"]
    assert set(became) == {"200"}, became
    assert became["200"] > 200


def test_nginx_has_no_more_rights_than_it_needs(machine: Machine, url: str) -> None:
    assert machine.run("curl", "-ks", f"{url}/").stdout == "<title>the page</title>"
    machine.systemctl("reload", "nginx")
    assert machine.run("curl", "-ks", f"{url}/").stdout == "<title>the page</title>"
    # Workers from before the reload may be gone by the time they are looked at.
    look = "pgrep -u www-data nginx | while read -r pid; do cat /proc/$pid/status || true; done"
    rights = re.findall(r"^CapEff:\t(\w+)$", machine.shell(look).stdout, re.MULTILINE)
    assert rights
    assert {int(right, 16) for right in rights} == {0}
    assert machine.show("nginx", "NRestarts") == "0"


def test_metrics_stay_in_the_machine(machine: Machine, url: str) -> None:
    assert (
        machine.run("curl", "-ks", "-o", "/dev/null", "-w", "%{http_code}", f"{url}/metrics").stdout
        == "404"
    )


def test_it_tests_itself_every_night(machine: Machine, url: str) -> None:
    machine.systemctl("start", "voice-appliance-selftest.service", check=False)
    told = machine.journal("voice-appliance-selftest.service")
    assert "FAILURE" not in told, told
    # With these small models it may well be told to be slow, or hard of hearing.
    assert re.search(r"(ok|warning) +A conversation", told), told
    assert machine.show("voice-appliance-selftest.service", "Result") == "success"


def test_its_certificate_is_looked_after(machine: Machine, url: str) -> None:
    place = "/etc/voice-appliance/tls/server.crt"
    before = machine.path(place).read_bytes()
    machine.systemctl("start", "voice-appliance-certs.service")
    assert machine.path(place).read_bytes() == before
    machine.run("rm", place)
    machine.systemctl("start", "voice-appliance-certs.service")
    assert machine.path(place).read_bytes() != before
    renewed = machine.run("openssl", "x509", "-in", place, "-noout", "-serial").stdout
    # For a moment after a reload, workers from before it still take new connections.
    machine.until(lambda: serial(machine, url) == renewed)


def serial(machine: Machine, url: str) -> str:
    """Of the certificate that nginx shows."""
    address = f"{url.removeprefix('https://')}:443"
    script = f"openssl s_client -connect {address} </dev/null | openssl x509 -noout -serial"
    return machine.shell(script).stdout


def test_timers_are_set(machine: Machine) -> None:
    for timer in ("voice-appliance-selftest.timer", "voice-appliance-certs.timer"):
        machine.systemctl("start", timer)
        assert machine.show(timer, "ActiveState") == "active"
        assert machine.show(timer, "NextElapseUSecMonotonic") != ""
