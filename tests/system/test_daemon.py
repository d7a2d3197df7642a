"""The daemon's life under systemd: it starts, talks, restarts, recovers and stops."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.client import Call, calling
from tests.daemon import command
from tests.system import release
from tests.system.machine import Machine, booted

UNIT, SOCKET = "voice-appliance.service", "voice-appliance.socket"
CONFIGURATION = "/etc/voice-appliance/appliance.toml"
# Quick to be missed, so that the tests are quick; six starts in five minutes would not do here.
FOR_TESTS = {"WatchdogSec": "10", "StartLimitBurst": "100"}


@pytest.fixture(scope="module")
def machine(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An appliance with the micro models, open to everybody, on its own socket only."""
    state = tmp_path_factory.mktemp("daemon")
    with booted(
        debian, state, release.LENT, lambda m: release.lay(m, more=release.MICRO_MODELS)
    ) as machine:
        release.begin(machine, FOR_TESTS)
        yield machine


@pytest.fixture(autouse=True)
def is_ready(machine: Machine) -> None:
    """Whatever the test before did."""
    machine.systemctl("start", UNIT)
    release.await_ready(machine)


def main_pid(machine: Machine) -> str:
    return machine.show(UNIT, "MainPID")


def socket_of(machine: Machine) -> str:
    return str(machine.path(release.SOCKET))


@contextmanager
def visitors(machine: Machine) -> Iterator[dict[str, Any]]:
    """Fifty a second on the daemon's socket; what became of them, once the context has ended."""
    became: dict[str, Any] = {}
    program = [sys.executable, "-m", "tests.system.visitors", "http://localhost/health"]
    with subprocess.Popen(
        [*program, "--socket", socket_of(machine)],
        cwd=release.REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first has been answered
        yield became
        told, _ = process.communicate(timeout=90)
    became.update(json.loads(told))


async def speaks(call: Call, asked: str) -> float:
    sent = await call.type(asked)
    await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=sent)
    return sent


def test_it_runs_with_no_rights(machine: Machine) -> None:
    status = machine.shell(f"cat /proc/{main_pid(machine)}/status").stdout
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    owner = machine.run("id", "-u", "voice-appliance").stdout.strip()
    assert set(facts["Uid"].split()) == {owner}
    assert machine.run("stat", "-c", "%U %G %a", release.SOCKET).stdout.split() == [
        *("voice-appliance", "www-data", "660")
    ]
    assert machine.run("stat", "-c", "%U %a", "/var/lib/voice-appliance").stdout.split() == [
        *("voice-appliance", "700")
    ]


async def test_models_hear_and_speak_in_there(machine: Machine) -> None:
    async with calling("http://localhost", socket=socket_of(machine)) as call:
        assert machine.show(UNIT, "StatusText").startswith("Ready: whisper model")
        assert "; 1 of " in machine.show(UNIT, "StatusText")
        end = await call.say(command("what_time_is_it"))
        heard = await call.wait_for(lambda a: a.kind == "user-transcription", since=end)
        assert heard.data["text"].lower().startswith("what time is it")
        await call.wait_for(lambda a: a.kind == "audio", since=end)
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=end)
    engines = json.loads(release.ask(machine, "/health")[1])["engines"]
    assert engines["stt"]["name"].startswith("whisper")
    assert engines["tts"]["name"].startswith("kokoro")
    await asyncio.to_thread(
        machine.until, lambda: "; 0 of " in machine.show(UNIT, "StatusText"), 10
    )


def test_restarts_refuse_nobody(machine: Machine) -> None:
    with visitors(machine) as became:
        for _ in range(3):
            machine.systemctl("restart", UNIT)
            release.await_ready(machine)
    assert set(became["became"]) == {"200"}, became
    assert became["became"]["200"] > 200


def test_a_kill_refuses_nobody_either(machine: Machine) -> None:
    before = main_pid(machine)
    with visitors(machine) as became:
        machine.systemctl("kill", "--signal=KILL", UNIT)
        machine.until(lambda: main_pid(machine) not in (before, "0"))
        release.await_ready(machine)
    assert became["became"].pop("200") > 50
    # Those it was about to answer are cut off; that is another thing than being refused.
    gone = ("ClientOSError: [Errno 104]", "ClientOSError: [Errno 32]", "ClientConnectionResetError")
    cut_off = ("ServerDisconnectedError", *gone)
    assert all(reason.startswith(cut_off) for reason in became["became"]), became
    assert sum(became["became"].values()) < 50, became
    assert machine.show(SOCKET, "ActiveState") == "active"


