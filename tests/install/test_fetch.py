"""What install.sh fetches by itself: over https, and what a bundle has of it for the GPU."""

import asyncio
import hashlib
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.install.shell import INSTALL, ROOT, run, succeed

FETCH = ROOT / "install" / "fetch.py"
WHEELS = {
    name: name.encode() * 1000
    for name in (
        "ctranslate2-4.8.1+here-cp312-cp312-linux_aarch64.whl",
        "onnxruntime_gpu-1.28.0+here-cp312-cp312-linux_aarch64.whl",
    )
}


@asynccontextmanager
async def shop(tls: Path) -> AsyncIterator[tuple[str, list[str]]]:
    """A server with the wheels over https; its address, and what it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/astray":
            raise web.HTTPFound("http://localhost:1/x")
        return web.Response(body=WHEELS[request.path.removeprefix("/")])

    app = web.Application()
    app.router.add_get("/{file:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls / "server.crt", tls / "server.key")
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def told(
    tls: Path, *command: str | Path, trusted: bool = True
) -> subprocess.CompletedProcess[str]:
    """`run` beside the server, by somebody who trusts it, or by one who does not."""
    authorities = str(tls / "ca.crt") if trusted else "/dev/null"
    return await asyncio.to_thread(run, *command, environ={"SSL_CERT_FILE": authorities})


async def test_only_https_is_spoken_and_only_with_whom_is_trusted(
    tls: Path, tmp_path: Path
) -> None:
    name, content = next(iter(WHEELS.items()))
    file = tmp_path / "x"
    async with shop(tls) as (base, _):
        assert (await told(tls, sys.executable, FETCH, f"{base}/{name}", file)).returncode == 0
        assert file.read_bytes() == content
        done = await told(tls, sys.executable, FETCH, f"{base}/{name}", file, trusted=False)
        assert done.returncode == 1
        assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
        done = await told(tls, sys.executable, FETCH, f"{base}/astray", file)
        assert done.returncode == 1
        assert "http://localhost:1/x" in done.stderr
        assert "no https address" in done.stderr


# ── For the GPU ──────────────────────────────────────────────────────────────────────────────


def chosen(base: str, content: dict[str, bytes]) -> str:
    """What gpu.py says on a board that has a stack."""
    lines = (
        f"wheel {hashlib.sha256(body).hexdigest()} {base}/{name}" for name, body in content.items()
    )
    return "\n".join(("gpu a-stack", *lines))


async def bundled(
    tls: Path, checkout: Path, tree: Path, choice: str
) -> subprocess.CompletedProcess[str]:
    script = (
        'source "$1"; choice=$4; choose_gpu() { gpu_choice=$choice; }'
        '; board=gpu python=$3; bundle_gpu_wheels "$2"'
    )
    tree.mkdir(exist_ok=True)
    arguments = (checkout / "install.sh", tree, sys.executable, choice)
    return await told(tls, "bash", "-c", script, "the test", *arguments)


async def test_a_bundle_has_the_wheels_of_the_board_it_is_made_on(
    tls: Path, tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "install", checkout / "install")
    shutil.copy(INSTALL, checkout / "install.sh")
    async with shop(tls) as (base, asked):
        choice = chosen(base, WHEELS)
        done = await bundled(tls, checkout, tmp_path / "first", choice)
        assert done.returncode == 0, done.stderr
        wheels = tmp_path / "first/gpu-wheels"
        assert {file.name for file in wheels.glob("*.whl")} == set(WHEELS)
        succeed("bash", "-c", 'cd "$1" && sha256sum --strict --check SHA256SUMS', "x", wheels)
        # They are kept for the next one, unless they have been damaged meanwhile.
        assert len(asked) == 2
        kept = checkout / ".run/bundle/gpu-wheels"
        (kept / next(iter(WHEELS))).write_bytes(b"half of it")
        assert (await bundled(tls, checkout, tmp_path / "second", choice)).returncode == 0
        assert len(asked) == 3
        # Those of an earlier installation on this board.
        place = chosen(str(wheels), WHEELS)
        assert (await bundled(tls, checkout, tmp_path / "third", place)).returncode == 0
        assert len(asked) == 3
    assert len(list((tmp_path / "third/gpu-wheels").iterdir())) == 3


async def test_a_wheel_with_another_hash_comes_into_no_bundle(tls: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "install", checkout / "install")
    shutil.copy(INSTALL, checkout / "install.sh")
    async with shop(tls) as (base, _):
        others = dict.fromkeys(WHEELS, b"something else")
        done = await bundled(tls, checkout, tmp_path / "tree", chosen(base, others))
    assert done.returncode == 1
    assert "is not what it should be" in done.stderr


async def test_a_bundle_without_wheels_for_the_gpu_says_so(tls: Path, tmp_path: Path) -> None:
    none = "processor no GPU wheels are known for L4T 36.5"
    done = await bundled(tls, ROOT, tmp_path / "tree", none)
    assert done.returncode == 0
    assert "No wheels for the GPU are in this bundle: no GPU wheels are known" in done.stderr
    assert not (tmp_path / "tree/gpu-wheels").exists()
