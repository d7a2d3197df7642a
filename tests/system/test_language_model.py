"""The language model under its own unit: apart from the daemon, and closed to everything else."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.llm.gguf_file import gguf
from tests.system import release
from tests.system.machine import Machine, booted

UNIT, DAEMON = "voice-appliance-llm.service", "voice-appliance.service"
PROGRAM = Path(__file__).parents[1] / "llm" / "model_server.py"
STATE = "/var/lib/voice-appliance"
SERVER = f"""#!/bin/sh
ulimit -d 1000000 || exit
while [ "$1" != --port ]; do shift; done
exec /usr/bin/python3 {release.PREFIX}/model_server.py "$2" /srv
"""
SETTINGS = f"""
[llm]
model = "/srv/model/mine.gguf"
server = "{release.PREFIX}/llama-server"
"""


def _lay(machine: Machine) -> None:
    release.lay(machine, more=SETTINGS)
    machine.write(f"{release.PREFIX}/model_server.py", PROGRAM.read_bytes())
    machine.write(f"{release.PREFIX}/llama-server", SERVER, 0o755)
    machine.write("/srv/model/mine.gguf", gguf())


@pytest.fixture(scope="module")
def machine(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(debian, tmp_path_factory.mktemp("llm"), release.LENT, _lay) as machine:
        release.begin(machine, {"StartLimitBurst": "100"})
        machine.systemctl("start", "voice-appliance-llm.path")
        # As on a new machine: the daemon decides after systemd has begun to look.
        machine.systemctl("stop", DAEMON)
        machine.run("rm", f"{STATE}/llm.json")
        machine.systemctl("start", DAEMON)
        release.await_ready(machine)
        yield machine


def model(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(release.ask(machine, "/health")[1])["language_model"]
    return found


def await_state(machine: Machine, state: str) -> None:
    machine.until(lambda: model(machine)["state"] == state, 120)


def pid(machine: Machine) -> str:
    return machine.show(UNIT, "MainPID")


def test_it_is_started_when_the_daemon_has_decided(machine: Machine) -> None:
    await_state(machine, "ready")
    assert machine.show(UNIT, "ActiveState") == "active"
    assert model(machine)["name"] == "mine"


def test_a_restart_of_the_daemon_leaves_it_alone(machine: Machine) -> None:
    await_state(machine, "ready")
    before = pid(machine)
    machine.systemctl("restart", DAEMON)
    release.await_ready(machine)
    await_state(machine, "ready")
    assert pid(machine) == before


def test_it_comes_back_when_it_is_killed(machine: Machine) -> None:
    await_state(machine, "ready")
    before = pid(machine)
    machine.run("kill", f"-{signal.SIGKILL.value}", before)
    machine.until(lambda: pid(machine) not in ("0", before), 60)
    await_state(machine, "ready")
    assert machine.show(DAEMON, "ActiveState") == "active"


def test_out_of_memory_it_dies_alone_and_comes_back(machine: Machine) -> None:
    await_state(machine, "ready")
    before, daemon = pid(machine), machine.show(DAEMON, "MainPID")
    machine.systemctl("set-property", "--runtime", UNIT, "MemoryMax=200M")
    machine.write("/srv/eat", "")
    machine.until(lambda: pid(machine) != before, 60)
    machine.run("rm", "/srv/eat")
    machine.until(lambda: pid(machine) not in ("0", before), 60)
    await_state(machine, "ready")
    ends = machine.run("journalctl", "-u", UNIT, "-o", "cat").stdout
    # By the kernel, or by itself where the machine that tests has no such limits to give.
    assert "oom-kill" in ends or "status=6/ABRT" in ends
    # Ears and voice have not noticed.
    assert machine.show(DAEMON, "MainPID") == daemon
    assert machine.show(DAEMON, "ActiveState") == "active"
    assert json.loads(release.ask(machine, "/health")[1])["ready"]


def test_it_is_the_first_to_go_and_sees_no_conversation(machine: Machine) -> None:
    await_state(machine, "ready")
    of_the_model = machine.shell(f"cat /proc/{pid(machine)}/oom_score_adj").stdout.strip()
    of_the_daemon = machine.shell(
        f"cat /proc/{machine.show(DAEMON, 'MainPID')}/oom_score_adj"
    ).stdout.strip()
    assert int(of_the_model) >= 500 > int(of_the_daemon)
    seen = machine.shell(f"ls /proc/{pid(machine)}/root{STATE}").stdout.split()
    assert set(seen) <= {"llm.json", "llm.key", "models"}
    assert "llm.json" in seen


def test_without_a_decision_for_a_model_it_ends_well(machine: Machine) -> None:
    await_state(machine, "ready")
    machine.write(
        "/etc/voice-appliance/appliance.toml", release.settings('[llm]\nprovider = "none"\n')
    )
    machine.systemctl("restart", DAEMON)
    release.await_ready(machine)
    machine.until(lambda: machine.show(UNIT, "ActiveState") == "inactive", 60)
    assert machine.show(UNIT, "Result") == "success"
