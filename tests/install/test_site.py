"""install/site.sh: which certificate nginx shows, as it was chosen, and which pages it lets in."""

import asyncio
import shlex
import shutil
import ssl
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.install.conftest import Site, serving
from tests.install.device import Device
from tests.install.shell import CERTIFICATE, RENEW, ROOT, run, succeed
from tests.install.test_authority import NOW, redate
from tests.install.test_certificate import verify
from tests.install.test_renew import renew, shown

pytestmark = pytest.mark.slow

# What releases before this one read the choices with.
BEFORE = """
https_port='' ready_seconds=''
while IFS='=' read -r name value; do
  [[ " https_port ready_seconds " == *" $name "* ]] && printf -v "$name" '%s' "$value"
done <"$CONFIGURATION/install.conf"
"""


def says(device: Device, script: str) -> str:
    """Both outputs of a script that has the steps at hand."""
    return device.does(f"exec 2>&1\n{script}")


def install(device: Device, *options: str | Path) -> str:
    """What an installation says of what was chosen, and of the certificate."""
    told = f"load_choices\nparse_device {shlex.join(map(str, options))}"
    steps = "run_steps choices certificate && if nothing_changed; then say nothing; fi"
    return says(device, f"{told}\n{steps}")


def tls(device: Device) -> Path:
    return device.configuration / "tls"


def site(device: Device) -> Path:
    return device.configuration / "nginx"


def authority(device: Device) -> bytes:
    """The CA, which has signed what nginx shows."""
    assert verify(tls(device), tls(device) / "server.crt") == 0
    return (tls(device) / "ca.crt").read_bytes()


def test_a_release_from_before_can_read_what_this_one_keeps(device: Device) -> None:
    """It fails where the last line is of a choice that it does not know."""
    install(device, "--https-port", "8443")
    assert says(device, f"{BEFORE}\nsay $https_port $ready_seconds") == "8443 300\n"


class Certbot:
    """A certificate of the owner's own, renewed as certbot does: by moving links."""

    def __init__(self, place: Path) -> None:
        self.issuer = place / "issuer"
        self.archive, self.live = place / "archive", place / "live"
        for directory in (self.archive, self.live):
            directory.mkdir()
        certificate, key = self.live / "fullchain.pem", self.live / "key.pem"
        self.options = ("--tls-cert", certificate, "--tls-key", key)
        self.number = 0
        self.renew()

    def renew(self) -> None:
        self.number += 1
        address = f"192.168.1.{self.number}"
        succeed(CERTIFICATE, self.issuer, "--host", "kitchen", "--address", address)
        for name, made in (("fullchain", "server.crt"), ("key", "server.key")):
            today = self.archive / f"{name}{self.number}.pem"
            shutil.copy(self.issuer / made, today)
            (self.live / f"{name}.new").symlink_to(today)
            (self.live / f"{name}.new").rename(self.live / f"{name}.pem")

    @property
    def certificate(self) -> str:
        return (self.live / "fullchain.pem").read_text()

    async def is_shown(self, running: Site) -> None:
        """Returns when it is; for a moment after a reload, workers from before it answer."""
        trusted = ssl.create_default_context(cafile=str(self.issuer / "ca.crt"))
        async with asyncio.timeout(15):
            while await shown(running, trusted) != self.certificate:  # noqa: ASYNC110  another process does it
                await asyncio.sleep(0.02)


@pytest.fixture
def certbot(tmp_path: Path) -> Certbot:
    return Certbot(tmp_path)


async def test_a_certificate_renewed_by_moving_links_is_shown(
    device: Device, certbot: Certbot
) -> None:
    install(device, *certbot.options)
    with serving(tls(device)) as running:
        await certbot.is_shown(running)
        certbot.renew()
        assert renew(running) == "renewed\nreloaded\n"
        await certbot.is_shown(running)
        assert renew(running) == "unchanged\n"
    assert install(device).endswith("\nnothing\n")
    assert install(device, *certbot.options).endswith("\nnothing\n")


