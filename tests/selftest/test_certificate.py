"""The check of the certificate: its dates, and the names and addresses of this machine."""

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest import site_client
from appliance.selftest.check import Verdict
from appliance.selftest.checks.certificate import CertificateCheck
from tests.install.shell import CERTIFICATE, free_ports, succeed
from tests.selftest.conftest import MakeContext, bad, good

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


async def test_the_certificate_of_a_real_nginx(here: Site, make_context: MakeContext) -> None:
    shown = await site_client.fetch_certificate(here)
    assert set(shown.names) >= {"localhost", "kitchen.local", "192.168.1.20"}
    assert 390 < (shown.ends - datetime.now(UTC)).days < 398
    message = good(await CertificateCheck().run(make_context(site=here)))
    assert "kitchen.local" in message
    assert "CA" in message


BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = site_client.ServedCertificate(
    ("localhost", "192.168.1.20"), BEGINS, BEGINS + timedelta(days=397), "a CA"
)


@pytest.mark.parametrize(
    ("days", "address", "own", "verdict", "message"),
    [
        (10, "192.168.1.20", (), OK, "valid until 2027-02-02"),
        (-1, "192.168.1.20", (), FAILURE, "not yet"),
        (398, "192.168.1.20", (), FAILURE, "ended on 2027-02-02"),
        (380, "192.168.1.20", (), WARNING, "for 17 more days"),
        (10, "192.168.1.30", (), WARNING, "not for 192.168.1.30"),
        (10, ANYWHERE, ("192.168.1.40",), WARNING, "192.168.1.40"),
    ],
)
def test_dates_and_names(
    here: Site,
    days: int,
    address: str,
    own: tuple[str, ...],
    verdict: Verdict,
    message: str,
) -> None:
    now = BEGINS + timedelta(days=days)
    # A directory without options of certificate.sh.
    there = replace(here, address=address, certificate=Path("/nowhere/server.crt"))
    finding = CertificateCheck().judge(SHOWN, there, own, now)
    assert finding.verdict is verdict
    assert message in finding.message
    assert bool(finding.advice) is (verdict is not OK)


@pytest.mark.parametrize(
    ("own", "lacking"),
    [
        (("192.168.1.20", "10.0.0.9", "fd00::2"), ["10.0.0.9", "fd00::2"]),
        # Public addresses are left out of the certificate on purpose.
        (("192.168.1.20", "192.0.2.2", "2001:db8::7"), []),
    ],
)
def test_every_private_address_must_be_in_the_certificate(
    here: Site, monkeypatch: pytest.MonkeyPatch, own: tuple[str, ...], lacking: list[str]
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Kitchen.lan")
    whole = replace(SHOWN, names=(*SHOWN.names, "kitchen.local"))
    anywhere = replace(here, address=ANYWHERE, certificate=Path("/nowhere/server.crt"))
    finding = CertificateCheck().judge(whole, anywhere, own, BEGINS + timedelta(days=1))
    if lacking:
        assert f"not for {', '.join(lacking)}" in bad(finding, WARNING)[0]
    else:
        assert good(finding)


@pytest.mark.parametrize(
    ("chosen", "own", "verdict"),
    [
        (("--address", "192.168.1.20", "--address", "fd00::2"), ("10.0.0.9",), OK),
        (("--address", "10.0.0.9"), (), WARNING),
        (("--host", "kitchen", "--address", "192.168.1.20"), ("10.0.0.9",), OK),
        (("--host", "attic", "--address", "192.168.1.20"), (), WARNING),
        (("--no-name-constraints",), ("10.0.0.9",), WARNING),
    ],
)
async def test_the_options_of_certificate_sh_decide_which_names_are_required(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chosen: tuple[str, ...],
    own: tuple[str, ...],
    verdict: Verdict,
) -> None:
    """With a real certificate, whose IPv6 addresses OpenSSL writes in full."""
    monkeypatch.setattr("socket.gethostname", lambda: "kitchen")
    numbers = ("--address", "192.168.1.20", "--address", "fd00::2")
    succeed(CERTIFICATE, tmp_path, "--host", "kitchen", *numbers)
    (tmp_path / "options").write_text("".join(f"{word}\n" for word in chosen))
    (port,) = free_ports(1)
    anywhere = Site(tmp_path, ANYWHERE, port, tmp_path / "server.crt", tmp_path / "ca.crt")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port, ssl=context):
        shown = await site_client.fetch_certificate(anywhere)
    assert "fd00::2" in shown.names
    finding = CertificateCheck().judge(shown, anywhere, own, datetime.now(UTC) + timedelta(hours=1))
    assert finding.verdict is verdict, finding


def test_no_names_are_required_of_a_certificate_of_the_owners(here: Site) -> None:
    own = replace(here, address=ANYWHERE, authority=None)
    finding = CertificateCheck().judge(SHOWN, own, ("10.0.0.1",), BEGINS + timedelta(days=1))
    assert finding.verdict is OK
