"""nginx/authority.sh: the CA that phones trust outlives clocks that are wrong."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.install.shell import CERTIFICATE, run, succeed
from tests.install.test_certificate import fake, make, verify

pytestmark = pytest.mark.slow

OPTIONS = ("--host", "kitchen", "--address", "10.0.0.7")
NOW = datetime.now(UTC)
# As a board without a battery for its clock may have it.
GARBAGE = datetime(2099, 1, 1, tzinfo=UTC)
YEARS = timedelta(days=3650)


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A certificate of a local CA, both made today."""
    directory = tmp_path / "tls"
    make(directory, *OPTIONS)
    return directory


def redate(tls: Path, begins: datetime, ends: datetime, name: str = "ca") -> None:
    """The same certificate, as if it had been made at another time."""
    file = tls / f"{name}.crt"
    before = x509.load_pem_x509_certificate(file.read_bytes())
    key = serialization.load_pem_private_key((tls / "ca.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    new = x509.CertificateBuilder(
        before.issuer, before.subject, before.public_key(), before.serial_number, begins, ends
    )
    for extension in before.extensions:
        new = new.add_extension(extension.value, extension.critical)
    file.write_bytes(new.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    if name == "ca":
        succeed("openssl", "x509", "-in", file, "-outform", "DER", "-out", tls / "ca.cer")


def look(tls: Path, synchronised: str | None, *options: str) -> subprocess.CompletedProcess[str]:
    """A run where the time service says that; None: there is no such service."""
    script = "exit 1" if synchronised is None else f"echo {synchronised}"
    return run(CERTIFICATE, tls, *options, environ=fake(tls.parent, "timedatectl", script))


def authority(tls: Path) -> bytes:
    return (tls / "ca.crt").read_bytes()


def is_shown(tls: Path) -> bool:
    """Whether what nginx shows is of the CA, and valid now."""
    return verify(tls, tls / "server.crt") == 0


def replace_by_age(tls: Path) -> bytes:
    """Has the CA replaced as a clock in another century would; the one before, as it was."""
    redate(tls, NOW - 2 * YEARS, NOW - YEARS)
    assert look(tls, "yes").stdout == "made\n"
    redate(tls / "ca.old", NOW - timedelta(days=1), NOW + YEARS)
    return authority(tls / "ca.old")


def test_of_an_unconfirmed_clock_the_ca_is_not_too_old(tls: Path) -> None:
    redate(tls, NOW - 2 * YEARS, NOW - YEARS)
    before = {name: (tls / name).read_bytes() for name in ("ca.crt", "ca.key", "server.crt")}
    done = look(tls, "no")
    assert done.returncode == 1
    assert "by a clock that no time server confirms; set it (timedatectl)" in done.stderr
    assert "--new-authority" in done.stderr
    assert {name: (tls / name).read_bytes() for name in before} == before
    assert not (tls / "ca.old").exists()


@pytest.mark.parametrize("synchronised", ["yes", None])
def test_a_ca_that_has_run_out_is_replaced_and_kept(tls: Path, synchronised: str | None) -> None:
    redate(tls, NOW - 2 * YEARS, NOW - YEARS)
    old = authority(tls)
    assert look(tls, synchronised).stdout == "made\n"
    assert authority(tls) != old
    assert (tls / "ca.old" / "ca.crt").read_bytes() == old
    assert (tls / "ca.old" / "ca.key").stat().st_mode & 0o777 == 0o600
    assert is_shown(tls)
    assert look(tls, synchronised).stdout == "unchanged\n"


def test_in_its_last_weeks_a_ca_still_signs_where_nobody_knows_the_time(tls: Path) -> None:
    redate(tls, NOW - YEARS, NOW + timedelta(days=30))
    before = authority(tls)
    done = look(tls, "no", "--host", "kitchen", "--address", "10.0.0.8")
    assert done.stdout == "renewed\n"
    assert "--new-authority makes another" in done.stderr
    assert authority(tls) == before
    assert is_shown(tls)
    assert look(tls, "yes").stdout == "made\n"
    assert authority(tls) != before


def test_the_ca_before_is_back_when_the_clock_is_right_again(tls: Path) -> None:
    trusted = replace_by_age(tls)
    assert authority(tls) != trusted
    redate(tls, GARBAGE, GARBAGE + YEARS)
    redate(tls, GARBAGE, GARBAGE + timedelta(days=397), "server")
    done = look(tls, "no")
    assert done.stdout == "made\n"
    assert "is back" in done.stderr
    assert authority(tls) == trusted
    assert is_shown(tls)
    assert look(tls, "no").stdout == "unchanged\n"


def test_a_ca_from_the_future_is_replaced_when_the_clock_is_right(tls: Path) -> None:
    redate(tls, GARBAGE, GARBAGE + YEARS)
    before = authority(tls)
    done = look(tls, "no")
    assert done.returncode == 1
    assert "is valid from 2099-01-01, and today is" in done.stderr
    assert authority(tls) == before
    assert look(tls, "yes").stdout == "made\n"
    assert authority(tls) != before
    assert is_shown(tls)


def test_a_clock_that_was_a_little_ahead_costs_no_trust(tls: Path) -> None:
    redate(tls, NOW + timedelta(minutes=20), NOW + YEARS)
    before = authority(tls)
    assert look(tls, "yes", "--host", "kitchen", "--address", "10.0.0.8").stdout == "renewed\n"
    assert authority(tls) == before


def test_a_certificate_from_the_future_is_made_anew(tls: Path) -> None:
    before = authority(tls)
    redate(tls, NOW + timedelta(days=700), NOW + timedelta(days=1097), "server")
    assert look(tls, "no").stdout == "renewed\n"
    assert authority(tls) == before
    assert is_shown(tls)


@pytest.mark.parametrize("damaged", ["ca.crt", "ca.key"])
def test_a_ca_that_is_not_whole_gives_way_to_the_one_before(tls: Path, damaged: str) -> None:
    trusted = replace_by_age(tls)
    (tls / damaged).write_text("")
    assert look(tls, None).stdout == "made\n"
    assert authority(tls) == trusted
    assert is_shown(tls)


def test_a_new_ca_is_made_once_for_each_time_it_is_asked_for(tls: Path) -> None:
    first = replace_by_age(tls)
    assert look(tls, "no", "--new-authority").stdout == "made\n"
    second = authority(tls)
    assert second != first
    # Those before never come back: their keys may be why another was asked for.
    assert not (tls / "ca.old").exists()
    # What was told before still holds, and this is not kept with it.
    assert (tls / "options").read_text().splitlines() == list(OPTIONS)
    assert look(tls, "no").stdout == "unchanged\n"
    assert authority(tls) == second


def test_beside_a_certificate_of_ones_own_there_is_no_ca_to_replace(tmp_path: Path) -> None:
    (tmp_path / "own").touch()
    own = ("--tls-cert", str(tmp_path / "own"), "--tls-key", str(tmp_path / "own"))
    done = run(CERTIFICATE, tmp_path / "tls", *own, "--new-authority")
    assert done.returncode == 1
    assert "--new-authority is for a local CA" in done.stderr


def dated(directory: Path, seconds: float) -> Path:
    """A copy of the program whose file has that date."""
    succeed("cp", "-R", CERTIFICATE.parent, directory)
    os.utime(directory / "certificate.sh", (seconds, seconds))
    return directory / "certificate.sh"


@pytest.mark.parametrize(
    ("synchronised", "says"),
    [
        ("no", "If it is right, a clock that was ahead has dated this program: touch "),
        ("yes", None),
    ],
)
def test_a_program_from_the_future_is_told_from_a_clock_of_the_past(
    tmp_path: Path, synchronised: str, says: str | None
) -> None:
    program = dated(tmp_path / "nginx", GARBAGE.timestamp())
    environ = fake(tmp_path, "timedatectl", f"echo {synchronised}")
    done = run(program, tmp_path / "tls", *OPTIONS, environ=environ)
    assert (done.returncode, done.stdout) == ((0, "made\n") if says is None else (1, ""))
    assert says is None or f"{says}{program}" in done.stderr


def test_one_of_ones_own_that_has_run_out_is_refused(tls: Path, tmp_path: Path) -> None:
    redate(tls, NOW - timedelta(days=397), NOW - timedelta(days=1), "server")
    own = ("--tls-cert", tls / "server.crt", "--tls-key", tls / "server.key")
    assert "has expired" in run(CERTIFICATE, tmp_path / "other", *own).stderr
    assert not (tmp_path / "other" / "server.crt").exists()
