"""A machine with a real systemd as process 1, in namespaces, on a root that is thrown away."""

import contextlib
import itertools
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

BOOT = Path(__file__).with_name("sdboot.sh")
BOOT_SECONDS = 180.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES = ("-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w")

_numbers = itertools.count()


class Machine:
    """A booted system. What is written stays over `off` and `on`, as on a disk.

    It has a network of its own: a loopback, and nothing else unless a test lays it (`give_lan`).
    """

    def __init__(
        self,
        lower: Path,
        state: Path,
        lent: Sequence[tuple[Path, str]] = (),
        patience: float = 1.0,
    ) -> None:
        """`lent`: directories of this machine, to be seen read-only at a place in there.

        `patience`: how many times longer than usual everything may take.
        """
        self._lower = lower
        self.state = state
        self._lent = [f"{source}:{target}" for source, target in lent]
        self.name = f"va{os.getpid()}-{next(_numbers)}"
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._router: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.pid = 0

    # ── Power ────────────────────────────────────────────────────────────────────────────────

    def on(self) -> str:
        """Boots; the state that systemd is in then: "running", or "degraded"."""
        self.state.mkdir(parents=True, exist_ok=True)
        self._log = (self.state / "boot.log").open("ab")
        # Should the tests be killed, the kernel takes the machine down with them.
        boot = [str(BOOT), self.name, str(self._lower), str(self.state), *self._lent]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "bash", *boot],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self.until(self._process_1, BOOT_SECONDS)
        # Out of the group that the machine takes for its own root.
        (_groups() / "cgroup.procs").write_text(str(self._process.pid))
        self.until(self._is_up, BOOT_SECONDS)
        return self._system_state()

    def off(self) -> None:
        """Shuts down in order; pulls the plug where that takes too long. Twice is once."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.SubprocessError):
            self.run("systemctl", "--no-block", "poweroff", check=False, seconds=10)
            self._process.wait(timeout=30)
        self.unplug()

    def unplug(self) -> None:
        """Ends everything in there at once, as a power cut does."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        if self._router is not None:
            self._router.kill()
            self._router.wait()
            self._router = None
        if self._log is not None:
            self._log.close()
        group = _groups() / f"sdboot-{self.name}"
        self.until(lambda: _removed(group), 120)

    def _process_1(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.state / "boot.log").read_text()
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        self.pid = int(children[0]) if children else 0
        if not self.pid:
            return False
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/comm").read_text() == "systemd\n"
        return False

    def _is_up(self) -> bool:
        return self._system_state() in ("running", "degraded")

    def _system_state(self) -> str:
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    # ── What a person at its keyboard can do ─────────────────────────────────────────────────

    def run(
        self,
        *command: str,
        check: bool = True,
        seconds: float = 120.0,
        stdin: str = "",
        environment: dict[str, str] | None = None,
        directory: str = "/",
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command in there as root; with `check`, one that fails fails the test."""
        variables = {"PATH": PATH, "HOME": "/root", "TERM": "dumb", **(environment or {})}
        settings = [f"{name}={value}" for name, value in variables.items()]
        inside = ["env", "-i", "-C", directory, *settings, *command]
        ran = subprocess.run(
            ["nsenter", "-t", str(self.pid), *NAMESPACES, "--", *inside],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=seconds * self._patience,
            check=False,
        )
        if check:
            told = f"{shlex.join(command)}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
            assert ran.returncode == 0, told
        return ran

    def shell(self, script: str, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401  run's
        """Runs a script with bash in there, as `run` does."""
        return self.run("bash", "-Eeuo", "pipefail", "-c", script, **options)

    def systemctl(
        self,
        *arguments: str,
        **options: Any,  # noqa: ANN401  run's
    ) -> subprocess.CompletedProcess[str]:
        return self.run("systemctl", *arguments, **options)

    def show(self, unit: str, prop: str) -> str:
        """A property of a unit: show("nginx", "ActiveState")."""
        return self.systemctl("show", unit, f"--property={prop}", "--value").stdout.strip()

    def journal(self, unit: str = "") -> str:
        """What was logged since the boot, by one unit or by all."""
        chosen = ["-u", unit] if unit else []
        # What was said before this may not have been written down yet.
        self.run("journalctl", "--sync")
        return self.run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", *chosen).stdout

    # ── What its disk and its network look like from here ────────────────────────────────────

    def path(self, inside: str) -> Path:
        """A file in there, to be read and written from here; before the boot, too."""
        if self._process is None:
            return self.state / "upper" / inside.lstrip("/")
        return Path(f"/proc/{self.pid}/root", inside.lstrip("/"))

    def write(self, inside: str, content: str | bytes, mode: int = 0o644) -> None:
        """Writes a file in there, with its directories; root's."""
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def outside(self, *command: str) -> list[str]:
        """The command line that runs a program of this machine in the network of that one."""
        return ["nsenter", "-t", str(self.pid), "-n", "--", *command]

    def give_lan(self, address: str = "192.168.77.2/24") -> str:
        """Gives it an address on a LAN of its own; the address without its length."""
        self.shell(
            "ip link add lan0 type veth peer name wire"
            f" && ip address add {address} dev lan0 && ip link set lan0 up && ip link set wire up"
        )
        return address.partition("/")[0]

    def give_internet(self) -> None:
        """Lets it reach what this machine reaches, and pip find its index; nobody reaches it."""
        route = ("slirp4netns", "--configure", "--disable-host-loopback", str(self.pid), "tap0")
        with (self.state / "router.log").open("ab") as log:
            self._router = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *route],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        authorities = Path("/etc/ssl/certs/ca-certificates.crt")
        self.write(str(authorities), authorities.read_bytes())
        self.write("/etc/resolv.conf", "nameserver 10.0.2.3\n")
        self.write("/etc/pip.conf", pip_configuration())
        self.until(lambda: "10.0.2." in self.run("ip", "address", "show").stdout)

    def until(self, holds: Callable[[], Any], seconds: float = 120.0) -> None:
        """Waits until a predicate holds; fails the test when it does not come to."""
        last = time.monotonic() + seconds * self._patience
        while not holds():
            assert time.monotonic() < last, f"{holds} did not come to hold in {seconds} s"
            time.sleep(0.05)


