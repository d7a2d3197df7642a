"""install.sh --offline: a bundle is what its manifest says, or nothing of it is used."""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.install.device import Device
from tests.install.shell import INSTALL, ROOT, run, succeed

SEAL = 'source "$1"; sign_key=""; seal_bundle "$2"'
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"


def shell(installer: Path, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run("bash", "-c", f'source "$1"\n{script}', "the test", installer, *arguments)


def seal(tree: Path) -> None:
    succeed("bash", "-c", SEAL, "the test", INSTALL, tree)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small one, as `install.sh bundle` seals it, with a link as every Python has one."""
    tree = tmp_path / "bundle"
    for part in ("appliance", "python/bin", "systemd/voice-appliance.service.d", "wheels"):
        (tree / part).mkdir(parents=True)
    (tree / "BUNDLE").write_text(f"{platform.machine()} {TAG}\n")
    (tree / "appliance/app.py").write_text("print()\n")
    (tree / "python/bin/python3.12").write_text("#!/bin/sh\n")
    (tree / "python/bin/python3").symlink_to("python3.12")
    seal(tree)
    return tree


def verified(tree: Path) -> str:
    """What is said against it; empty where nothing is."""
    done = shell(INSTALL, 'verify_bundle "$2"', tree)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def test_one_as_it_was_made_is_taken(bundle: Path) -> None:
    assert verified(bundle) == ""
    os.link(bundle / "appliance/app.py", bundle / "wheels/the-same")
    (bundle / "MANIFEST.sha256").unlink()
    seal(bundle)
    assert verified(bundle) == ""


def add(name: str) -> Callable[[Path], None]:
    def tamper(tree: Path) -> None:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("evil\n")

    return tamper


def instead_of_another(tree: Path) -> None:
    """A file more, and a line twice, so that the numbers agree."""
    manifest = tree / "MANIFEST.sha256"
    line = manifest.read_text().splitlines(keepends=True)[0]
    manifest.write_text(manifest.read_text() + line)
    add("appliance/more.py")(tree)


def link_to_the_same(tree: Path) -> None:
    (tree / "appliance/app.py").rename(tree.parent / "app.py")
    (tree / "appliance/app.py").symlink_to(tree.parent / "app.py")


def link_elsewhere(tree: Path) -> None:
    (tree / "python/bin/python3").unlink()
    (tree / "python/bin/python3").symlink_to("/bin/true")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (add("systemd/voice-appliance.service.d/MANIFEST.sha256.conf"), "does not know: ./systemd"),
        (add("wheels/MANIFEST.sha256-1.0-py3-none-any.whl"), "does not know: ./wheels"),
        (add("MANIFEST.sha256.new"), "does not know: ./MANIFEST.sha256.new"),
        (add("MANIFEST.sha256.sig/evil.py"), "does not know: ./MANIFEST.sha256.sig/"),
        (add("appliance/__pycache__/app.cpython-312.pyc"), "does not know: ./appliance/"),
        (instead_of_another, "the bundle is damaged; it lacks: ./BUNDLE"),
        (lambda tree: (tree / "appliance/app.py").unlink(), "it lacks: ./appliance/app.py"),
        (lambda tree: (tree / "BUNDLE").write_text("m68k cp312\n"), "./BUNDLE: FAILED"),
        (lambda tree: (tree / "wheels/x").symlink_to("/etc"), "links that its manifest does not"),
        (link_elsewhere, "links that its manifest does not know"),
        (link_to_the_same, "it lacks: ./appliance/app.py"),
        (lambda tree: os.mkfifo(tree / "MANIFEST.sha256.sig"), "belongs in none"),
        (lambda tree: (tree / "appliance/app.py").chmod(0o4755), "belongs in none"),
        (add("wheels/two\nlines"), "belongs in none"),
        (add("wheels/back\\slash"), "belongs in none"),
        (lambda tree: (tree / "wheels/x").symlink_to("a\n./wheels/y -> b"), "belongs in none"),
    ],
)
def test_anything_else_is_refused(bundle: Path, tamper: Callable[[Path], None], said: str) -> None:
    tamper(bundle)
    assert said in verified(bundle)


# ── From an archive ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Its install.sh, which takes `tmp_path`/opt for where everything is kept."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "install", root / "install")
    shutil.copy(INSTALL, root / "install.sh")
    device = root / "install/device.sh"
    told = device.read_text()
    assert "PREFIX=/opt/voice-appliance " in told
    device.write_text(told.replace("PREFIX=/opt/voice-appliance ", f"PREFIX={tmp_path}/opt "))
    return root / "install.sh"


def packed(tree: Path) -> Path:
    archive = tree.with_suffix(".tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(tree, "voice-appliance-1.0.0")
    return archive


ENTER = 'bundle=$2 given_bundle=$2 arguments=(install --offline "$2"); enter_bundle'


def test_its_installer_takes_over_from_where_only_root_can_look(
    bundle: Path, checkout: Path, tmp_path: Path
) -> None:
    # Rights that the archive chose; the program that takes over tells which are left.
    (bundle / "install.sh").write_text(
        '#!/bin/sh\necho "$@"; cd "${0%/*}" && stat -c "%a %n" . BUNDLE wheels\n'
    )
    seal(bundle)
    (bundle / "install.sh").chmod(0o755)
    (bundle / "BUNDLE").chmod(0o4777)
    (bundle / "wheels").chmod(0o2777)
    done = shell(checkout, ENTER, packed(bundle))
    assert done.returncode == 0, done.stderr
    told, *rights = done.stdout.splitlines()
    assert told == f"install --offline {tmp_path}/opt/incoming"
    assert rights == ["700 .", "755 BUNDLE", "755 wheels"]


@pytest.mark.parametrize("kind", ["damaged", "no archive", "for another machine", "no program"])
def test_nothing_is_left_of_one_that_is_refused(
    bundle: Path, checkout: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "damaged":
        add("appliance/more.py")(bundle)
    elif kind == "for another machine":
        (bundle / "BUNDLE").write_text("m68k cp312\n")
        seal(bundle)
    archive = packed(bundle)
    if kind == "no archive":
        archive.write_text("no archive")
    done = shell(checkout, ENTER, archive)
    assert done.returncode == 1
    assert not (tmp_path / "opt").exists()


def test_nothing_is_left_where_its_own_installer_fails(
    bundle: Path, checkout: Path, tmp_path: Path
) -> None:
    incoming = tmp_path / "opt/incoming"
    incoming.parent.mkdir()
    shutil.copytree(checkout.parent, bundle, dirs_exist_ok=True)
    (bundle / "MANIFEST.sha256").unlink()
    seal(bundle)
    shutil.copytree(bundle, incoming, symlinks=True)
    done = shell(incoming / "install.sh", f"{ENTER}; echo mine; fault full; die full", incoming)
    assert done.stdout == "mine\n"
    assert "full" in done.stderr
    assert not incoming.exists()


def test_a_bundle_that_was_given_unpacked_stays(bundle: Path, checkout: Path) -> None:
    add("appliance/more.py")(bundle)
    assert shell(checkout, ENTER, bundle).returncode == 1
    assert (bundle / "BUNDLE").exists()


def test_one_that_has_no_room_is_not_unpacked(bundle: Path, checkout: Path, tmp_path: Path) -> None:
    done = shell(checkout, f"free_mb() {{ echo 99; }}; {ENTER}", packed(bundle))
    assert done.returncode == 1
    assert "100 MB of free disk space are needed" in done.stderr
    assert "unpack it elsewhere" in done.stderr
    assert not (tmp_path / "opt").exists()


# ── Signed ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def key(tmp_path: Path) -> Path:
    succeed("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    return tmp_path / "key"


def sign(bundle: Path, key: Path, namespace: str = "voice-appliance") -> None:
    manifest = bundle / "MANIFEST.sha256"
    manifest.with_name("MANIFEST.sha256.sig").unlink(missing_ok=True)
    succeed("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace, manifest)


def allow(device: Device, key: Path, who: str = "voice-appliance") -> None:
    public = key.with_suffix(".pub").read_text()
    (device.configuration / "release.signers").write_text(f"{who} {public}")


def refused(device: Device, bundle: Path) -> str:
    done = device.tries(f'verify_bundle "{bundle}"')
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def test_where_the_owner_says_who_signs_nothing_else_is_taken(
    device: Device, bundle: Path, key: Path
) -> None:
    assert refused(device, bundle) == ""
    allow(device, key)
    assert "not signed" in refused(device, bundle)
    sign(bundle, key)
    assert refused(device, bundle) == ""
    # Another list of files, and the signature of the one before.
    signature = (bundle / "MANIFEST.sha256.sig").read_bytes()
    add("appliance/more.py")(bundle)
    (bundle / "MANIFEST.sha256").unlink()
    (bundle / "MANIFEST.sha256.sig").unlink()
    seal(bundle)
    (bundle / "MANIFEST.sha256.sig").write_bytes(signature)
    assert "not one that" in refused(device, bundle)
    (bundle / "MANIFEST.sha256.sig").write_text("")
    assert "not one that" in refused(device, bundle)


def test_a_signature_by_or_for_somebody_else_is_none(
    device: Device, bundle: Path, key: Path, tmp_path: Path
) -> None:
    succeed("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other")
    allow(device, key)
    sign(bundle, tmp_path / "other")
    assert "not one that" in refused(device, bundle)
    # With the right key, but for another purpose: of git, say.
    sign(bundle, key, "git")
    assert "not one that" in refused(device, bundle)
    allow(device, key, "somebody")
    sign(bundle, key)
    assert "not one that" in refused(device, bundle)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (f"m68k {TAG}", "the bundle is for m68k"),
        (f"{platform.machine()} cp399", "holds wheels for Python cp399"),
    ],
)
def test_one_for_another_machine_is_not_entered(
    device: Device, bundle: Path, kind: str, said: str
) -> None:
    shutil.rmtree(bundle / "python")
    (bundle / "BUNDLE").write_text(f"{kind}\n")
    done = device.tries(f'fits_machine "{bundle}"; echo taken')
    assert said in done.stderr
    assert done.stdout == ""
