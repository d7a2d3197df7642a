"""The self-test after an update, and the end of the probation: whose fault is what fails."""

import json
import shlex
from pathlib import Path

import pytest

from appliance.agents import process
from appliance.engines import worker
from tests.install.device import Device
from tests.install.shell import ROOT


def report(*failed: str) -> str:
    """What `appliance selftest --json` prints."""
    found = [
        {"check": name, "verdict": verdict, "message": "seen", "advice": "do", "title": name}
        for name, verdict in [("board", "ok"), *((name, "failure") for name in failed)]
    ]
    whole = {"version": "1", "started_at": 0.0, "seconds": 2.0, "findings": found}
    return json.dumps(whole)


def stands_in(release: Path, status: int, said: str, *, waits: bool = True) -> Path:
    """A release whose self-test says this; what it was asked is in `asked` beside it."""
    program = release / "venv" / "bin" / "appliance"
    program.parent.mkdir(parents=True, exist_ok=True)
    refuses = "" if waits else 'case $* in *--wait*) echo "no such option" >&2; exit 2;; esac\n'
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{release}/asked\n{refuses}'
        'case $* in *--progress*) echo "ok        board" >&2 ;; esac\n'
        f"echo {shlex.quote(said)}\nexit {status}\n"
    )
    program.chmod(0o755)
    (release / "bin").mkdir(exist_ok=True)
    (release / "bin" / "appliance").unlink(missing_ok=True)
    (release / "bin" / "appliance").symlink_to(program)
    return release


# The report is read by the Python of the tests.
READ = 'release=$1; failed_checks() { "$python" "$ROOT/install/findings.py"; }; '


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, (), ""),
        (None, ("llm",), "the self-test found what is told above: llm"),
        (("llm",), ("llm",), "nothing but what it found before the update"),
        (("llm", "heat"), ("llm",), "nothing but what it found before the update"),
        (("llm",), ("llm", "spoken"), "the self-test found what is told above: spoken"),
        ((), ("spoken",), "the self-test found what is told above: spoken"),
    ],
)
def test_only_what_failed_before_is_excused(
    device: Device, before: tuple[str, ...] | None, now: tuple[str, ...], told: str
) -> None:
    if before is not None:
        (device.prefix / "failed-before").write_text("".join(f"{name}\n" for name in before))
    stands_in(device.root, 1 if now else 0, report(*now))
    done = device.tries(f"{READ}self_test; echo well")
    assert told in done.stderr
    assert ("well" in done.stdout) == ("found what is told above" not in told)
    # People see the table.
    assert "ok        board\n" in done.stderr


@pytest.mark.parametrize("allowed", [True, False])
def test_the_unit_allows_what_the_configuration_names(device: Device, allowed: bool) -> None:
    stands_in(device.root, 0 if allowed else 78, "[Service]")
    units = device.does("power_mode='' no_nginx=yes; wanted_units").splitlines()
    placed = {line.split("\t")[1] for line in units if "programs.conf" in line}
    # A release that cannot tell, or a configuration that is none, changes nothing.
    names = ("voice-appliance", "voice-appliance-selftest") if allowed else ()
    assert {Path(place).parent.name for place in placed} == {f"{n}.service.d" for n in names}
    assert (device.root / "asked").read_text() == "config unit\n"


def test_a_self_test_under_way_is_waited_for(device: Device) -> None:
    stands_in(device.root, 0, report())
    device.does(f"{READ}self_test")
    (asked,) = (device.root / "asked").read_text().splitlines()
    assert asked == "selftest --json --wait 600 --progress"


def test_a_release_that_cannot_wait_is_asked_all_the_same(device: Device, tmp_path: Path) -> None:
    old = stands_in(tmp_path / "old", 1, report("llm"), waits=False)
    assert device.does(f"{READ}report_of {old} 2>/dev/null | failed_checks") == "llm\n"


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [(2, "", "could not run"), (1, "Traceback", "no result"), (0, "{}", "no result")],
)
def test_a_self_test_without_a_result_is_none_that_passed(
    device: Device, status: int, said: str, told: str
) -> None:
    stands_in(device.root, status, said)
    done = device.tries(f"{READ}self_test; echo well")
    assert done.stdout == ""
    assert told in done.stderr


NOTHING = 'for one in quietly prune_releases run_steps; do eval "$one() { :; }"; done; '
PREFLIGHT = (
    f"{READ}{NOTHING}database() {{ echo /nowhere; }}; "
    "release_id=two; changed[seal]=yes; do_preflight"
)