def pip_configuration() -> str:
    """Where pip of this machine has its packages from, as a pip.conf; only what is not a file."""
    listed = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(listed, capture_output=True, text=True, check=True, timeout=60).stdout
    wanted = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")
    lines = ["[global]"]
    for key, value in re.findall(r"^\S*\.([a-z-]+)='(.*)'$", told, re.MULTILINE):
        places = [place for place in value.split() if not place.startswith(("file:", "/"))]
        if key.removeprefix("default-") in wanted and places:
            lines.append(f"{key.removeprefix('default-')} = {' '.join(places)}")
    return "\n".join((*lines, ""))


def _groups() -> Path:
    unified = Path("/sys/fs/cgroup/unified")
    return unified if unified.is_dir() else Path("/sys/fs/cgroup")


def _removed(group: Path) -> bool:
    """Process 1 may have made another group in there while it died."""
    for directory, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(directory).rmdir()
    return not group.exists()


@contextmanager
def booted(
    lower: Path,
    state: Path,
    lent: Sequence[tuple[Path, str]] = (),
    prepare: Callable[[Machine], None] | None = None,
    patience: float = 1.0,
) -> Iterator[Machine]:
    """A machine that is on, off again at the end; `prepare` sees its disk before the boot."""
    machine = Machine(lower, state, lent, patience)
    (state / "upper").mkdir(parents=True, exist_ok=True)
    if prepare:
        prepare(machine)
    try:
        machine.on()
        yield machine
    finally:
        machine.unplug()
