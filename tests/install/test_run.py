"""`install.sh run`: a real nginx and a stand-in for the appliance, started and taken down."""

import asyncio
import fcntl
import os
import re
import select
import signal
import socket
import sys
import termios
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.install.shell import INSTALL, ROOT, free_ports, hear_signals, run

# The steps that install are another test's; sourcing install.sh lends all the others unchanged.
SCRIPT = """
source "$INSTALL"
install_missing() { :; }
ensure_venv() { :; }
ensure_page() { eval "${DURING:-}"; }
install_lock() { :; }
install_unlock() { :; }
fetch_command() {
  printf '%s\\0' "$PYTHON" -m tests.install.fetch "$PLACE" "${layers[@]}" -- $models
}
daemon_command() { printf '%s\\0' "$PYTHON" -m tests.install.daemon "$PLACE" "${layers[@]}"; }
run_appliance "$@"
"""


@dataclass
class Started:
    process: asyncio.subprocess.Process
    place: Path
    https: int
    http: int
    port: int

    async def read_until(self, text: str) -> str:
        """Standard output up to and with the line that has the text."""
        assert self.process.stdout is not None
        seen = ""
        while text not in seen:
            line = await self.process.stdout.readline()
            assert line, f"it ended after: {seen}{await self.errors()}"
            seen += line.decode()
        return seen

    async def errors(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    def pid_of(self, name: str) -> int:
        file = {"nginx": self.place / "run" / "nginx" / "nginx.pid", "daemon": self.place / "pid"}
        return int(file[name].read_text())


@asynccontextmanager
async def start(
    place: Path,
    *options: str,
    environ: Mapping[str, str] | None = None,
    terminal: int | None = None,
) -> AsyncIterator[Started]:
    def prepare() -> None:
        hear_signals()
        if terminal is not None:
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    https, http, port = free_ports(3)
    ports = ["--https-port", https, "--http-port", http, "--port", port, "--bind", "127.0.0.1"]
    places = ["--run-dir", place / "run"]
    mine = {
        "INSTALL": str(INSTALL),
        "PYTHON": sys.executable,
        "PLACE": str(place),
        **(environ or {}),
    }
    process = await asyncio.create_subprocess_exec(
        *["bash", "-c", SCRIPT, "the test"],
        *[str(part) for part in (*ports, *places, *options)],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **mine},
        start_new_session=True,
        preexec_fn=prepare,
    )
    try:
        yield Started(process, place, https, http, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def await_end_of(*pids: int) -> None:
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = select.select([descriptor], [], [], 20)[0]
        os.close(descriptor)
        assert ended, f"process {pid} lives on"


def is_listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


async def test_it_prints_the_address_once_the_appliance_answers(tmp_path: Path) -> None:
    async with start(tmp_path) as started:
        said = await started.read_until("Ctrl-C stops it")
        assert f"https://localhost:{started.https}" in said
        authority = tmp_path / "run" / "tls" / "ca.crt"
        fingerprint = run("openssl", "x509", "-in", authority, "-noout", "-fingerprint", "-sha256")
        assert fingerprint.stdout.strip().partition("=")[2] in said
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"https://localhost:{started.https}/health", ssl=False) as answer,
        ):
            assert answer.status == 200


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
async def test_it_takes_both_down_when_asked(tmp_path: Path, which: signal.Signals) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        nginx, daemon = started.pid_of("nginx"), started.pid_of("daemon")
        # As a terminal does it: to every process of the group.
        os.killpg(started.process.pid, which)
        assert await started.process.wait() == 0, await started.errors()
        await_end_of(nginx, daemon)
        assert (tmp_path / "stopped").read_text() == "once\n"
        assert not is_listening(started.https)


async def test_sighup_reloads_the_settings_and_ends_nothing(tmp_path: Path) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        reloaded = tmp_path / "reloaded"
        for told in ("once\n", "once\nonce\n"):
            os.kill(started.process.pid, signal.SIGHUP)
            await until(lambda told=told: reloaded.exists() and reloaded.read_text() == told)  # type: ignore[misc]
        assert is_listening(started.https)
        os.kill(started.process.pid, signal.SIGTERM)
        assert await started.process.wait() == 0, await started.errors()


