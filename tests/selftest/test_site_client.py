"""The checks that go through a real nginx, with the certificate that the appliance makes."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from appliance.network import nginx_site
from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest import site_client
from appliance.selftest.check import Verdict
from appliance.selftest.checks.certificate import CertificateCheck
from appliance.selftest.checks.nginx import NginxCheck
from appliance.selftest.checks.websocket import WebSocketCheck
from tests.install.conftest import Site as Nginx
from tests.install.shell import CERTIFICATE, RENDER, free_ports, succeed
from tests.selftest.conftest import MakeContext, bad, good, skipped

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


def test_address_and_certificate_are_read_from_the_site_file(here: Site, tls: Path) -> None:
    assert here.address == "127.0.0.1"
    assert here.certificate == tls / "server.crt"
    assert here.authority == tls / "ca.crt"
    assert here.url("localhost") == f"https://localhost:{here.port}"
    assert replace(here, port=443).url("fd00::1") == "https://[fd00::1]"


@pytest.mark.parametrize("name", ["sites-enabled/voice-appliance", "conf.d/voice-appliance.conf"])
def test_the_site_of_the_system(tmp_path: Path, here: Site, name: str) -> None:
    assert nginx_site.find(tmp_path, tmp_path) is None
    file = tmp_path / "etc/nginx" / name
    file.parent.mkdir(parents=True)
    file.write_text("server { listen 80; }")
    assert nginx_site.find(tmp_path, tmp_path) is None
    file.write_text(here.file.read_text())
    assert nginx_site.find(tmp_path, tmp_path) == replace(here, file=file)


NAMES = ("localhost", "kitchen.local", "127.0.0.1", "192.168.1.20")


@pytest.mark.parametrize(
    ("address", "own", "names", "host"),
    [
        (ANYWHERE, ("192.168.1.20",), NAMES, "192.168.1.20"),
        (ANYWHERE, ("10.0.0.9",), NAMES, "localhost"),
        (ANYWHERE, ("fd00::2",), (*NAMES, "fd00::2"), "localhost"),
        (ANYWHERE, ("10.0.0.9", "192.168.1.20"), NAMES, "192.168.1.20"),
        (ANYWHERE, (), ("box.example",), "box.example"),
        ("127.0.0.1", ("192.168.1.20",), NAMES, "127.0.0.1"),
        ("192.168.1.20", (), NAMES, "192.168.1.20"),
        ("192.168.1.20", (), (), "localhost"),
    ],
)
def test_the_entry_host_is_an_outside_address_where_possible(
    here: Site, address: str, own: tuple[str, ...], names: tuple[str, ...], host: str
) -> None:
    assert site_client.entry_host(replace(here, address=address), own, names) == host


@asynccontextmanager
async def upstream(nginx: Nginx, unknown: str = "") -> AsyncIterator[None]:
    """A fake daemon behind nginx that refuses requests by the host name `unknown`."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ping(request: web.Request) -> web.Response:
        name, _, port = request.host.partition(":")
        assert port
        return web.Response(status=421 if name == unknown else 204)

    app = web.Application()
    app.router.add_get("/api/ping", ping)
    app.router.add_get("/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", nginx.upstream).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def test_the_page_and_the_appliance_behind_it(
    site: Nginx,
    here: Site,
    make_context: MakeContext,
) -> None:
    made = make_context(site=here)
    async with upstream(site):
        assert f"https://127.0.0.1:{here.port} serves the page" in good(
            await NginxCheck().run(made)
        )
    message, advice = bad(await NginxCheck().run(made), FAILURE)
    assert "/health answers 502" in message
    assert "server.listen" in advice


@pytest.mark.parametrize("name", ["kitchen.local", "kitchen"])
async def test_a_name_that_nginx_knows_and_the_daemon_does_not(
    site: Nginx, here: Site, make_context: MakeContext, name: str
) -> None:
    """As after `hostnamectl set-hostname`; the certificate may lack the second name."""
    async with upstream(site):
        message = good(await NginxCheck().run(make_context(site=here)))
    assert message.endswith(", also as localhost, kitchen, kitchen.local")
    async with upstream(site, unknown=name):
        message, advice = bad(await NginxCheck().run(make_context(site=here)), FAILURE)
    assert message.endswith(f"by the name of {name} (421)")
    assert "restart voice-appliance" in advice


