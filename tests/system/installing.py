"""The true installer on a booted machine, from a bundle that was made once from this checkout."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.machine import NAMESPACES, PATH, Machine

REPOSITORY = Path(__file__).parents[2]
BUNDLE = "/srv/bundle"
PREFIX = "/opt/voice-appliance"
INSTALLER = f"{BUNDLE}/install.sh"
INSTALL = (INSTALLER, "--offline", BUNDLE, "--yes")
SOCKET = "/run/voice-appliance/http.sock"
UNIT = "voice-appliance.service"
# What a run may write however little it has to do: logs, the daemon's own, what dies with a boot.
RESTLESS = re.compile(
    r"/(run|tmp|root|srv|var/(log|tmp|cache)|etc/\.pwd\.lock|etc/voice-appliance/(nginx|tls)/\.lock"
    r"|var/lib/(voice-appliance|systemd|dbus|private|nginx|logrotate))(/|$)"
)


def make(place: Path) -> Path:
    """A bundle for machines of this distribution, unpacked; takes a minute the first time."""
    archive = place / "bundle.tar"
    made = subprocess.run(
        [REPOSITORY / "install.sh", "bundle", "--output", archive],
        env={**os.environ, "PYTHON": "/usr/bin/python3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return unpacked(archive, place / "bundle")


def checkout(place: Path) -> Path:
    """A copy of what an installation takes from this checkout, with the page built."""
    build = ["bash", "-c", 'source "$1"; ensure_page', "tests", str(REPOSITORY / "install.sh")]
    subprocess.run(build, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    tests = ("tests", "docs", "node_modules", "__pycache__", "*.egg-info", ".*_cache")
    others = shutil.ignore_patterns(*tests, ".git", ".run", ".venv", ".hypothesis")
    return Path(shutil.copytree(REPOSITORY, place, ignore=others))


def unpacked(archive: Path, directory: Path) -> Path:
    directory.mkdir()
    strip = ["--strip-components=1", "-C", str(directory)]
    subprocess.run(["tar", "-xf", str(archive), *strip], check=True, timeout=120)
    return directory


def variant(bundle: Path, place: Path, edit: Callable[[Path], None]) -> Path:
    """Another release: `edit` changes the package (a directory `appliance`)."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(bundle), str(place)], check=True, timeout=120)
    edit(place / "appliance")
    (wheel,) = (place / "wheels").glob("voice_appliance-*.whl")
    _repack(wheel, place)
    reseal(place)
    return place


def _repack(wheel: Path, tree: Path) -> None:
    before = wheel.rename(wheel.with_suffix(".before"))
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(wheel, "w") as new:
        kept = [name for name in old.namelist() if not name.startswith("appliance/")]
        record = next(name for name in kept if name.endswith("/RECORD"))
        lines = [x for x in old.read(record).decode().splitlines() if not x.startswith("appliance")]
        for name in kept:
            if name != record:
                new.writestr(name, old.read(name))
        for file in sorted((tree / "appliance").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                new.write(file, str(file.relative_to(tree)))
                lines.append(f"{file.relative_to(tree)},,")
        new.writestr(record, "\n".join(lines) + "\n")
    before.unlink()


def reseal(bundle: Path) -> None:
    """Its manifest, as whoever changed it on purpose would write it."""
    links = (f for f in bundle.rglob("*") if f.is_symlink())
    told = sorted(f"./{link.relative_to(bundle)} -> {link.readlink()}\n" for link in links)
    (bundle / "LINKS").write_text("".join(told))
    plain = (f for f in bundle.rglob("*") if f.is_file() and not f.is_symlink())
    files = sorted(f for f in plain if f != bundle / "MANIFEST.sha256")
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  ./{file.relative_to(bundle)}\n"
        for file in files
    ]
    (bundle / "MANIFEST.sha256").write_text("".join(lines))


# ── On the machine ───────────────────────────────────────────────────────────────────────────


def prepare(machine: Machine) -> None:
    """What every real machine has and a root from debootstrap has not."""
    machine.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")