def test_what_failed_before_outlives_the_run_that_found_it(device: Device) -> None:
    """It is killed after its preflight, or run again while the release is on probation."""
    stands_in(device.release("one"), 1, report("llm"))
    device.does(PREFLIGHT)
    assert (device.prefix / "failed-before").read_text() == "llm\n"
    stands_in(device.root, 1, report("llm"))
    device.does(f"{READ}{NOTHING}activate")
    live = f"{READ}{NOTHING}release={device.prefix}/stub; go_live"
    (device.prefix / "stub").mkdir()
    (device.prefix / "stub" / "install.sh").symlink_to("/bin/true")
    (device.prefix / "probation").write_text("two one\n")
    device.does(live)
    assert (device.prefix / "failed-before").exists()
    (device.prefix / "probation").unlink()
    device.does(live)
    assert not (device.prefix / "failed-before").exists()


def test_a_release_whose_self_test_says_nothing_excuses_nothing(device: Device) -> None:
    (device.prefix / "failed-before").write_text("spoken\n")
    stands_in(device.release("one"), 2, "")
    device.does(PREFLIGHT)
    assert not (device.prefix / "failed-before").exists()


# ── The end of the probation ─────────────────────────────────────────────────────────────────

# What systemd says of the daemon; `ready` is how often it is asked before it is ready.
PROBATION = """
systemctl() {
  case $* in
    'show -P ActiveState '*) echo "$unit_state" ;;
    'show -P Result '*) echo "$unit_result" ;;
    'show -P ExecMainStatus '*) echo "$unit_status" ;;
    'show -P NRestarts '*) echo "$unit_restarts" ;;
    '-q is-active '*) [[ $unit_state == active ]] ;;
    '-q is-failed '*) [[ $unit_state == failed ]] ;;
    *) echo "$*" ;;
  esac
}
sleep() { ready=$((ready - 1)); }
probe() { ((ready <= 0)); }
rollback_device() { echo rolled back; }
"""


def probation(device: Device, **told: object) -> str:
    facts = {"state": "active", "result": "success", "status": 0, "restarts": 0, **told}
    ready = facts.pop("ready", 0)
    device.release("two")
    for name in ("probation", "failed-before"):
        (device.prefix / name).write_text("two one\n")
    given = " ".join(f"unit_{name}={value}" for name, value in facts.items()) + f" ready={ready}"
    return device.does(f"{PROBATION}{given}; end_probation")


def is_on_probation(device: Device) -> bool:
    return (device.prefix / "probation").exists()


@pytest.mark.parametrize("ready", [0, 3], ids=["ready", "still loading its models"])
def test_a_release_that_is_well_has_proved_itself(device: Device, ready: int) -> None:
    assert probation(device, ready=ready) == ""
    assert not is_on_probation(device)
    assert not (device.prefix / "failed-before").exists()


@pytest.mark.parametrize(
    "told",
    [
        {"state": "inactive"},
        {"state": "failed", "result": "exit-code", "status": 78},
    ],
    ids=["stopped", "settings that cannot be used"],
)
def test_what_the_owner_has_done_is_no_fault_of_the_release(
    device: Device, told: dict[str, object]
) -> None:
    said = probation(device, **told)
    assert said == "--no-block restart voice-appliance-probation.timer\n"
    assert is_on_probation(device)
    assert (device.prefix / "failed-before").exists()


@pytest.mark.parametrize(
    "told",
    [
        {"state": "failed", "result": "exit-code", "status": 1},
        {"state": "failed", "result": "start-limit-hit", "status": 1, "restarts": 6},
        {"state": "inactive", "result": "timeout", "ready": 9},
        {"ready": 1000, "ready_seconds": 0},
    ],
    ids=["failed", "failed again and again", "hung", "never ready"],
)
def test_a_release_that_fails_is_left(device: Device, told: dict[str, object]) -> None:
    if told.pop("ready_seconds", None) is not None or told.get("result") == "timeout":
        (device.configuration / "install.conf").write_text("ready_seconds=0\n")
    assert probation(device, **told) == "rolled back\n"


def test_the_timer_starts_no_self_test_beside_that_of_the_installer() -> None:
    """OnBootSec would be over at once on a machine that has long been up."""
    timer = (ROOT / "systemd" / "voice-appliance-selftest.timer").read_text()
    assert "OnBootSec" not in timer
    assert "OnActiveSec=10min" in timer


def test_the_probation_may_last_as_long_as_loading_the_models() -> None:
    unit = (ROOT / "install" / "units" / "voice-appliance-probation.service").read_text()
    assert "TimeoutStartSec=infinity" in unit


def test_ears_and_voice_come_before_other_services_and_before_agents() -> None:
    unit = (ROOT / "systemd" / "voice-appliance.service").read_text()
    settings = dict(line.partition("=")[::2] for line in unit.splitlines() if "=" in line)
    assert int(settings["CPUWeight"]) > 100  # the default
    nice = int(settings["Nice"])
    assert nice < nice + worker.NICENESS == 0
    assert nice + process.NICENESS >= 10
