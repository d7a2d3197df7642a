"""nginx/certificate.sh: the names, the limits of the CA, and when it makes anything anew."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.install.shell import CERTIFICATE, FILL, RENDER, ROOT, WORDS, run, succeed


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
    tls = tmp_path / "tls"
    strict = run("bash", "-c", f'umask 077; "{CERTIFICATE}" "{tls}" --host kitchen')
    assert strict.returncode == 0, strict.stderr
    modes = {file.name: file.stat().st_mode & 0o777 for file in tls.iterdir()}
    assert modes["ca.key"] == modes["server.key"] == 0o600
    assert modes["ca.crt"] == modes["ca.cer"] == modes["server.crt"] == 0o644
    # The daemon reads by which names it may be asked.
    assert (modes["hosts"], tls.stat().st_mode & 0o777) == (0o644, 0o755)


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
    assert trust.pop("words") == succeed(WORDS, tls / "ca.crt").strip()
    assert trust == {
        "https_port": 443,
        "fingerprint": printed.strip().partition("=")[2],
        "host": "192.168.1.20",
    }
    assert not (tmp_path / "main.conf").exists()
    assert "server unix:/run/x.sock" in (tmp_path / "site.conf").read_text()


@pytest.mark.parametrize(
    ("addresses", "bind", "host"),
    [
        (("100.64.0.7", "192.168.1.20"), "0.0.0.0", "192.168.1.20"),
        (("100.64.0.7", "fd00::2"), "0.0.0.0", "100.64.0.7"),
        # No phone would take the certificate for this one.
        (("203.0.113.9", "fd00::2"), "0.0.0.0", "kitchen.local"),
        (("192.168.1.20",), "127.0.0.1", "localhost"),
    ],
)
def test_the_address_to_open_is_one_that_the_certificate_has(
    tls: Path, tmp_path: Path, addresses: tuple[str, ...], bind: str, host: str
) -> None:
    own = shutil.copytree(tls, tmp_path / "tls")
    make(own, "--host", "kitchen", *(part for one in addresses for part in ("--address", one)))
    places = ("UPSTREAM=unix:/run/x.sock", "PAGE=/p", "LOG=/l", f"ADDRESS={bind}")
    succeed(RENDER, tmp_path / "site", f"TLS={own}", *places)
    assert json.loads((tmp_path / "site" / "trust.json").read_text())["host"] == host


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a$b", "a\\b"])
def test_a_value_cannot_break_out_of_its_quotes(value: str) -> None:
    done = run(FILL, ROOT / "install" / "run.toml", f"RUN={value}")
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_forgotten_key_is_told() -> None:
    done = run(FILL, ROOT / "nginx" / "trust.json", "HTTPS_PORT=1")
    assert done.returncode == 2
    assert "@FINGERPRINT@" in done.stderr


def test_a_host_that_is_left_out_of_the_certificate_may_still_be_asked_for(tmp_path: Path) -> None:
    make(tmp_path, "--host", "kitchen", "--address", "203.0.113.9", "--address", "10.0.0.7")
    hosts = (tmp_path / "hosts").read_text().splitlines()
    assert "IP:203.0.113.9" in hosts
    assert set((tmp_path / "names").read_text().splitlines()) == set(hosts) - {"IP:203.0.113.9"}


def fake(directory: Path, name: str, script: str) -> dict[str, str]:
    """An environment in which the command `name` is that script."""
    place = directory / "bin"
    place.mkdir(exist_ok=True)
    (place / name).write_text(f"#!/bin/bash\n{script}\n")
    (place / name).chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


def test_the_bridges_of_containers_are_not_addresses_of_the_machine(tmp_path: Path) -> None:
    links = {
        "eth0": "192.168.1.20/24",
        "docker0": "172.17.0.1/16",
        "br-7f3a": "172.18.0.1/16",
        "veth12": "10.9.0.1/24",
        "virbr0": "192.168.122.1/24",
        "wlan0": "fd00::5/64",
    }
    lines = "\n".join(
        f"2: {link} {'inet6' if ':' in address else 'inet'} {address} scope global {link}"
        for link, address in links.items()
    )
    environ = fake(tmp_path, "ip", f"cat <<'END'\n{lines}\nEND")
    assert run(CERTIFICATE, tmp_path / "tls", environ=environ).stdout == "made\n"
    names = (tmp_path / "tls" / "names").read_text().splitlines()
    assert [n for n in names if n.startswith("IP:") and n not in ("IP:127.0.0.1", "IP:::1")] == [
        "IP:192.168.1.20",
        "IP:fd00::5",
    ]


@pytest.mark.slow
def test_options_hold_until_the_next_ones(tmp_path: Path) -> None:
    make(tmp_path, "--host", "kitchen", "--address", "10.0.0.7")
    assert make(tmp_path) == "unchanged"
    assert make(tmp_path, "--host", "kitchen", "--address", "10.0.0.8") == "renewed"
    assert make(tmp_path) == "unchanged"
    assert make(tmp_path, "--local") == "renewed"
    assert "IP:10.0.0.8" not in (tmp_path / "names").read_text()


@pytest.mark.slow
def test_a_ca_without_limits_is_made_where_one_is_asked_for(tmp_path: Path) -> None:
    options = ("--host", "kitchen", "--address", "203.0.113.9")
    make(tmp_path, *options)
    before = (tmp_path / "ca.crt").read_bytes()
    assert "Name Constraints: critical" in text_of(tmp_path / "ca.crt")
    assert make(tmp_path, "--no-name-constraints", *options) == "made"
    assert "Name Constraints" not in text_of(tmp_path / "ca.crt")
    assert (tmp_path / "ca.crt").read_bytes() != before
    assert "IP:203.0.113.9" in (tmp_path / "names").read_text()
    assert make(tmp_path) == "unchanged"


@pytest.mark.parametrize("clock", ["0", "1262304000"])
def test_a_clock_from_the_past_makes_no_certificate(tmp_path: Path, clock: str) -> None:
    environ = fake(tmp_path, "date", f'[[ $1 == +%s ]] && echo {clock} || echo "long ago"')
    done = run(CERTIFICATE, tmp_path / "tls", "--host", "kitchen", environ=environ)
    assert done.returncode == 1
    assert "the clock says long ago" in done.stderr
    assert not (tmp_path / "tls" / "ca.crt").exists()


@pytest.mark.slow
def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / ".new-killed"
    left.mkdir()
    (left / "server.key").write_text("half")
    make(tmp_path, "--host", "kitchen")
    assert not left.exists()


@pytest.fixture
def own(tmp_path: Path) -> tuple[str, ...]:
    """The options for a certificate that somebody else has made."""
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    names = "subjectAltName=DNS:voice.example,DNS:*.voice.example,IP:203.0.113.9"
    succeed(*new, "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=x", "-addext", names)
    return ("--tls-cert", str(certificate), "--tls-key", str(key))


def test_a_certificate_of_ones_own_is_linked_to(tmp_path: Path, own: tuple[str, ...]) -> None:
    tls = tmp_path / "tls"
    assert make(tls, *own) == "renewed"
    assert (tls / "server.crt").resolve() == tmp_path / "own.crt"
    assert (tls / "server.key").resolve() == tmp_path / "own.key"
    assert {"DNS:voice.example", "IP:203.0.113.9", "DNS:localhost"} <= set(
        (tls / "hosts").read_text().splitlines()
    )
    assert not (tls / "ca.crt").exists()
    assert make(tls) == "unchanged"
    places = ("UPSTREAM=unix:/run/x.sock", "PAGE=/p", "LOG=/l")
    succeed(RENDER, tmp_path / "site", f"TLS={tls}", *places)
    trust = json.loads((tmp_path / "site" / "trust.json").read_text())
    assert (trust["fingerprint"], trust["host"]) == ("", "voice.example")
    assert not (tmp_path / "site" / "voice-appliance.mobileconfig").exists()


def test_one_of_ones_own_that_no_browser_takes_is_refused(
    tmp_path: Path, own: tuple[str, ...]
) -> None:
    certificate, key = Path(own[1]), own[3]
    again = ("openssl", "req", "-x509", "-key", key, "-out", certificate, "-subj", "/CN=x")
    succeed(*again)
    assert "names no host" in run(CERTIFICATE, tmp_path / "tls", *own).stderr
    certificate.write_text("")
    assert "is no certificate of" in run(CERTIFICATE, tmp_path / "tls", *own).stderr
    assert not (tmp_path / "tls" / "server.crt").exists()


@pytest.mark.parametrize("origin", ["box.lan", "https://a/b", 'https://a"', "https://*", "//a"])
def test_what_is_no_origin_never_becomes_a_pattern(tls: Path, tmp_path: Path, origin: str) -> None:
    places = ("UPSTREAM=unix:/run/x.sock", "PAGE=/p", "LOG=/l", f"TLS={tls}")
    done = run(RENDER, tmp_path, *places, f"ORIGINS=https://box.lan {origin}")
    assert done.returncode != 0
    assert "is no origin" in done.stderr or "no configuration file can hold" in done.stderr
    assert not (tmp_path / "origins.map").exists()


@pytest.mark.slow
def test_a_certificate_renewed_where_it_stands_is_noticed(
    tmp_path: Path, own: tuple[str, ...]
) -> None:
    tls = tmp_path / "tls"
    make(tls, *own)
    again = ("openssl", "req", "-x509", "-key", own[3], "-out", own[1], "-subj", "/CN=x")
    succeed(*again, "-addext", "subjectAltName=DNS:voice.example")
    assert make(tls) == "renewed"
    assert make(tls) == "unchanged"


@pytest.mark.slow
def test_back_from_ones_own_certificate_the_old_ca_is_still_trusted(
    tmp_path: Path, own: tuple[str, ...]
) -> None:
    tls = tmp_path / "tls"
    make(tls, "--host", "kitchen")
    authority = (tls / "ca.crt").read_bytes()
    make(tls, *own)
    assert make(tls, "--host", "kitchen") == "renewed"
    assert (tls / "ca.crt").read_bytes() == authority
    assert not (tls / "server.crt").is_symlink()
    assert verify(tls, tls / "server.crt") == 0
    assert (tmp_path / "own.crt").is_file()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda own: own[1].write_text("no certificate"), "is no certificate of"),
        (lambda own: own[3].write_text("no key"), "is no private key"),
        (lambda own: own[3].unlink(), "there is no file"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused(
    tmp_path: Path,
    own: tuple[str, ...],
    change: Callable[[tuple[Path, ...]], object],
    complaint: str,
) -> None:
    change(tuple(Path(part) for part in own))
    done = run(CERTIFICATE, tmp_path / "tls", *own)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert not (tmp_path / "tls" / "server.crt").exists()


def test_six_words_tell_fingerprints_apart(tls: Path, tmp_path: Path) -> None:
    listed = (ROOT / "nginx" / "words.txt").read_text().split()
    assert len(set(listed)) == len(listed) == 256
    words = succeed(WORDS, tls / "ca.crt").split()
    printed = succeed("openssl", "x509", "-in", tls / "ca.crt", "-noout", "-fingerprint", "-sha256")
    begin = bytes.fromhex(printed.partition("=")[2].strip().replace(":", ""))[:6]
    assert [listed.index(word) for word in words] == list(begin)
    make(tmp_path, "--host", "kitchen")
    assert succeed(WORDS, tmp_path / "ca.crt").split() != words


def test_an_origin_that_is_none_is_refused(tls: Path, tmp_path: Path) -> None:
    places = ("UPSTREAM=unix:/run/x.sock", "PAGE=/p", "LOG=/l", f"TLS={tls}")
    done = run(RENDER, tmp_path, *places, 'ORIGINS=https://a.example" 0; evil')
    assert done.returncode == 2
    assert "is no origin" in done.stderr