def test_what_an_older_installation_kept_of_it_goes_on_until_the_link_is_named(
    device: Device, certbot: Certbot
) -> None:
    files = [str(certbot.archive / name) for name in ("fullchain1.pem", "key1.pem")]
    install(device, "--tls-cert", files[0], "--tls-key", files[1])
    assert install(device).endswith("\nnothing\n")
    said = install(device, *certbot.options)
    assert f"use the certificate {certbot.live}/fullchain.pem" in said
    certbot.renew()
    assert succeed(CERTIFICATE, tls(device)) == "renewed\n"
    assert (tls(device) / "server.crt").read_text() == certbot.certificate


def test_back_to_the_local_ca(device: Device, certbot: Certbot) -> None:
    install(device)
    trusted = authority(device)
    install(device, *certbot.options)
    assert (tls(device) / "server.crt").is_symlink()
    install(device, "--tls-local")
    assert authority(device) == trusted
    assert install(device).endswith("\nnothing\n")
    assert succeed(CERTIFICATE, tls(device)) == "unchanged\n"
    install(device, *certbot.options)
    assert install(device).endswith("\nnothing\n")
    assert (tls(device) / "server.crt").is_symlink()


def test_nginx_reads_another_certificate_of_the_same_names(
    device: Device, certbot: Certbot
) -> None:
    install(device, *certbot.options)
    assert not (device.prefix / "nginx-changed").exists()
    site(device).mkdir()
    certbot.renew()
    install(device)
    assert (device.prefix / "nginx-changed").exists()


def test_a_ca_without_limits_is_kept_and_the_other_comes_back(device: Device) -> None:
    install(device)
    limited = authority(device)
    assert install(device, "--name-constraints").count("done") == 1  # the choice alone
    install(device, "--no-name-constraints")
    free = authority(device)
    assert free != limited
    assert install(device).endswith("\nnothing\n")
    assert succeed(CERTIFICATE, tls(device)) == "unchanged\n"
    install(device, "--name-constraints")
    assert authority(device) == limited


def test_what_certificate_sh_was_told_by_hand_holds(device: Device) -> None:
    by_hand = ("--host", "kitchen", "--no-name-constraints")
    succeed(CERTIFICATE, tls(device), *by_hand)
    install(device)
    assert install(device).endswith("\nnothing\n")
    assert (tls(device) / "options").read_text().splitlines() == list(by_hand)


def test_a_new_authority_is_made_once(device: Device, certbot: Certbot) -> None:
    install(device)
    first = authority(device)
    assert "which every browser has to trust anew" in install(device, "--new-authority")
    assert authority(device) != first
    assert install(device).endswith("\nnothing\n")
    refused = run(ROOT / "install.sh", "install", *certbot.options, "--new-authority")
    assert refused.returncode == 2
    assert "--new-authority is for a local CA" in refused.stderr


@pytest.mark.parametrize("place", ["/home/eve/c.pem", "/root/c.pem", "/tmp/c.pem"])
def test_what_the_hardening_hides_is_refused(device: Device, tmp_path: Path, place: str) -> None:
    script = "check_certificate_files; printf '%s\\n' \"${faults[@]}\""
    wanted = f"nginx cannot read {place}; copy it below /etc/ssl"
    assert wanted in says(device, f"tls_cert={place} tls_key={place}; {script}")
    (tmp_path / "link").symlink_to(place)
    link = tmp_path / "link"
    assert wanted in says(device, f"tls_cert={link} tls_key={link}; {script}")
    fine = "/etc/ssl/c.pem"
    assert "cannot read" not in says(device, f"tls_cert={fine} tls_key={fine}; {script}")


def test_one_that_has_run_out_is_made_anew(device: Device) -> None:
    install(device)
    before = authority(device)
    assert "nothing" in install(device)
    redate(tls(device), NOW - timedelta(days=397), NOW - timedelta(days=1), "server")
    assert "make a local certificate authority, and a certificate" in install(device)
    assert authority(device) == before


REFUSED = """
nginx() { echo "unknown directive" >&2; [[ ! -e $PREFIX/refuses ]]; }
systemctl() { :; }
touch "$PREFIX/placed"
"""


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_a_site_that_nginx_does_not_take_leaves_what_it_served(device: Device) -> None:
    install(device)
    (device.prefix / "refuses").touch()
    done = device.tries(f"{REFUSED}do_nginx_site")
    assert "nginx does not accept the site" in done.stderr
    assert "unknown directive" in done.stderr
    enabled = device.nginx / "sites-enabled" / "voice-appliance"
    assert not enabled.is_symlink()
    (device.prefix / "refuses").unlink()
    says(device, f"{REFUSED}do_nginx_site")
    assert enabled.resolve() == site(device) / "site.conf"
    before = contents(site(device))
    (device.prefix / "refuses").touch()
    # Killed while it asks nginx, it still knows what was served.
    device.tries(f"{REFUSED}https_port=8443; nginx() {{ kill -KILL $$; }}; do_nginx_site")
    assert contents(site(device)) != before
    done = device.tries(f"{REFUSED}https_port=8443; do_nginx_site")
    assert "what it served before is as it was" in done.stderr
    assert contents(site(device)) == before
    assert enabled.is_symlink()


