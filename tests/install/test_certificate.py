"""nginx/certificate.sh: the names, the limits of the CA, and when it makes anything anew."""

import json
import re
from pathlib import Path

import pytest

from tests.install.shell import CERTIFICATE, FILL, RENDER, ROOT, run, succeed


def make(directory: Path, *options: str) -> str:
    return succeed(CERTIFICATE, directory, *options).strip()


def text_of(certificate: Path) -> str:
    return succeed("openssl", "x509", "-in", certificate, "-noout", "-text")


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def verify(directory: Path, certificate: Path) -> int:
    return run("openssl", "verify", "-CAfile", directory / "ca.crt", certificate).returncode


def test_a_first_run_makes_a_certificate_for_every_name(tmp_path: Path) -> None:
    assert make(tmp_path, "--host", "kitchen", "--address", "192.168.1.20") == "made"
    text = text_of(tmp_path / "server.crt")
    names = {"localhost", "kitchen", "kitchen.local"}
    addresses = {"127.0.0.1", "0:0:0:0:0:0:0:1", "192.168.1.20"}
    assert set(re.findall(r"DNS:([^,\s]+)", text)) == names
    assert set(re.findall(r"IP Address:([^,\s]+)", text)) == addresses
    assert "TLS Web Server Authentication" in text
    assert "prime256v1" in text
    assert verify(tmp_path, tmp_path / "server.crt") == 0


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    make(tmp_path, "--host", "kitchen")
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes["ca.key"] == modes["server.key"] == 0o600
    assert modes["ca.crt"] == modes["ca.cer"] == modes["server.crt"] == 0o644


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    options = ("--host", "kitchen", "--address", "10.0.0.7")
    make(tmp_path, *options)
    before = contents(tmp_path)
    assert make(tmp_path, *options) == "unchanged"
    assert contents(tmp_path) == before


def test_the_machine_is_asked_for_its_addresses(tmp_path: Path) -> None:
    assert make(tmp_path) == "made"
    assert make(tmp_path) == "unchanged"
    assert "DNS:localhost" in (tmp_path / "names").read_text()


@pytest.mark.parametrize("address", ["192.168.1.21", "fd12:3456::7", "100.100.1.2"])
def test_a_new_address_renews_the_certificate_and_keeps_the_ca(
    tmp_path: Path, address: str
) -> None:
    make(tmp_path, "--host", "kitchen", "--address", "192.168.1.20")
    before = contents(tmp_path)
    assert make(tmp_path, "--host", "kitchen", "--address", address) == "renewed"
    after = contents(tmp_path)
    assert after["ca.crt"] == before["ca.crt"]
    assert after["server.crt"] != before["server.crt"]
    assert f"IP:{address}\n" in (tmp_path / "names").read_text()
    assert verify(tmp_path, tmp_path / "server.crt") == 0


def test_few_days_left_renew_it(tmp_path: Path) -> None:
    make(tmp_path, "--host", "kitchen", "--address", "10.0.0.7")
    _sign(tmp_path, "DNS:kitchen", tmp_path / "server.crt", days="59")
    assert make(tmp_path, "--host", "kitchen", "--address", "10.0.0.7") == "renewed"
    left = ("-checkend", str(390 * 86400))
    succeed("openssl", "x509", "-in", tmp_path / "server.crt", "-noout", *left)


def test_an_interrupted_renewal_is_made_again(tmp_path: Path) -> None:
    make(tmp_path, "--host", "kitchen", "--address", "10.0.0.7")
    (tmp_path / "server.crt").unlink()
    assert make(tmp_path, "--host", "kitchen", "--address", "10.0.0.7") == "renewed"


def test_public_addresses_are_left_out_because_the_ca_may_not_sign_them(tmp_path: Path) -> None:
    done = run(CERTIFICATE, tmp_path, "--host", "kitchen", "--address", "203.0.113.9")
    assert "203.0.113.9 is no address of a home network" in done.stderr
    assert "203.0.113.9" not in (tmp_path / "names").read_text()


def test_a_new_host_name_keeps_the_ca_that_phones_trust(tmp_path: Path) -> None:
    make(tmp_path, "--host", "kitchen", "--address", "10.0.0.7")
    authority = (tmp_path / "ca.crt").read_bytes()
    done = run(CERTIFICATE, tmp_path, "--host", "hall", "--address", "10.0.0.7")
    assert done.stdout.strip() == "renewed"
    assert "https://hall is not covered" in done.stderr
    assert (tmp_path / "ca.crt").read_bytes() == authority
    assert "DNS:hall.local" in (tmp_path / "names").read_text()


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("DNS:kitchen", True),
        ("DNS:radio.lan", True),
        ("IP:172.16.3.4", True),
        ("DNS:bank.example", False),
        ("IP:203.0.113.9", False),
    ],
)
def test_the_ca_can_vouch_for_the_home_only(
    tls: Path, tmp_path: Path, name: str, allowed: bool
) -> None:
    stolen = tmp_path / "stolen.crt"
    _sign(tls, name, stolen, days="30")
    assert (verify(tls, stolen) == 0) is allowed


def _sign(authority: Path, name: str, to: Path, *, days: str) -> None:
    """A certificate for `name`, signed with the CA's key without certificate.sh."""
    key, request = to.with_suffix(".k"), to.with_suffix(".csr")
    extension = to.with_suffix(".ext")
    extension.write_text(f"subjectAltName={name}\n")
    new = ("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    succeed(*new, "-nodes", "-keyout", key, "-subj", "/CN=x", "-out", request)
    sign = ("openssl", "x509", "-req", "-in", request, "-days", days, "-extfile", extension)
    ca = ("-CA", authority / "ca.crt", "-CAkey", authority / "ca.key", "-set_serial", "7")
    succeed(*sign, *ca, "-out", to)
    for file in (key, request, extension):
        file.unlink()


def test_the_trust_page_learns_the_port_and_the_fingerprint(tls: Path, tmp_path: Path) -> None:
    places = ("HTTPS_PORT=443", "HTTP_PORT=80", "UPSTREAM=unix:/run/x.sock", "PAGE=/p", "LOG=/l")
    succeed(RENDER, tmp_path, f"TLS={tls}", *places)
    trust = json.loads((tmp_path / "trust.json").read_text())
    printed = succeed("openssl", "x509", "-in", tls / "ca.crt", "-noout", "-fingerprint", "-sha256")
    assert trust == {"https_port": 443, "fingerprint": printed.strip().partition("=")[2]}
    assert not (tmp_path / "main.conf").exists()
    assert "server unix:/run/x.sock" in (tmp_path / "site.conf").read_text()


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a$b", "a\\b"])
def test_a_value_cannot_break_out_of_its_quotes(value: str) -> None:
    done = run(FILL, ROOT / "profiles" / "run.toml", f"RUN={value}")
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_forgotten_key_is_told() -> None:
    done = run(FILL, ROOT / "nginx" / "trust.json", "HTTPS_PORT=1")
    assert done.returncode == 2
    assert "@FINGERPRINT@" in done.stderr
