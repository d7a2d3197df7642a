"""An appliance laid out on a machine's disk by hand: the units, the daemon and nginx as they ship.

It stands where the installer puts it. The package is this checkout's; what it needs is lent from
the environment that the tests run in.
"""

import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.daemon import FIXTURES
from tests.install.conftest import write_page
from tests.system.machine import Machine

REPOSITORY = Path(__file__).parents[2]
PREFIX = "/opt/voice-appliance"
CURRENT = f"{PREFIX}/current"
SOCKET = "/run/voice-appliance/http.sock"
PACKAGE = REPOSITORY / "appliance"
UNITS = REPOSITORY / "systemd"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

# (directory of this machine, place in there): what `lay` needs to have been lent.
LENT = [
    (Path(sysconfig.get_path("purelib")), f"{PREFIX}/packages"),
    (FIXTURES, "/srv/fixtures"),
]

MICRO_MODELS = """
[stt]
engine = "whisper"
model = "/srv/fixtures/micro_whisper/model"
[tts]
engine = "kokoro"
model = "/srv/fixtures/micro_kokoro/kokoro-micro.onnx"
voices = "/srv/fixtures/micro_kokoro/voices-micro.bin"
voice = "af_heart"
"""


def settings(more: str = "", *, mode: str = "open") -> str:
    """An appliance.toml; `more` must not have the sections server and access."""
    return (
        f'[server]\nlisten = "unix:{SOCKET}"\ndrain_seconds = 15.0\n'
        f'[access]\nmode = "{mode}"\nsessions_per_minute = 600\n{more}'
    )


def lay(machine: Machine, version: str = "1.0.0", more: str = "", *, mode: str = "open") -> None:
    """Before the boot: a release, the units, the configuration."""
    venv = f"{PREFIX}/releases/{version}/venv"
    _lay_venv(machine, venv)
    release = machine.path(f"{PREFIX}/releases/{version}")
    shutil.copytree(UNITS, release / "units")
    shutil.copytree(REPOSITORY / "nginx", release / "nginx")
    write_page(release)
    machine.path(CURRENT).symlink_to(f"releases/{version}")
    shutil.copytree(REPOSITORY / "install", release / "install")
    machine.path(f"{PREFIX}/releases/{version}/bin").mkdir()
    machine.path(f"{CURRENT}/bin/on-failure").symlink_to("../install/on-failure.sh")
    machine.write("/etc/voice-appliance/appliance.toml", settings(more, mode=mode))
    for unit in UNITS.glob("voice-appliance*.*"):
        machine.write(f"/etc/systemd/system/{unit.name}", unit.read_bytes())
    for directory in ("sysusers.d", "journald.conf.d"):
        for file in (UNITS / directory).iterdir():
            place = "systemd/" if directory == "journald.conf.d" else ""
            machine.write(f"/etc/{place}{directory}/{file.name}", file.read_bytes())
    hardening = UNITS / "nginx.service.d/voice-appliance.conf"
    machine.write(
        "/etc/systemd/system/nginx.service.d/voice-appliance.conf", hardening.read_bytes()
    )


def _lay_venv(machine: Machine, venv: str) -> None:
    """An environment of the machine's own Python: the package, and a path to what was lent."""
    packages = f"{venv}/lib/{PYTHON}/site-packages"
    machine.write(f"{venv}/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
    machine.write(f"{packages}/lent.pth", f"{PREFIX}/packages\n")
    shutil.copytree(
        PACKAGE,
        machine.path(f"{packages}/appliance"),
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    script = f"#!{venv}/bin/python\nfrom appliance.cli.main import main\nmain()\n"
    machine.write(f"{venv}/bin/appliance", script, 0o755)
    machine.path(f"{venv}/bin/python").symlink_to(f"/usr/bin/{PYTHON}")


def begin(machine: Machine, drop_in: Mapping[str, str] | None = None) -> None:
    """After the boot: the user, settings of the unit for this test, and the start; to the end."""
    machine.run("systemd-sysusers")
    if drop_in:
        lines = "\n".join(f"{name}={value}" for name, value in drop_in.items())
        place = "/etc/systemd/system/voice-appliance.service.d/test.conf"
        machine.write(place, f"[Service]\n{lines}\n")
        machine.systemctl("daemon-reload")
    machine.systemctl("enable", "voice-appliance.socket", "voice-appliance.service")
    started = machine.systemctl("start", "voice-appliance.service", check=False)
    assert started.returncode == 0, machine.journal("voice-appliance.service")
    await_ready(machine)


def ask(machine: Machine, path: str) -> tuple[int, str]:
    """Status and text of a GET on the daemon's own socket; status 0 where nobody answers."""
    asked = machine.run(
        *("curl", "-s", "--max-time", "20", "--unix-socket", SOCKET, "-w", "\n%{http_code}"),
        f"http://localhost{path}",
        check=False,
    ).stdout
    text, _, status = asked.rpartition("\n")
    return int(status or 0), text


def await_ready(machine: Machine, seconds: float = 60.0) -> None:
    machine.until(lambda: ask(machine, "/ready")[0] == 200, seconds)


def serve_page(machine: Machine, host: str = "kitchen") -> str:
    """nginx before the daemon on a LAN of the machine's own; the https address."""
    address = machine.give_lan()
    site, tls = "/etc/voice-appliance/nginx", "/etc/voice-appliance/tls"
    machine.run(f"{CURRENT}/nginx/certificate.sh", tls, "--host", host, "--address", address)
    places = ("ADDRESS=0.0.0.0", "HTTPS_PORT=443", "HTTP_PORT=80", f"UPSTREAM=unix:{SOCKET}")
    logs = ("LOG=/var/log/nginx", f"TLS={tls}", f"PAGE={CURRENT}/page")
    machine.run(f"{CURRENT}/nginx/render.sh", site, *places, *logs)
    machine.run("ln", "-sf", f"{site}/site.conf", "/etc/nginx/sites-enabled/voice-appliance")
    machine.run("rm", "-f", "/etc/nginx/sites-enabled/default")
    machine.systemctl("restart", "nginx")
    return f"https://{address}"
