"""nginx/renew.sh: a new address reaches the certificate and the site, and nobody is cut off."""

import asyncio
import shlex
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.install.conftest import Site, echoing, serving
from tests.install.shell import CERTIFICATE, RENEW, run, succeed

pytestmark = pytest.mark.slow


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    tls = tmp_path / "tls"
    succeed(CERTIFICATE, tls, "--host", "kitchen", "--address", "192.168.1.20")
    with serving(tls) as site:
        yield site


def renew(site: Site) -> str:
    """What it says, and that nginx was told."""
    reload = shlex.join([*site.nginx, "-s", "reload"])
    done = run(RENEW, site.directory / "nginx", environ={"RELOAD": f"{reload} && echo reloaded"})
    assert done.returncode == 0, done.stderr
    return done.stdout


async def shown(site: Site, trusted: ssl.SSLContext | None = None) -> str:
    """The certificate that a new connection gets."""
    port = int(site.https.rpartition(":")[2])
    _, writer = await asyncio.open_connection("localhost", port, ssl=trusted or site.trusted)
    tls = writer.get_extra_info("ssl_object")
    assert isinstance(tls, ssl.SSLObject)
    certificate = tls.getpeercert(binary_form=True)
    assert certificate
    writer.transport.abort()  # nobody waits for a goodbye from nginx
    return ssl.DER_cert_to_PEM_cert(certificate)


def on_disk(site: Site) -> str:
    return (site.directory / "tls" / "server.crt").read_text()


async def test_a_new_address_is_shown_and_asked_for_while_a_conversation_goes_on(
    own_site: Site,
) -> None:
    site = own_site
    address = {"Host": f"192.168.1.21:{site.https.rpartition(':')[2]}"}
    connector = aiohttp.TCPConnector(ssl=site.trusted, force_close=True)
    async with (
        echoing(site.upstream),
        aiohttp.ClientSession(connector=connector) as client,
        client.ws_connect(f"{site.https}/ws/one") as socket,
    ):
        before = await shown(site)
        assert (await client.get(site.https, headers=address)).status == 421
        # As if the machine had been given another address.
        (site.directory / "tls" / "options").write_text(
            "--host\nkitchen\n--address\n192.168.1.21\n"
        )
        assert renew(site) == "renewed\nreloaded\n"
        assert on_disk(site) != before
        # For a moment after a reload, workers from before it answer as well as the new ones.
        async with asyncio.timeout(60):
            while await shown(site) != on_disk(site):  # noqa: ASYNC110  another process does it
                await asyncio.sleep(0.02)
            while (await client.get(site.https, headers=address)).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await socket.send_bytes(b"still there")
        assert await socket.receive_bytes() == b"still there"


def test_nothing_new_is_not_read_again(own_site: Site) -> None:
    assert renew(own_site) == "unchanged\n"
    assert renew(own_site) == "unchanged\n"


def test_what_was_interrupted_after_the_certificate_is_made_up_for(own_site: Site) -> None:
    tls = own_site.directory / "tls"
    succeed(CERTIFICATE, tls, "--host", "kitchen", "--address", "192.168.1.22")
    assert renew(own_site) == "unchanged\nreloaded\n"
    assert r"192\.168\.1\.22" in (own_site.directory / "nginx" / "hosts.map").read_text()
    assert renew(own_site) == "unchanged\n"


def test_a_reload_that_failed_is_made_up_for(own_site: Site) -> None:
    place = own_site.directory / "nginx"
    tls = own_site.directory / "tls"
    (tls / "options").write_text("--host\nkitchen\n--address\n192.168.1.23\n")
    failed = run(RENEW, place, environ={"RELOAD": "false"})
    assert failed.returncode != 0
    assert failed.stdout == "renewed\n"
    assert renew(own_site) == "unchanged\nreloaded\n"
    assert renew(own_site) == "unchanged\n"


def test_without_a_site_it_says_so(tmp_path: Path) -> None:
    done = run(RENEW, tmp_path)
    assert done.returncode == 1
    assert "there is no site" in done.stderr
