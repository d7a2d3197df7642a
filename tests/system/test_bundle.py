"""A bundle with everything in it, for a machine that has little: no Python, no certificate."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system import installing
from tests.system.conftest import Boot
from tests.system.installing import (
    INSTALLER,
    PREFIX,
    answers,
    changes,
    files,
    install,
    run,
)
from tests.system.machine import Machine

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)

MODEL = b"not much of a model"
MODELS = "/var/lib/voice-appliance/models"
BROUGHT = "python/cpython-3.99-brought/bin"
TLS = ("--tls-cert", "/etc/ssl/own.crt", "--tls-key", "/etc/ssl/own.key")


@pytest.fixture
def full(bundle: Path, debian: Path, tmp_path: Path) -> Path:
    """The directory of an archive made of `bundle`, with models, wheels and a Python."""
    tree = tmp_path / "voice-appliance-full"
    subprocess.run(["cp", "-a", "--reflink=auto", str(bundle), str(tree)], check=True, timeout=120)
    blob = tree / "models/store/.store/blobs/sha256" / hashlib.sha256(MODEL).hexdigest()
    blob.parent.mkdir(parents=True)
    blob.write_bytes(MODEL)
    (tree / "models/store/mine").mkdir()
    os.link(blob, tree / "models/store/mine/model.bin")
    # No code for any GPU is in these; that is found out after they have been installed.
    wheels = tree / "gpu-wheels"
    wheels.mkdir()
    for name in ("ctranslate2", "onnxruntime"):
        (wheel,) = (tree / "wheels").glob(f"{name}-*.whl")
        shutil.copy(wheel, wheels)
    sums = (f"{hashlib.sha256(w.read_bytes()).hexdigest()}  {w.name}\n" for w in wheels.iterdir())
    (wheels / "SHA256SUMS").write_text("".join(sums))
    # It finds its library where it was built to be.
    (tree / BROUGHT).mkdir(parents=True)
    interpreter = (debian / "usr/bin/python3").resolve()
    shutil.copy(interpreter, tree / BROUGHT / interpreter.name)
    (tree / BROUGHT / "python3").symlink_to(interpreter.name)
    installing.reseal(tree)
    archives = tmp_path / "archives"
    archives.mkdir()
    packed = ["tar", "-C", str(tmp_path), "-cf", str(archives / "full.tar"), tree.name]
    subprocess.run(packed, check=True, timeout=120)
    return archives


def own_certificate(machine: Machine) -> None:
    names = "subjectAltName=DNS:kitchen.example,IP:127.0.0.1"
    machine.shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        f" -subj /CN=kitchen.example -addext {names} -keyout /etc/ssl/own.key -out /etc/ssl/own.crt"
    )


def test_it_brings_what_the_machine_has_not(boot: Boot, bundle: Path, full: Path) -> None:
    lent = [(bundle, installing.BUNDLE), (full, "/srv/full")]
    with boot(lent, installing.prepare) as machine:
        own_certificate(machine)
        machine.shell("rm $(readlink -f /usr/bin/python3)")
        from_archive = (INSTALLER, "--offline", "/srv/full/full.tar", "--yes", *TLS)
        said = run(machine, *from_archive)
        assert answers(machine)
        python = machine.run("readlink", "-f", f"{PREFIX}/current/venv/bin/python").stdout
        assert python.startswith(f"{PREFIX}/{BROUGHT}/")
        # It is root's, whoever has made the bundle; and the daemon's bytecode is there already.
        assert machine.run("find", f"{PREFIX}/python", "!", "-uid", "0").stdout == ""
        machine.shell(
            f"ls {PREFIX}/current/venv/lib/*/site-packages/appliance/app/__pycache__/daemon.*.pyc"
        )
        # The wheels were tried, and given up for those of the processor.
        assert "the GPU does not answer" in said
        stack = machine.path(f"{PREFIX}/current/venv/.gpu").read_text()
        assert stack.startswith("processor ")
        assert "--retry-gpu" in stack
        # They are kept for runs that are not given any.
        kept = machine.run("ls", f"{PREFIX}/gpu-wheels").stdout.split()
        assert len([name for name in kept if name.endswith(".whl")]) == 2
        # Models come with their two names, and belong to the daemon.
        (blob,) = machine.path(f"{MODELS}/.store/blobs/sha256").iterdir()
        model = machine.path(f"{MODELS}/mine/model.bin")
        assert model.read_bytes() == MODEL
        assert model.samefile(blob)
        assert machine.run("stat", "-c", "%U", f"{MODELS}/mine/model.bin").stdout == (
            "voice-appliance\n"
        )
        asked = ("curl", "-sS", "--max-time", "20")
        by_name = ("--resolve", "kitchen.example:443:127.0.0.1", "--cacert", "/etc/ssl/own.crt")
        assert "ok" in machine.run(*asked, *by_name, "https://kitchen.example/health").stdout
        assert "Nothing was changed" in run(machine, *from_archive)
        assert not machine.path(f"{PREFIX}/incoming").exists()
        # Unpacked, it may be used as often as one likes: nothing is written into it.
        machine.run("tar", "-C", "/root", "-xf", "/srv/full/full.tar")
        unpacked = "/root/voice-appliance-full"
        for _ in range(2):
            said = run(machine, f"{unpacked}/install.sh", "--offline", unpacked, "--yes")
            assert "Nothing was changed" in said


def test_a_machine_with_too_little_is_told_before_anything_is_changed(
    bare: Machine,
) -> None:
    bare.shell("dpkg --purge --force-depends libgomp1")
    before = files(bare)
    for more in (("--dry-run",), ()):
        said = install(bare, *more, check=False)
        assert "Debian packages are missing, and --offline fetches nothing: libgomp1" in said
        assert changes(before, files(bare)) == []