async def test_a_terminal_that_is_closed_stops_both(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    async with start(tmp_path, terminal=theirs) as started:
        os.close(theirs)
        await started.read_until("Ctrl-C stops it")
        nginx, daemon = started.pid_of("nginx"), started.pid_of("daemon")
        os.close(ours)
        assert await started.process.wait() == 0, await started.errors()
        await_end_of(nginx, daemon)
    assert not (tmp_path / "reloaded").exists()


def test_nothing_is_substituted_while_a_signal_may_come() -> None:
    """Bash 5.2 parses a trap as a part of the $(…) or <(…) that it interrupts, and fails."""
    names = (
        *("start", "start_daemon", "start_fetch", "stop_fetch", "await_health", "both_answer"),
        *("answers", "both_run", "announce", "status_of", "tell_daemon", "take_down", "serve"),
    )
    shown = run("bash", "-c", f'source "{INSTALL}"; declare -f {" ".join(names)}').stdout
    others, serve, body = shown.partition("serve ()")
    _, trap, after = body.partition("trap 'asked_to_stop=yes")
    assert serve
    assert trap
    assert not re.findall(r"[$<>]\([^(]", others + after)


async def test_a_daemon_that_cannot_start_is_told_and_its_status_is_passed_on(
    tmp_path: Path,
) -> None:
    async with start(tmp_path, environ={"APPLIANCE__TEST__EXIT": "78"}) as started:
        assert await started.process.wait() == 78
        assert "ended by itself with exit status 78" in await started.errors()
        assert not is_listening(started.https)


async def test_a_daemon_that_dies_takes_nginx_with_it(tmp_path: Path) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        nginx = started.pid_of("nginx")
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.ClientError):
                await client.get(f"http://127.0.0.1:{started.port}/die")
        assert await started.process.wait() == 3
        await_end_of(nginx)
        assert "ended by itself with exit status 3" in await started.errors()


async def test_an_nginx_that_dies_takes_the_daemon_with_it(tmp_path: Path) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        os.kill(started.pid_of("nginx"), signal.SIGTERM)
        assert await started.process.wait() == 1
        assert "nginx ended by itself" in await started.errors()
        assert (tmp_path / "stopped").exists()


async def test_nothing_is_left_when_the_script_itself_is_killed(tmp_path: Path) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        nginx, daemon = started.pid_of("nginx"), started.pid_of("daemon")
        started.process.kill()
        await asyncio.to_thread(await_end_of, nginx, daemon)


async def test_the_layers_of_configuration_come_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "one.toml", tmp_path / "two.toml"
    first.touch()
    second.touch()
    async with start(tmp_path, "--config", str(first), "--config", str(second)) as started:
        await started.read_until("Ctrl-C stops it")
        layer = tmp_path / "run" / "appliance.toml"
        arguments = (tmp_path / "arguments").read_text().splitlines()
        files = [str(layer), str(first), str(second)]
        assert arguments == [part for file in files for part in ("--config", file)]
        assert f'path = "{tmp_path}/run/voice_conversations.db"' in layer.read_text()


async def test_what_the_daemon_writes_is_private(tmp_path: Path) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        assert (tmp_path / "private").stat().st_mode & 0o077 == 0
        assert (tmp_path / "run" / "models").stat().st_mode & 0o077 == 0


async def test_one_directory_serves_one_appliance(tmp_path: Path) -> None:
    async with start(tmp_path) as first:
        await first.read_until("Ctrl-C stops it")
        async with start(tmp_path) as second:
            assert await second.process.wait() == 1
            assert "already runs" in await second.errors()
        assert first.process.returncode is None


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  another process changes it
            await asyncio.sleep(0.02)


