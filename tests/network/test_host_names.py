"""Host names: the appliance answers to those of the machine, the configuration and nginx."""

from pathlib import Path

import pytest

from appliance.config.loader import load
from appliance.network.host_names import HostNames
from tests.daemon import running
from tests.stranger import ask

SITE = """server {{
    listen 0.0.0.0:443 ssl;
    ssl_certificate {tls}/server.crt;
}}
"""


def write_site(state: Path) -> Path:
    """Writes a site file as render.sh does; returns its file of hosts."""
    directory = state / "nginx"
    directory.mkdir(parents=True)
    (directory / "site.conf").write_text(SITE.format(tls=directory))
    hosts = directory / "hosts"
    hosts.write_text("DNS:localhost\nDNS:Old.local\nIP:192.168.1.20\n")
    return hosts


def replace(file: Path, text: str) -> None:
    """Replaces a file atomically, as certificate.sh does."""
    new = file.with_name("new")
    new.write_text(text)
    new.replace(file)


@pytest.mark.slow
async def test_a_name_that_nginx_learns_is_answered_at_once(tmp_path: Path) -> None:
    hosts = write_site(tmp_path)
    async with running(tmp_path) as daemon:

        async def status(host: str) -> int:
            return (await ask(daemon, "GET", "/health", headers={"Host": host})).status

        assert await status("old.local:8443") == 200
        assert await status("new.local") == 421
        replace(hosts, "DNS:localhost\nDNS:new.local\n")
        assert await status("new.local") == 200
        assert await status("old.local") == 421


def test_names_of_configuration_and_nginx_stay_when_the_file_goes(tmp_path: Path) -> None:
    settings = {
        "APPLIANCE__STORE__PATH": str(tmp_path / "voice.db"),
        "APPLIANCE__SERVER__PUBLIC_URL": "https://voice.example:8443",
        "APPLIANCE__ACCESS__ORIGINS": '["https://panel.example"]',
    }
    own = {"voice.example", "panel.example"}
    names = HostNames(load([], settings), tmp_path)
    assert own <= set(names())
    hosts = write_site(tmp_path)
    names = HostNames(load([], settings), tmp_path)
    assert own | {"old.local"} <= set(names())
    hosts.unlink()
    assert own | {"old.local"} <= set(names())
