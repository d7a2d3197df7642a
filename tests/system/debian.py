"""The Debian (or Ubuntu) root that the machines of these tests boot: made once, then kept.

It is this machine's own distribution, so that the packages built here run there.
"""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

# What an appliance's machine has, and what building its Python packages needs.
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "adduser", "hostname", "procps", "iproute2", "logrotate"),
    *("ca-certificates", "curl", "openssl", "nginx-light", "avahi-daemon", "sudo", "kmod", "less"),
    *("python3", "python3-venv", "python3-dev", "gcc", "libc6-dev", "pkg-config"),
    *("libsystemd-dev", "libsystemd0", "libgomp1", "sqlite3", "openssh-client"),
)
# Units that wait for hardware, or begin work of their own, which a test cannot have.
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("fstrim.timer", "motd-news.timer", "systemd-networkd-wait-online.service"),
    *("getty@tty1.service", "console-getty.service", "systemd-timesyncd.service"),
    *("e2scrub_reap.service", "networkd-dispatcher.service"),
)
CACHE = Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "voice-appliance-tests"
).absolute()


@functools.cache
def obstacle() -> str:
    """Why this kernel cannot boot a systemd of ours; empty where it can."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    if not any(os.access(Path(p, "cgroup.procs"), os.W_OK) for p in _CGROUP2):
        return "the kernel has no cgroup2 here that can be written"
    with tempfile.TemporaryDirectory() as place:
        for name in ("lower", "upper", "work", "root"):
            Path(place, name).mkdir()
        mounts = (
            f"mount -t overlay overlay {place}/root -o "
            f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
            f" && mount -t proc proc {place}/root && mount -t cgroup2 cgroup2 {place}/lower"
        )
        spaces = ("--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup")
        tried = subprocess.run(
            ["unshare", *spaces, "--propagation", "private", "sh", "-c", mounts],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        if tried.returncode:
            return f"the kernel allows no namespaces or overlays here: {tried.stderr.strip()}"
    return ""


_CGROUP2 = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


def root(architecture: str = "") -> Path:
    """The root; the first call on a machine takes two minutes and the distribution's mirror.

    `architecture`: Debian's name of another than this machine's, which has to be emulated.
    """
    mirror, suite, components = _distribution()
    recipe = "\n".join((mirror, suite, components, *PACKAGES, *MASKED, architecture))
    made = CACHE / f"root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        # Two runs of the tests at once make it once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            making = CACHE / "making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            foreign = [f"--arch={architecture}"] if architecture else []
            _debootstrap(making, mirror, suite, [f"--components={components}", *foreign])
            making.rename(made)
    return made


def _distribution() -> tuple[str, str, str]:
    """Mirror, suite and components that this machine itself has its packages from."""
    wanted = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"]
    told = subprocess.run(
        [*wanted, "Created-By: Packages"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    lines = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    suite = lines["VERSION_CODENAME"].strip('"')
    sources = [line.split() for line in told.splitlines()]
    site = next(where for where, release, part in sources if release == suite and part == "main")
    parts = {part for where, release, part in sources if (where, release) == (site, suite)}
    return site, suite, ",".join(sorted(parts & {"main", "universe"}))


def _debootstrap(place: Path, mirror: str, suite: str, options: Sequence[str]) -> None:
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", *options]
    # What it mounts in there goes with it, however it ends.
    private = ["unshare", "--mount", "--propagation", "private"]
    made = subprocess.run(
        [*private, "debootstrap", *options, suite, str(place), mirror],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3_600,
        check=False,
    )
    assert made.returncode == 0, made.stdout[-4_000:]
    (place / "etc/machine-id").write_text("")
    (place / "etc/fstab").write_text("")
    (place / "etc/resolv.conf").unlink(missing_ok=True)
    for unit in MASKED:
        (place / "etc/systemd/system" / unit).symlink_to("/dev/null")
    # nginx and avahi begin when somebody asks for them.
    for unit in ("nginx.service", "avahi-daemon.service", "avahi-daemon.socket"):
        for wish in (place / "etc/systemd/system").glob(f"*.wants/{unit}"):
            wish.unlink()
    for package in (place / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
