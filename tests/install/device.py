"""A machine for the parts of install.sh that make one the appliance: all below a directory."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.install.shell import ROOT, run

PLACES = (
    *("/opt/voice-appliance", "/var/lib/voice-appliance", "/etc/voice-appliance"),
    "/etc/nginx",
)
LOCK = "/run/voice-appliance-install.lock"

# Nobody needs to be root, and there is no other user to become.
STANDS_FOR = """
as_appliance() { "$@"; }
getent() { [[ $* == 'passwd voice-appliance' ]]; }
"""


class Device:
    """`prefix`, `state` and `configuration` are where the installer's own are, `nginx`
    where nginx has its."""

    def __init__(self, place: Path) -> None:
        self.root = place / "checkout"
        self.prefix = place / "opt"
        self.state = place / "state"
        self.configuration = place / "etc"
        self.nginx = place / "nginx"
        self.root.mkdir()
        for directory in (self.prefix, self.state, self.configuration, self.nginx):
            directory.mkdir()
        for part in ("install", "jetson", "systemd", "nginx"):
            shutil.copytree(ROOT / part, self.root / part)
        for part in ("appliance", "pyproject.toml"):
            (self.root / part).symlink_to(ROOT / part)
        shutil.copy(ROOT / "install.sh", self.root)
        file = self.root / "install" / "device.sh"
        text = file.read_text()
        own = (self.prefix, self.state, self.configuration, self.nginx, place / "lock")
        for usual, here in zip((*PLACES, LOCK), own, strict=True):
            assert usual in text
            text = text.replace(usual, str(here))
        file.write_text(text)

    def tries(self, script: str) -> subprocess.CompletedProcess[str]:
        """A script that has all parts at hand; `$python` is the Python of the tests."""
        source = f'source "$1"\n{STANDS_FOR}\npython={sys.executable}\n{script}'
        return run("bash", "-c", source, "the test", self.root / "install.sh")

    def does(self, script: str) -> str:
        """The standard output of a script that has to succeed."""
        done = self.tries(script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def release(self, name: str) -> Path:
        """An empty release, made the current one."""
        place = self.prefix / "releases" / name
        (place / "venv").mkdir(parents=True)
        current = self.prefix / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(f"releases/{name}")
        return place
