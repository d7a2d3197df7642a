"""What the installer looks at before it changes anything: room, and a certificate of one's own."""

import os
from pathlib import Path

import pytest

from tests.install.device import Device
from tests.install.shell import CERTIFICATE, succeed

MB = 1024 * 1024
CHECK = "faults=(); check_disk; printf '%s\\n' \"${faults[@]}\""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The models of a bundle: one file with two names, and another."""
    store = tmp_path / "bundle" / "models" / "store"
    (store / "kokoro").mkdir(parents=True)
    for name, size in (("one", 900 * MB), ("kokoro/two", 50 * MB + 1)):
        with (store / name).open("wb") as file:
            file.truncate(size)  # a hole: nothing is written
    os.link(store / "one", store / "kokoro" / "one")
    return store


def check(device: Device, free: int, disk: str, more: str = ":") -> str:
    stands_for = (
        f"free_mb() {{ echo {free}; }}; disk_of() {{ {disk}; }}; bundle={device.root.parent}/bundle"
    )
    return device.does(f"{stands_for}; {more}; {CHECK}").strip()


@pytest.mark.parametrize(("free", "enough"), [(2751, True), (2750, False)])
def test_a_release_and_its_models_need_room(
    device: Device, store: Path, free: int, enough: bool
) -> None:
    told = check(device, free, "echo 1")
    needed = f"2751 MB of free disk space are needed below {device.prefix}; there are {free}"
    assert told == ("" if enough else needed)


@pytest.mark.parametrize(("free", "enough"), [(1051, True), (1050, False)])
def test_on_a_disk_of_their_own_models_need_it_there(
    device: Device, store: Path, free: int, enough: bool
) -> None:
    own = f"free_mb() {{ [[ $1 == {device.state}/* ]] && echo {free} || echo 1800; }}"
    told = check(device, 0, 'echo "$1"', own)
    place = device.state / "models"
    needed = f"1051 MB of free disk space are needed below {place}; there are {free}"
    assert told == ("" if enough else needed)


def test_models_that_are_here_need_none(device: Device, store: Path) -> None:
    (device.state / "models" / "kokoro").mkdir(parents=True)
    for name in ("one", "kokoro/one", "kokoro/two"):
        os.link(store / name, device.state / "models" / name)
    assert check(device, 1800, 'echo "$1"') == ""
    (device.state / "models" / "kokoro" / "two").unlink()
    (device.state / "models" / "kokoro" / "two").write_text("half")
    assert check(device, 1850, "echo 1").startswith("1851 MB")


def test_without_a_bundle_the_release_alone_counts(device: Device) -> None:
    assert check(device, 1800, 'echo "$1"', "bundle=") == ""
    assert check(device, 199, 'echo "$1"', "bundle=; release_is_complete() { :; }").startswith(
        "200 MB"
    )


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("server.crt", "server.key", ""),
        ("server.crt", "ca.key", "is not the key of"),
        ("server.key", "server.key", "is no certificate"),
        ("server.crt", "server.crt", "is no private key"),
        ("none.crt", "server.key", "is no certificate"),
        ("server.crt", "", "go together"),
    ],
)
def test_a_certificate_and_its_key_go_together(
    device: Device, tmp_path: Path, cert: str, key: str, said: str
) -> None:
    place = tmp_path / "tls"
    succeed(CERTIFICATE, place, "--host", "kitchen", "--address", "10.0.0.7")
    given = f"tls_cert={place / cert} tls_key={place / key if key else ''}"
    script = "faults=(); check_certificate_files; printf '%s\\n' \"${faults[@]}\""
    told = [line for line in device.does(f"{given}; {script}").splitlines() if line]
    # That nginx may not read below /tmp, where tests are, is another matter.
    told = [line for line in told if "nginx cannot read" not in line]
    assert len(told) == (1 if said else 0)
    assert all(said in line for line in told)