def take_away_ensurepip(machine: Machine) -> None:
    """A stock Debian or Ubuntu has it in a package that nobody has installed."""
    machine.shell(
        "dpkg-query -W -f '${Package}\\n' 'python3*-venv' 'python3-*-whl' | xargs dpkg --purge"
    )
    assert machine.run("python3", "-c", "import ensurepip", check=False).returncode != 0


def install(machine: Machine, *options: str, check: bool = True) -> str:
    """What the installer said."""
    return run(machine, *INSTALL, *options, check=check)


def run(machine: Machine, *command: str, check: bool = True) -> str:
    done = machine.run(*command, check=False, seconds=900)
    if check:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0, done.stderr
    return done.stderr


def steps(said: str) -> dict[str, str]:
    """What became of each step."""
    return dict(re.findall(r"^  ([a-z_]+) +(unchanged|done|would .*)$", said, flags=re.MULTILINE))


def current(machine: Machine) -> str:
    return machine.run("readlink", f"{PREFIX}/current").stdout.strip().removeprefix("releases/")


def answers(machine: Machine, path: str = "/ready") -> bool:
    asked = machine.run(
        *("curl", "-s", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"),
        *("--unix-socket", SOCKET, f"http://localhost{path}"),
        check=False,
    )
    return asked.stdout == "200"


def files(machine: Machine) -> dict[str, str]:
    """Every file, directory and link of the system disk: its kind, size, rights and times."""
    listing = r"find / -xdev -printf '%p\t%y %s %m %u %g %T@ %l\n'"
    told = machine.shell(f"{listing} 2>/dev/null || true").stdout
    entries = (line.split("\t", 1) for line in told.splitlines())
    return {name: rest for name, rest in entries if not RESTLESS.match(name)}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What differs; of a directory, whose time and size follow its entries, only its existence."""
    found = [f"- {name}" for name in before.keys() - after.keys()]
    found += [f"+ {name}" for name in after.keys() - before.keys()]
    for name in before.keys() & after.keys():
        if before[name] != after[name] and not before[name].startswith("d"):
            found.append(f"~ {name}: {before[name]} → {after[name]}")
    return sorted(found)


@dataclass
class Started:
    """An installer that runs."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        """It and its children at once, as when the terminal and all in it are killed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def await_step(self, name: str) -> None:
        """Returns when that step has begun or was done before; fails when it ends before."""
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if re.match(rf"  {name} +(.*…|unchanged)$", line):
                return
        raise AssertionError(f"it ended before step {name}:\n{''.join(said)}")


@contextmanager
def started(machine: Machine, *command: str) -> Iterator[Started]:
    environment = ["env", "-i", "-C", "/", f"PATH={PATH}", "HOME=/root", "TERM=dumb"]
    process = subprocess.Popen(
        ["nsenter", "-t", str(machine.pid), *NAMESPACES, "--", *environment, *command],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    begun = Started(process)
    try:
        yield begun
    finally:
        if process.poll() is None:
            begun.kill()
        if process.stderr:
            process.stderr.close()


@contextmanager
def visited(machine: Machine, url: str) -> Iterator[dict[str, int]]:
    """Fifty visitors a second on the page's own port; what became of them, at the end.

    The machine has a LAN. They come from ten houses, because one of them alone is slowed down.
    """
    became: dict[str, int] = {}
    homes = [f"192.168.77.{number}" for number in range(30, 40)]
    for home in homes:
        machine.run("ip", "address", "add", f"{home}/24", "dev", "lan0")
    shutil.copy(machine.path("/etc/voice-appliance/tls/ca.crt"), machine.state / "ca.crt")
    program = [sys.executable, "-m", "tests.system.visitors", url]
    program += [word for home in homes for word in ("--from", home)]
    with subprocess.Popen(
        machine.outside(*program, "--ca", str(machine.state / "ca.crt")),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first has been answered
        yield became
        told, _ = process.communicate(timeout=60)
    became.update(json.loads(told)["became"])