def test_a_hung_daemon_is_replaced(machine: Machine) -> None:
    before = main_pid(machine)
    machine.systemctl("kill", "--signal=STOP", UNIT)
    machine.until(lambda: main_pid(machine) not in (before, "0"))
    release.await_ready(machine)
    assert "Watchdog timeout" in machine.journal(UNIT)


def test_reload_says_what_a_restart_would_change(machine: Machine) -> None:
    before = main_pid(machine)
    good = machine.path(CONFIGURATION).read_text()
    try:
        machine.systemctl("reload", UNIT)
        machine.until(lambda: "the settings are those in force" in machine.journal(UNIT))
        machine.write(CONFIGURATION, good + "[limits]\nsessions = 3\n")
        machine.systemctl("reload", UNIT)
        machine.until(lambda: "a restart is needed for limits.sessions" in machine.journal(UNIT))
        machine.write(CONFIGURATION, good + "[limits]\nsesions = 3\n")
        refused = machine.systemctl("reload", UNIT, check=False)
        assert refused.returncode != 0
        assert "did you mean 'sessions'" in machine.journal(UNIT)
    finally:
        machine.write(CONFIGURATION, good)
    assert main_pid(machine) == before
    assert machine.show(UNIT, "ActiveState") == "active"


def test_a_configuration_that_is_none_ends_it_for_good(machine: Machine) -> None:
    good = machine.path(CONFIGURATION).read_text()
    try:
        machine.write(CONFIGURATION, good + "[nonsense]\n")
        assert machine.systemctl("restart", UNIT, check=False).returncode != 0
        assert machine.show(UNIT, "ActiveState") == "failed"
        assert machine.show(UNIT, "ExecMainStatus") == "78"
        # Nobody's visit starts it again, and who visits is told so at once.
        machine.until(lambda: machine.show(SOCKET, "ActiveState") == "inactive")
        assert release.ask(machine, "/health")[0] == 0
        assert machine.show(UNIT, "NRestarts") == "0"
        told = f"voice-appliance-failed@{UNIT}.service"
        machine.until(lambda: "cannot use its settings" in machine.journal(told))
    finally:
        machine.write(CONFIGURATION, good)
    machine.systemctl("start", UNIT)
    release.await_ready(machine)


async def test_stop_finishes_the_sentence_and_stays_stopped(machine: Machine) -> None:
    async with calling("http://localhost", socket=socket_of(machine)) as call:
        # Ten seconds of speech: whatever holds the stop up, it comes before their end.
        sent = await speaks(call, "what can you do")
        stopping = asyncio.create_task(asyncio.to_thread(machine.systemctl, "stop", UNIT))
        await call.wait_for(lambda a: a.data.get("type") == "notice", since=sent)
        assert call.after(sent, "bot-stopped-speaking") == []
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
        assert await call.wait_closed() == 1001
        await stopping
    assert machine.show(UNIT, "Result") == "success"
    machine.until(lambda: machine.show(SOCKET, "ActiveState") == "inactive")
    assert release.ask(machine, "/health")[0] == 0
    assert machine.show(UNIT, "ActiveState") == "inactive"


def test_secrets_come_as_credentials(machine: Machine) -> None:
    given = "/etc/voice-appliance/credentials/openai_api_key"
    machine.write(given, "sk-secret\n", 0o600)
    machine.systemctl("restart", UNIT)
    release.await_ready(machine)
    place = machine.path(f"/run/credentials/{UNIT}")
    assert (place / "openai_api_key").read_text() == "sk-secret\n"
    assert (place / "groq_api_key").read_text().strip() == ""
    environment = Path(f"/proc/{machine.pid}/root/proc/{main_pid(machine)}/environ").read_bytes()
    assert b"sk-secret" not in environment
    assert "sk-secret" not in machine.journal()
    machine.run("rm", given)


def test_the_journal_keeps_to_its_limits(machine: Machine) -> None:
    told = machine.run("systemd-analyze", "cat-config", "systemd/journald.conf").stdout
    assert re.search(r"^SystemMaxUse=300M$", told, re.MULTILINE)


def test_it_comes_back_with_the_machine(machine: Machine) -> None:
    machine.off()
    machine.on()
    release.await_ready(machine)
