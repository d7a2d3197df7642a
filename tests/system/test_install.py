"""A bare Debian becomes the appliance; the second time nothing happens."""

import json
from pathlib import Path

import pytest

from tests.system import installing
from tests.system.conftest import Boot
from tests.system.installing import (
    BUNDLE,
    INSTALLER,
    PREFIX,
    answers,
    changes,
    files,
    install,
    steps,
)
from tests.system.machine import Machine

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)


def test_a_rehearsal_changes_nothing(bare: Machine) -> None:
    before = files(bare)
    said = install(bare, "--dry-run")
    assert changes(before, files(bare)) == []
    assert steps(said)["user"].startswith("would make the system user")
    assert steps(said)["environment"].startswith("would build")
    assert "Nothing was changed." in said


def test_installed_it_serves_the_page_and_answers(installed: Machine) -> None:
    address = installed.give_lan()
    installed.systemctl("start", "voice-appliance-certs.service")
    installed.until(lambda: answers(installed))
    ca = "/etc/voice-appliance/tls/ca.crt"
    for path in ("/", "/health"):
        got = installed.run("curl", "-sS", "--cacert", ca, f"https://{address}{path}").stdout
        assert ("ok" in got) if path == "/health" else ("<html" in got)
    assert installed.systemctl("--failed", "--no-legend").stdout == ""
    assert installed.run("appliance", "--version").stdout.startswith("appliance")
    told = installed.run("appliance", "pair").stdout
    assert "Pairing code" in told
    assert f"Open https://{address} and enter it, or scan:" in told
    assert "\N{FULL BLOCK}" in told  # the QR code
    words = json.loads(installed.path("/etc/voice-appliance/nginx/trust.json").read_text())["words"]
    assert f"which begins, in words: {words}" in told


def test_the_second_time_nothing_happens(installed: Machine) -> None:
    installed.until(lambda: answers(installed))
    before = files(installed)
    pid = installed.show(installing.UNIT, "MainPID")
    said = install(installed)
    assert set(steps(said).values()) == {"unchanged"}
    assert "Nothing was changed" in said
    assert changes(before, files(installed)) == []
    assert installed.show(installing.UNIT, "MainPID") == pid
    assert "good, in" in said  # the table of the self-test


def test_every_fault_is_told_before_anything_is_changed(bare: Machine) -> None:
    bare.write("/etc/nginx/sites-enabled/shop", "server { listen 443; }\n")
    bare.write("/srv/no-certificate", "")
    before = files(bare)
    options = ("--tls-cert", "/srv/no-certificate", "--tls-key", "/srv/no-certificate")
    said = install(bare, *options, check=False)
    assert "another site of nginx (/etc/nginx/sites-enabled/shop) has port 443" in said
    assert "/srv/no-certificate is no certificate" in said
    assert changes(before, files(bare)) == []


def test_a_server_of_ones_own_may_stand_before_it(bare: Machine) -> None:
    said = install(bare, "--no-nginx")
    assert f"It listens on {installing.SOCKET}" in said
    assert answers(bare)
    assert not bare.path("/etc/nginx/sites-enabled/voice-appliance").exists()
    # It is remembered.
    assert "Nothing was changed" in install(bare)
    install(bare, "--nginx")
    ours = bare.path("/etc/nginx/sites-enabled/voice-appliance")
    assert ours.is_symlink()
    assert bare.run("curl", "-ksS", "https://127.0.0.1/health").returncode == 0
    # Another server takes its place again: nothing of ours keeps the ports or is announced.
    install(bare, "--no-nginx")
    assert not ours.is_symlink()
    assert not bare.path("/etc/avahi/services/voice-appliance.service").exists()
    bare.until(lambda: bare.run("curl", "-ks", "https://127.0.0.1/", check=False).returncode == 7)
    assert answers(bare)
    assert "Nothing was changed" in install(bare)


def test_a_damaged_bundle_is_refused(boot: Boot, bundle: Path) -> None:
    with boot([(bundle, BUNDLE)], installing.prepare) as machine:
        machine.shell(f"cp -a {BUNDLE} /root/bundle && echo >>/root/bundle/appliance/app/daemon.py")
        told = installing.run(machine, INSTALLER, "--offline", "/root/bundle", "--yes", check=False)
        assert "appliance/app/daemon.py" in told
        assert "the bundle is damaged" in told
        machine.shell(
            f"cp {BUNDLE}/appliance/app/daemon.py /root/bundle/appliance/app; touch /root/bundle/x"
        )
        told = installing.run(machine, INSTALLER, "--offline", "/root/bundle", "--yes", check=False)
        assert "has files that its manifest does not know" in told
        assert not machine.path(f"{PREFIX}/current").exists()


def test_a_signature_is_asked_for_where_a_key_is_configured(bare: Machine) -> None:
    bare.shell(
        "ssh-keygen -q -t ed25519 -N '' -f /root/key; ssh-keygen -q -t ed25519 -N '' -f /root/other"
    )
    bare.shell("mkdir /etc/voice-appliance; cp -a /srv/bundle /root/bundle")
    bare.shell("echo voice-appliance $(cat /root/key.pub) >/etc/voice-appliance/release.signers")
    rehearsal = (INSTALLER, "--offline", "/root/bundle", "--yes", "--dry-run")
    assert "is not signed" in installing.run(bare, *rehearsal, check=False)
    sign = "ssh-keygen -q -Y sign -n voice-appliance -f {} /root/bundle/MANIFEST.sha256"
    bare.shell(sign.format("/root/other"))
    assert "is not one that" in installing.run(bare, *rehearsal, check=False)
    bare.shell(f"rm /root/bundle/MANIFEST.sha256.sig; {sign.format('/root/key')}")
    assert "Nothing was changed." in installing.run(bare, *rehearsal)
