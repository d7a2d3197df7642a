"""Builds the container's images, and runs the daemon in them: mounts, keys, pairing, signals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.daemon import FIXTURES
from tests.stranger import until
from tests.system.debian import CACHE

pytestmark = pytest.mark.timeout(2_400)

ROOT = Path(__file__).parents[2]
USER = 997
ENTRY = "/opt/voice-appliance/entrypoint.sh"
STATE = "/var/lib/voice-appliance"


def buildah(*arguments: str | Path, seconds: float = 300) -> str:
    """What buildah printed. Its images stand in the cache of these tests."""
    place = CACHE / "images"
    done = subprocess.run(
        ["buildah", "--root", place / "root", "--runroot", place / "run", *arguments],
        env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{arguments[0]}: {done.stdout[-2_000:]}{done.stderr[-4_000:]}"
    return done.stdout.strip()


def make_image(name: str, base: str, *copies: tuple[Path, str]) -> str:
    """An image of `base` with files of this machine, unless it is there already."""
    if name not in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        made = buildah("from", base)
        for source, place in copies:
            buildah("copy", "-q", made, source, place)
        buildah("commit", "-q", "--rm", made, name)
    return name


def lent_configuration() -> list[str]:
    """Where this machine's pip finds packages, for the pip of the build."""
    pip = [sys.executable, "-m", "pip", "config"]
    told = [
        subprocess.run([*pip, what], capture_output=True, text=True, check=True).stdout
        for what in ("debug", "list")
    ]
    files = re.findall(r"(/etc/\S+), exists: True", told[0])
    places = [place for place in re.findall(r"(/[\w./-]+)", told[1]) if Path(place).exists()]
    options = []
    for place in sorted({*files, *places, "/etc/ssl/certs"}):
        options += ["--volume", f"{place}:{place}:ro"]
    return options


def node_image(base: str) -> str:
    """An image with this machine's node and npm."""
    node = Path(shutil.which("node") or "").resolve()
    npm = Path(shutil.which("npm") or "").resolve().parents[1]
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as place:
        program = Path(place, "npm")
        # The certificates are lent to it, as this machine's index may have one of its own.
        program.write_text(
            "#!/bin/sh\nexport NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n"
            'exec node /usr/lib/npm/bin/npm-cli.js "$@"\n'
        )
        program.chmod(0o755)
        copies = ((node, "/usr/bin/node"), (npm, "/usr/lib/npm"), (program, "/usr/bin/npm"))
        return make_image(f"localhost/appliance-test-node:{version.strip()}", base, *copies)


@pytest.fixture(scope="module")
def images(debian: Path) -> tuple[str, str]:
    """The daemon's image and the page's, each step of the description run in a chroot."""
    if shutil.which("buildah") is None:
        pytest.skip("there is no buildah (package buildah)")
    buildah("rm", "--all")  # of a run that was cut off
    base = make_image(f"localhost/appliance-test-base:{debian.name}", "scratch", (debian, "/"))
    node = node_image(base)
    names = []
    for target, name in (("", "daemon"), ("nginx", "page")):
        names.append(f"localhost/appliance-test-{name}")
        buildah(
            *("bud", "--layers", "--format", "docker", "--tag", names[-1]),
            *("--file", ROOT / "jetson" / "Dockerfile"),
            *("--ignorefile", ROOT / "jetson" / "Dockerfile.dockerignore"),
            *("--build-arg", f"BASE={base}", "--build-arg", f"NODE={node}"),
            *("--build-arg", f"NGINX={base}"),
            *(["--target", target] if target else []),
            *lent_configuration(),
            ROOT,
            seconds=1_800,
        )
    buildah("rmi", "--prune")  # those of an older tree, a gigabyte and more each
    return names[0], names[1]


@dataclass(frozen=True)
class Container:
    """A container of the daemon's image, with directories of the test as its volumes.

    The models stand within the state, as buildah mounts in any order.
    """

    name: str
    place: Path

    def command(self, *arguments: str, environment: tuple[str, ...] = ()) -> list[str | Path]:
        """The command line with which the entry point runs in it."""
        volumes = {
            "state": STATE,
            "socket": "/run/voice-appliance",
            "config": "/etc/voice-appliance",
            "credentials": "/run/credentials",
        }
        options: list[str | Path] = []
        for name, place in volumes.items():
            options += ["--volume", f"{self.place / name}:{place}"]
        for variable in environment:
            options += ["--env", variable]
        return ["run", *options, self.name, "--", ENTRY, *arguments]

    @property
    def socket(self) -> Path:
        return self.place / "socket" / "http.sock"

    async def get(self, path: str, token: str = "") -> tuple[int, Any]:
        return await self.request("GET", path, token)

    async def request(
        self,
        method: str,
        path: str,
        token: str = "",
        body: Any = None,  # noqa: ANN401
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as http,
            http.request(method, f"http://localhost{path}", headers=headers, json=body) as answer,
        ):
            return answer.status, json.loads(await answer.text())