async def test_models_are_fetched_beside_the_appliance_and_an_interrupt_reaches_them(
    tmp_path: Path,
) -> None:
    async with start(tmp_path) as started:
        await started.read_until("Ctrl-C stops it")
        fetched = tmp_path / "fetched"
        await until(fetched.exists)
        layer = tmp_path / "run" / "appliance.toml"
        assert fetched.read_text().split() == ["--config", str(layer), "--", "recommended"]
        os.killpg(started.process.pid, signal.SIGINT)
        assert await started.process.wait() == 0
        assert (tmp_path / "kept").exists()
        errors = await started.errors()
        assert "base from the packages" in errors
        assert "What has arrived is kept" in errors


async def test_models_that_cannot_be_fetched_stop_nothing(tmp_path: Path) -> None:
    offline = {"APPLIANCE__TEST__OFFLINE": "yes"}
    async with start(tmp_path, "--models", "one two", environ=offline) as started:
        await started.read_until("Ctrl-C stops it")
        await until((tmp_path / "fetched").exists)
        assert (tmp_path / "fetched").read_text().split()[-2:] == ["one", "two"]
        await asyncio.sleep(0.2)
        assert started.process.returncode is None
        os.killpg(started.process.pid, signal.SIGINT)
        assert await started.process.wait() == 0
        assert "no model can be fetched" in await started.errors()


async def test_no_models_are_fetched_where_none_are_wanted(tmp_path: Path) -> None:
    async with start(tmp_path, "--models", "none") as started:
        await started.read_until("Ctrl-C stops it")
        await asyncio.sleep(0.3)
        assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("option", ["--https-port", "--http-port", "--port"])
async def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with start(tmp_path, option, str(port)) as started:
            assert await started.process.wait() == 1
            assert f"port {port} is taken" in (errors := await started.errors())
            assert option in errors
    assert not (tmp_path / "run").exists()


async def test_a_port_taken_while_installing_is_told_too(tmp_path: Path) -> None:
    async with start(tmp_path, environ={"DURING": "port_is_taken() { true; }"}) as started:
        assert await started.process.wait() == 1
        assert "is taken by another program" in await started.errors()
    assert not (tmp_path / "pid").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dance",), "no command 'dance'"),
        (("run", "--prot", "1"), "run does not know '--prot'"),
        (("run", "--port"), "--port needs a value"),
        (("run", "--models"), "--models needs a value"),
        (("run", "--port", "http"), "--port needs a port number"),
        (("run", "--https-port", "70000"), "--https-port needs a port number"),
        (("run", "--config", "/no/such.toml"), "there is no file /no/such.toml"),
        (("lock", "--all"), "lock takes"),
        (("install", "--offline", "/no/such.tar"), "there is no /no/such.tar"),
        (("install", "--tls-key", "/no/such.key"), "there is no /no/such.key"),
        (("install", "--http-port", "http"), "--http-port needs a port number"),
        (("install", "--ready-seconds", "soon"), "--ready-seconds needs a number"),
        (("install", "--dance"), "install does not know '--dance'"),
        (("bundle", "--wheels", "/no/such"), "there is no /no/such"),
    ],
)
def test_misuse_is_told_and_exits_with_2(arguments: tuple[str, ...], words: str) -> None:
    done = run(INSTALL, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "unexpected" not in done.stderr


def test_two_parts_cannot_share_a_port(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    same = ("--https-port", str(port), "--http-port", str(port))
    done = run(
        INSTALL, "run", "--run-dir", tmp_path / "run", *same, "--port", str(free_ports(1)[0])
    )
    assert done.returncode == 2
    assert "must differ" in done.stderr


def test_help_names_every_option_that_is_read() -> None:
    told = set(re.findall(r"--[a-z-]+", run(INSTALL, "--help").stdout))
    labels = r"^ +(-\S+(?: \| -\S+)*)\)"
    read: set[str] = set()
    for part in ("run", "device", "bundle", "uninstall"):
        for label in re.findall(
            labels, (ROOT / "install" / f"{part}.sh").read_text(), re.MULTILINE
        ):
            read.update(option for option in label.split(" | ") if option.startswith("--"))
    assert {"--config", "--bind", "--offline", "--sign", "--purge"} <= read
    assert read <= told