async def test_a_name_that_nginx_does_not_know_yet(
    site: Nginx, here: Site, make_context: MakeContext, tmp_path: Path
) -> None:
    for file in (here.certificate, here.authority):
        assert file
        shutil.copy(file, tmp_path)
    (tmp_path / "hosts").write_text("DNS:localhost\nIP:127.0.0.1\nDNS:attic.local\n")
    renamed = replace(here, certificate=tmp_path / "server.crt", authority=tmp_path / "ca.crt")
    async with upstream(site):
        message, _ = bad(await NginxCheck().run(make_context(site=renamed)), FAILURE)
    assert message.endswith("by the name of attic.local (421)")


async def test_without_nginx_the_checks_are_skipped(make_context: MakeContext) -> None:
    assert "no nginx" in skipped(await NginxCheck().run(make_context()))
    assert "no nginx" in skipped(await CertificateCheck().run(make_context()))
    assert "does not run" in skipped(await WebSocketCheck().run(make_context()))


async def test_an_nginx_that_does_not_listen(here: Site, make_context: MakeContext) -> None:
    made = make_context(site=replace(here, port=free_ports(1)[0]))
    for check in (NginxCheck(), CertificateCheck()):
        message, advice = bad(await check.run(made), FAILURE)
        assert str(made.site.port if made.site else 0) in message
        assert "nginx" in advice


async def test_a_missing_page(site: Nginx, here: Site, make_context: MakeContext) -> None:
    page = site.directory / "page" / "index.html"
    content = page.read_text()
    page.unlink()
    try:
        message, advice = bad(await NginxCheck().run(make_context(site=here)), FAILURE)
    finally:
        page.write_text(content)
    assert "answers 40" in message
    assert "installer" in advice


async def test_a_certificate_of_another_authority(
    tmp_path: Path, here: Site, make_context: MakeContext
) -> None:
    other = tmp_path / "other"
    succeed(CERTIFICATE, other, "--host", "kitchen", "--address", "192.168.1.20")
    made = make_context(site=replace(here, authority=other / "ca.crt"))
    message, advice = bad(await CertificateCheck().run(made), FAILURE)
    assert "does not verify" in message
    assert "makes it anew" in advice
    assert "does not verify" in bad(await NginxCheck().run(made), FAILURE)[0]


async def test_a_certificate_of_the_owners_with_an_unknown_issuer(
    site: Nginx, tmp_path: Path, here: Site, make_context: MakeContext
) -> None:
    """Its issuer may be unknown, but it must be the configured certificate."""
    own = replace(here, authority=None)
    async with upstream(site):
        good(await NginxCheck().run(make_context(site=own)))
    message, advice = bad(await CertificateCheck().run(make_context(site=own)), WARNING)
    assert "unknown to this machine" in message
    assert "of your own" in advice
    other = tmp_path / "other"
    succeed(CERTIFICATE, other, "--host", "kitchen", "--address", "192.168.1.20")
    wrong = make_context(site=replace(own, certificate=other / "server.crt"))
    message, advice = bad(await CertificateCheck().run(wrong), FAILURE)
    assert "does not verify" in message
    assert "renew it where it stands" in advice
    assert "does not verify" in bad(await NginxCheck().run(wrong), FAILURE)[0]


def test_a_linked_certificate_is_the_owners(tmp_path: Path, here: Site, tls: Path) -> None:
    """A local CA may remain from an earlier installation."""
    shutil.copy(tls / "ca.crt", tmp_path)
    (tmp_path / "server.crt").symlink_to(tls / "server.crt")
    file = tmp_path / "site.conf"
    file.write_text(here.file.read_text().replace(str(tls), str(tmp_path)))
    found = nginx_site.read(file)
    assert found
    assert found.authority is None


def test_the_site_as_it_is_rendered_for_a_device(tmp_path: Path, tls: Path) -> None:
    places = {"ADDRESS": ANYWHERE, "HTTPS_PORT": 443, "HTTP_PORT": 80, "PAGE": tmp_path}
    places |= {"UPSTREAM": "unix:/run/voice-appliance/http.sock", "TLS": tls, "LOG": tmp_path}
    state = tmp_path / "state"
    succeed(RENDER, state / "nginx", *(f"{key}={value}" for key, value in places.items()))
    found = nginx_site.find(state, tmp_path)
    assert found
    assert (found.address, found.port, found.authority) == (ANYWHERE, 443, tls / "ca.crt")
