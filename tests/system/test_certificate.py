"""A certificate of the owner's own, as certbot keeps it; and what else nginx is told later."""

import pytest

from tests.system import installing
from tests.system.installing import answers, changes, files, install, steps
from tests.system.machine import Machine

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)

HOME = "/etc/letsencrypt"
LIVE = f"{HOME}/live/kitchen"
OWN = ("--tls-cert", f"{LIVE}/fullchain.pem", "--tls-key", f"{LIVE}/privkey.pem")
CERTS = "voice-appliance-certs.service"
SETTINGS = "/etc/voice-appliance/appliance.toml"


def certbot(machine: Machine, number: int) -> str:
    """Makes or renews it: links move to another file. The serial number of the new one."""
    names = "subjectAltName=DNS:kitchen.example,DNS:localhost,IP:127.0.0.1"
    machine.shell(
        f"mkdir -p {LIVE} {HOME}/archive && cd {HOME}/archive"
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        f" -subj /CN=kitchen.example -addext {names}"
        f" -keyout privkey{number}.pem -out fullchain{number}.pem"
        f" && for name in privkey fullchain; do"
        f" ln -sfn ../../archive/${{name}}{number}.pem {LIVE}/$name.pem; done"
    )
    return machine.run("openssl", "x509", "-in", OWN[1], "-noout", "-serial").stdout


def shown(machine: Machine) -> str:
    """The serial number of what nginx shows."""
    ask = "openssl s_client -connect localhost:443 </dev/null | openssl x509 -noout -serial"
    return machine.shell(ask).stdout


def test_a_renewal_by_moving_links_reaches_nginx(installed: Machine) -> None:
    installed.until(lambda: answers(installed))
    first = certbot(installed, 1)
    done = steps(install(installed, *OWN))
    assert (done["certificate"], done["nginx_site"]) == ("done", "done")
    installed.until(lambda: shown(installed) == first)
    # The daemon, which runs on, answers to the name that it has never heard.
    as_kitchen = ("--resolve", "kitchen.example:443:127.0.0.1", "https://kitchen.example/api/ping")
    asked = installed.run("curl", "-ksS", "-w", "%{http_code}", *as_kitchen)
    assert asked.stdout == "204"
    assert "Open https://kitchen.example and enter it" in installed.run("appliance", "pair").stdout
    second = certbot(installed, 2)
    installed.systemctl("start", CERTS)
    # For a moment after a reload, workers from before it still take new connections.
    installed.until(lambda: shown(installed) == second)
    before = files(installed)
    for options in ((), OWN):
        assert set(steps(install(installed, *options)).values()) == {"unchanged"}
    assert changes(before, files(installed)) == []
    install(installed, "--tls-local")
    installed.until(lambda: shown(installed) != second)
    installed.run(
        *("curl", "-sS", "--cacert", "/etc/voice-appliance/tls/ca.crt", "https://localhost/")
    )
    assert "Nothing was changed" in install(installed)


def test_pages_allowed_later_are_let_in(installed: Machine) -> None:
    installed.until(lambda: answers(installed))
    asked = (*("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}"), "-H")
    friend = (*asked, "Origin: https://friend.example", "https://localhost/api/ping")
    assert installed.run(*friend).stdout == "403"
    settings = installed.path(SETTINGS)
    allowed = '\n[access]\norigins = ["https://Friend.example/"]\n'
    settings.write_text(settings.read_text() + allowed)
    done = steps(install(installed))
    assert {name for name, word in done.items() if word == "done"} == {"nginx_site"}
    installed.systemctl("restart", installing.UNIT)
    installed.until(lambda: answers(installed))
    installed.until(lambda: installed.run(*friend).stdout == "204")
    assert "Nothing was changed" in install(installed)