# ── Further origins ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(device: Device, tmp_path: Path) -> Path:
    """The configuration of a release that the installer belongs to."""
    file = tmp_path / "appliance.toml"
    file.write_text("")
    release(device.root / "venv", file)
    return file


def release(venv: Path, settings: Path) -> None:
    """The real program, with that configuration."""
    programs = venv / "bin"
    programs.mkdir(parents=True)
    start = f'exec env PYTHONPATH={ROOT} "{sys.executable}"'
    (programs / "python").write_text(f'#!/bin/sh\n{start} "$@"\n')
    appliance = f'{start} -m appliance "$@" --config {settings}'
    (programs / "appliance").write_text(f"#!/bin/sh\n{appliance}\n")
    for program in ("python", "appliance"):
        (programs / program).chmod(0o755)


RENDER = 'read_origins; render_site "$SITE"'
IS_RENDERED = "read_origins; if site_is_rendered; then say as it is; else say other; fi"


def let_in(device: Device) -> list[str]:
    """The origins for which nginx has a pattern."""
    lines = (site(device) / "origins.map").read_text().splitlines()
    return [line.removeprefix('"~^').removesuffix(' " listed;').replace("\\", "") for line in lines]


def test_nginx_lets_in_the_pages_that_the_configuration_allows(
    device: Device, settings: Path
) -> None:
    install(device)
    says(device, RENDER)
    (site(device) / ".reload-needed").touch()
    assert says(device, IS_RENDERED) == "as it is\n"
    assert let_in(device) == []
    settings.write_text('[access]\norigins = ["https://Box.lan:443/", "http://[fd00::1]:8443"]\n')
    assert says(device, IS_RENDERED) == "other\n"
    says(device, RENDER)
    assert let_in(device) == ["https://box.lan", "http://[fd00::1]:8443"]
    assert says(device, IS_RENDERED) == "as it is\n"
    # And so they stay when the certificate is renewed.
    assert run(RENEW, site(device), environ={"RELOAD": "true"}).stdout == "unchanged\n"
    assert says(device, IS_RENDERED) == "as it is\n"


def test_what_is_no_origin_is_told_and_left_out(device: Device, settings: Path) -> None:
    settings.write_text('[access]\norigins = ["box.lan", "https://a.lan", "https://b.lan/x"]\n')
    install(device)
    said = says(device, RENDER)
    assert "'box.lan' is none" in said
    assert "'https://b.lan/x' is none" in said
    assert let_in(device) == ["https://a.lan"]


def test_of_a_configuration_that_cannot_be_read_nginx_keeps_what_it_has(
    device: Device, settings: Path
) -> None:
    settings.write_text('[access]\norigins = ["https://a.lan"]\n')
    install(device)
    says(device, RENDER)
    settings.write_text("[access]\norigin = 1\n")
    assert says(device, IS_RENDERED).endswith("as it is\n")


def test_a_rehearsal_asks_the_release_that_runs(device: Device, tmp_path: Path) -> None:
    settings = tmp_path / "appliance.toml"
    settings.write_text('[access]\norigins = ["https://a.lan"]\n')
    assert says(device, "read_origins; say here: $origins") == "here:\n"
    release(device.prefix / "current" / "venv", settings)
    assert says(device, "read_origins; say here: $origins") == "here: https://a.lan\n"


def test_run_lets_the_same_pages_in(device: Device, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[access]\norigins = ["https://a.lan"]\n')
    (tmp_path / "empty.toml").write_text("")
    release(device.root / ".venv", tmp_path / "empty.toml")
    layers = f"layers=(--config {tmp_path}/mine.toml)"
    assert says(device, f"{layers}; configured_origins") == "https://a.lan\n"