@pytest.fixture
def container(images: tuple[str, str], tmp_path: Path) -> Iterator[Container]:
    for name in ("state", "state/models", "socket", "config", "credentials"):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, USER, USER)
    # Whoever the daemon is has to get there.
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    shutil.copytree(FIXTURES / "micro_whisper" / "model", tmp_path / "state" / "models" / "mine")
    (tmp_path / "config" / "appliance.toml").write_text(
        '[stt]\nengine = "whisper"\nmodel = "mine"\n[tts]\nengine = "espeak"\nspeed = 1.25\n'
        "[recording]\nminutes = 7\n"
    )
    (tmp_path / "credentials" / "groq_api_key").write_text("gsk-nobody-s\n")
    name = buildah("from", images[0])
    # buildah mounts the volumes of the image and those of its command line in any order.
    for volume in (STATE, f"{STATE}/models", "/run/voice-appliance"):
        buildah("config", "--volume", f"{volume}-", name)
    yield Container(name, tmp_path)
    buildah("rm", name)


def daemon_pid(process: "subprocess.Popen[bytes]") -> int:
    """The daemon below a buildah, which has no way to pass a signal on; 0 where it is not there."""
    waiting = [process.pid]
    while waiting:
        pid = waiting.pop()
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            # Of every thread: buildah's own start their children from any.
            tasks = Path(f"/proc/{pid}/task").iterdir()
            children = [one for task in tasks for one in (task / "children").read_text().split()]
        except OSError:
            continue
        if words[:1] != [b"buildah"] and any(word.endswith(b"/bin/appliance") for word in words):
            return pid
        waiting += map(int, children)
    return 0


@asynccontextmanager
async def started(container: Container, *environment: str) -> AsyncIterator[int]:
    """Runs the daemon until the end of the block, from which SIGTERM ends it; its pid."""
    place = CACHE / "images"
    process = subprocess.Popen(  # noqa: ASYNC220  which returns at once
        [
            *("buildah", "--root", place / "root", "--runroot", place / "run"),
            *container.command("run", environment=environment),
        ],
        env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        stdin=subprocess.DEVNULL,
    )
    try:

        async def is_ready() -> bool:
            assert process.poll() is None, "it ended by itself"
            if not container.socket.exists():
                return False
            try:
                return (await container.get("/ready"))[0] == 200
            except aiohttp.ClientError:
                return False

        await until(is_ready, 120)
        pid = daemon_pid(process)
        assert pid, "the daemon is not found"
        yield pid
        os.kill(pid, signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if pid := daemon_pid(process):
            os.kill(pid, signal.SIGKILL)
        process.wait(30)


async def paired(container: Container) -> str:
    """The token of an administrator, paired with a code from the container's command line."""
    printed = buildah(*container.command("pair", "--role", "admin", "--no-fingerprint"))
    found = re.search(r"Pairing code: (\d{4} \d{4})", printed)
    assert found, printed
    body = {"code": found[1], "name": "a test"}
    status, answer = await container.request("POST", "/api/pair", body=body)
    assert status == 200, answer
    return str(answer["token"])


async def test_the_daemon_takes_its_mounts_its_environment_and_its_signals(
    container: Container,
) -> None:
    async with started(container, "APPLIANCE__RECORDING__MINUTES=9") as pid:
        assert Path(f"/proc/{pid}").stat().st_uid == USER
        _, health = await container.get("/health")
        token = await paired(container)
        _, health = await container.get("/health", token)
        assert health["engines"]["stt"]["name"].startswith("whisper mine"), health["engines"]
        _, config = await container.get("/config", token)
        assert (config["tts"]["speed"], config["recording"]["minutes"]) == (1.25, 9)
        _, settings = await container.get("/api/settings", token)
        assert {key["name"]: key["set"] for key in settings["keys"]} == {
            "GROQ_API_KEY": True,
            "OPENAI_API_KEY": False,
        }
        (container.place / "config" / "appliance.toml").write_text("[tts]\nspeed = 1.5\n")
        os.kill(pid, signal.SIGHUP)

        async def is_reloaded() -> bool:
            _, config = await container.get("/config", token)
            return bool(config["tts"]["speed"] == 1.5)

        await until(is_reloaded, 30)
    database = container.place / "state" / "voice_conversations.db"
    assert (database.stat().st_mode & 0o777, database.stat().st_uid) == (0o600, USER)
    async with started(container):
        status, me = await container.get("/api/me", token)
        assert (status, me["client"]["role"]) == (200, "admin")


def test_the_page_is_in_the_image_that_serves_it(images: tuple[str, str]) -> None:
    name = buildah("from", images[1])
    try:
        listed = buildah("run", name, "--", "ls", "/opt/voice-appliance/web").split()
    finally:
        buildah("rm", name)
    assert "index.html" in listed
