"""install.sh bundle: what goes into one, before a machine sees it."""

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.install.shell import INSTALL, ROOT, run, succeed
from tests.models.server import Hub, serving

FILES = {
    f"/acme/{name}/r1/{file}": f"{file} of {name}".encode() * 1000
    for name in ("one", "two")
    for file in ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")
}
MODEL = """
[[model]]
name = "{name}"
engine = "whisper"
source = "hub"
repository = "acme/{name}"
revision = "r1"
licence = "MIT"
files = [{files}]
"""


def manifest(hub: Hub, files: Mapping[str, bytes]) -> str:
    text = f'[sources]\nhub = "{hub.base}/{{repository}}/{{revision}}/{{file}}"\n'
    for name in ("one", "two"):
        known = (
            f'{{ path = "{path.rpartition("/")[2]}", bytes = {len(content)},'
            f' sha256 = "{hashlib.sha256(content).hexdigest()}" }}'
            for path, content in files.items()
            if f"/{name}/" in path
        )
        text += MODEL.format(name=name, files=", ".join(known))
    return text


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One whose environment is that of the tests, with models of its own."""
    root = tmp_path / "checkout"
    for part in ("install", "nginx"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(INSTALL, root / "install.sh")
    program = root / ".venv/bin/appliance"
    program.parent.mkdir(parents=True)
    models = f"{sys.executable} -m appliance models --manifest {tmp_path}/list"
    program.write_text(f'#!/bin/sh\nshift\nexec {models} "$@"\n')
    program.chmod(0o755)
    return root


async def bundled(checkout: Path, tree: Path, names: str) -> Path:
    """Where the models of that name were put below `tree`."""
    (tree / "models").mkdir(parents=True)
    script = 'source "$1"; ensure_venv() { :; }; bundle_models "$2" "$3"'
    arguments = ("bash", "-c", script, "the test", checkout / "install.sh", tree, names)
    await asyncio.to_thread(succeed, *arguments)
    return tree / "models/store"


async def test_the_models_asked_for_are_in_it_and_once(checkout: Path, tmp_path: Path) -> None:
    async with serving(dict(FILES)) as hub:
        (tmp_path / "list").write_text(manifest(hub, FILES))
        store = await bundled(checkout, tmp_path / "first", "one two")
        assert (store / "two/model.bin").read_bytes() == FILES["/acme/two/r1/model.bin"]
        # A name for the engine and one for the hash, and no further copy.
        assert (store / "two/model.bin").stat().st_nlink == 2
        fetched = len(hub.requests)
        assert await bundled(checkout, tmp_path / "again", "one two")
        assert len(hub.requests) == fetched
        store = await bundled(checkout, tmp_path / "second", "one")
    assert (store / "one/model.bin").exists()
    assert not (store / "two").exists()
    blobs = list((store / ".store/blobs/sha256").iterdir())
    assert len(blobs) == 4


def test_wheels_without_hashes_are_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "ctranslate2-1-cp312-cp312-linux_aarch64.whl").write_bytes(b"wheel")
    done = run(INSTALL, "bundle", "--wheels", tmp_path, "--output", tmp_path / "bundle.tar")
    assert done.returncode == 1
    assert "needs a SHA256SUMS that is right" in done.stderr
    (tmp_path / "SHA256SUMS").write_text(
        f"{'0' * 64}  ctranslate2-1-cp312-cp312-linux_aarch64.whl\n"
    )
    done = run(INSTALL, "bundle", "--wheels", tmp_path, "--output", tmp_path / "bundle.tar")
    assert "needs a SHA256SUMS that is right" in done.stderr


def test_one_with_a_python_is_one_that_can_be_opened(tmp_path: Path) -> None:
    """Whatever ran with it before has left bytecode in there."""
    checkout = tmp_path / "checkout"
    for part in (
        *("docs", "install", "jetson", "nginx", "profiles", "systemd", "requirements", "models"),
    ):
        shutil.copytree(ROOT / part, checkout / part)
    for file in ("install.sh", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, checkout / file)
    (checkout / "appliance").mkdir()
    (checkout / "web/dist").mkdir(parents=True)
    python = tmp_path / "cpython-3.12.9/bin/python3.12"
    (python.parent / "__pycache__").mkdir(parents=True)
    (python.parent / "__pycache__/this.cpython-312.pyc").touch()
    python.symlink_to(sys.executable)
    python.with_name("python3").symlink_to("python3.12")
    tree = tmp_path / "tree"
    (tree / "web").mkdir(parents=True)
    (tree / "models").mkdir()
    (tmp_path / "wheels").mkdir()
    script = (
        'source "$1"; work=$2 python=$3 with_python=yes sign_key="" wanted_models="" board=none'
        '; lay_out_bundle "$2/tree"; seal_bundle "$2/tree"; verify_bundle "$2/tree"'
    )
    succeed("bash", "-c", script, "the test", checkout / "install.sh", tmp_path, python)
    links = (tree / "LINKS").read_text().splitlines()
    assert "./python/cpython-3.12.9/bin/python3 -> python3.12" in links
    assert not list(tree.rglob("__pycache__"))


def test_a_bundle_wants_the_python_that_its_wheels_are_for() -> None:
    def found(tag: str) -> int:
        script = 'source "$1"; python_wanted=$2; find_device_python'
        return run("bash", "-c", script, "the test", INSTALL, tag).returncode

    assert found("cp399") != 0
