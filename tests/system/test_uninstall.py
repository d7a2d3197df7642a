"""What remains when the appliance is taken away: what one asks for, and otherwise nothing."""

import pytest

from tests.system import installing
from tests.system.installing import PREFIX, changes, files, install, run
from tests.system.machine import Machine

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)

STATE, CONFIGURATION = "/var/lib/voice-appliance", "/etc/voice-appliance"
UNINSTALL = (f"{PREFIX}/current/install.sh", "uninstall", "--yes")


def everything(machine: Machine) -> list[str]:
    """Whatever bears its name, anywhere but in the journal and in what was lent."""
    names = r"find / -xdev \( -path /srv -o -path /var/log/journal \) -prune"
    found = machine.shell(
        names + r" -o -name '*voice*appliance*' -print || true; ls -d /run/voice* || true"
    )
    return found.stdout.split()


def others_are_served(machine: Machine) -> None:
    """The site of a shop, and the page of a new nginx."""
    asked = ("curl", "-sS", "--max-time", "10")
    assert machine.run(*asked, "http://localhost:8090/").stdout == "the shop"
    assert "Welcome to nginx" in machine.run(*asked, "http://localhost/").stdout


def test_beside_other_sites_of_nginx_a_purge_leaves_no_file(bare: Machine) -> None:
    bare.write("/var/www/shop/index.html", "the shop")
    bare.write("/etc/nginx/sites-enabled/shop", "server { listen 8090; root /var/www/shop; }\n")
    bare.systemctl("start", "nginx")
    before = files(bare)
    said = install(bare)
    assert "the page about the certificate will be on port 8081" in said  # the default site has 80
    others_are_served(bare)
    asked = ("curl", "-sS", "--max-time", "10", "-kL")
    assert bare.run(*asked, "https://localhost/health").stdout.startswith("{")
    assert "trust" in bare.run(*asked, "http://localhost:8081/").stdout.lower()
    bare.systemctl("start", "voice-appliance-selftest.service")
    said = run(bare, *UNINSTALL, "--purge")
    assert "The appliance is gone" in said
    # Accounts are edited in place, and keep a copy of themselves; Debian writes its old links for
    # nginx anew whenever it is enabled or disabled, and systemd removes a directory without any.
    accounts = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
    others = (*accounts, "/etc/rc", "/etc/systemd/system/sockets.target.wants")
    left = [x for x in changes(before, files(bare)) if not x[2:].startswith(others)]
    assert left == []
    assert everything(bare) == []
    assert "voice-appliance" not in bare.run("cat", "/etc/passwd", "/etc/group").stdout
    assert "voice" not in bare.systemctl("list-unit-files", "--no-legend").stdout
    assert bare.systemctl("is-active", "nginx").stdout.strip() == "active"
    others_are_served(bare)


def test_without_purge_what_is_the_owners_stays_and_is_found_again(installed: Machine) -> None:
    installed.until(lambda: installing.answers(installed))
    database = installed.path(f"{STATE}/voice_conversations.db").stat().st_ino
    authority = installed.path(f"{CONFIGURATION}/tls/ca.crt").read_bytes()
    run(installed, *UNINSTALL)
    assert not installed.path(PREFIX).exists()
    assert not installed.path("/etc/nginx/sites-enabled/voice-appliance").is_symlink()
    install(installed)
    assert installed.path(f"{STATE}/voice_conversations.db").stat().st_ino == database
    assert installed.path(f"{CONFIGURATION}/tls/ca.crt").read_bytes() == authority


def test_a_rehearsed_uninstallation_changes_nothing(installed: Machine) -> None:
    before = files(installed)
    said = run(installed, f"{PREFIX}/current/install.sh", "uninstall", "--purge", "--dry-run")
    assert "/etc/systemd/system/voice-appliance.service" in said
    assert changes(before, files(installed)) == []
