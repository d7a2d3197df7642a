"""From one release to the next while people come and go, and back when the next is no good."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.system import installing
from tests.system.installing import PREFIX, UNIT, answers, current, run
from tests.system.machine import Machine, booted

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)

NEXT = "/srv/next"
UPDATE = (f"{NEXT}/install.sh", "update", "--offline", NEXT, "--yes")
# For a release that never gets ready, and for the one before, which takes seconds.
SHORT_UPDATE = (*UPDATE, "--ready-seconds", "60")
DATABASE = "/var/lib/voice-appliance/voice_conversations.db"

# What a release may suffer from, as a change of its package.
Edit = Callable[[Path], None]


def replace(file: str, old: str, new: str) -> Edit:
    def edit(package: Path) -> None:
        text = (package / file).read_text()
        assert old in text
        (package / file).write_text(text.replace(old, new, 1))

    return edit


ALL_IS_WELL = replace("__init__.py", '"""', '"""Another release. ')
NO_IMPORT = replace("app/daemon.py", "import asyncio\n", "import asyncio\nimport no_such_module\n")
METRICS = "    metrics, state = Metrics(), config.store.path.parent\n"
NO_START = replace("app/daemon.py", METRICS, '    raise RuntimeError("a bad release")\n')
NO_MODELS = replace("app/daemon.py", "            runtime.load(secrets),\n", "")


def new_schema(package: Path) -> None:
    """It changes the database, and then it does not work."""
    (package / "store/schema/9999_later.sql").write_text("CREATE TABLE later (x TEXT) STRICT;")
    NO_MODELS(package)


def dies_later(package: Path) -> None:
    """It works until somebody asks for it to end."""
    replace(
        "app/daemon.py",
        METRICS,
        METRICS + "    if __import__('pathlib').Path('/var/lib/voice-appliance/die').exists():\n"
        "        raise SystemExit(3)\n",
    )(package)


Next = Callable[[Edit], AbstractContextManager[Machine]]


@pytest.fixture
def updated(after_installation: Path, bundle: Path, tmp_path: Path) -> Next:
    """A machine with the appliance, on which another release lies at hand; it has booted."""

    @contextmanager
    def another(edit: Edit) -> Iterator[Machine]:
        following = installing.variant(bundle, tmp_path / "next", edit)
        with booted(after_installation, tmp_path / "machine", [(following, NEXT)]) as machine:
            machine.until(lambda: answers(machine))
            yield machine

    return another


def test_an_update_refuses_nobody(updated: Next) -> None:
    with updated(ALL_IS_WELL) as machine:
        address = machine.give_lan()
        machine.systemctl("start", "voice-appliance-certs.service")
        before = current(machine)
        with installing.visited(machine, f"https://{address}/health") as became:
            said = run(machine, *UPDATE)
        assert set(became) == {"200"}, became
        assert became["200"] > 100
        after = current(machine)
        assert after != before
        assert after in said
        assert answers(machine)
        assert f"{PREFIX}/releases/{after}/" in machine.run(
            "cat", f"/proc/{machine.show(UNIT, 'MainPID')}/cmdline"
        ).stdout.replace("\0", " ")
        assert "on probation" in said
        backups = machine.run("ls", "/var/lib/voice-appliance/backups").stdout.split()
        assert backups == [f"before-{after}.db"]
        # Ten minutes later.
        machine.systemctl("start", "voice-appliance-probation.service")
        assert not machine.path(f"{PREFIX}/probation").exists()
        assert current(machine) == after
        # By hand, and back again.
        assert f"Release {before} runs" in run(machine, f"{PREFIX}/current/install.sh", "rollback")
        assert current(machine) == before
        assert answers(machine)
        run(machine, "/opt/voice-appliance/current/install.sh", "rollback")
        assert current(machine) == after


def test_a_release_that_cannot_work_is_refused_before_anything_changed(updated: Next) -> None:
    with updated(NO_IMPORT) as machine:
        before, pid = current(machine), machine.show(UNIT, "MainPID")
        said = run(machine, *UPDATE, check=False)
        assert "no_such_module" in said
        assert current(machine) == before
        assert machine.show(UNIT, "MainPID") == pid


@pytest.mark.parametrize("edit", [NO_START, NO_MODELS], ids=["ends at once", "is never ready"])
def test_a_release_that_does_not_work_is_left_again(updated: Next, edit: Edit) -> None:
    with updated(edit) as machine:
        address = machine.give_lan()
        machine.systemctl("start", "voice-appliance-certs.service")
        before = current(machine)
        with installing.visited(machine, f"https://{address}/health") as became:
            said = run(machine, *SHORT_UPDATE, check=False)
        assert f"nothing was updated: release {before} runs as before" in said
        assert current(machine) == before
        assert answers(machine)
        assert set(became) == {"200"}, became
        assert not machine.path(f"{PREFIX}/probation").exists()


def test_the_database_goes_back_with_the_release(updated: Next) -> None:
    with updated(new_schema) as machine:
        before = current(machine)
        said = run(machine, *SHORT_UPDATE, check=False)
        assert "the backup takes its place" in said
        assert current(machine) == before
        assert answers(machine)
        kept = machine.run("ls", "/var/lib/voice-appliance/backups").stdout
        assert "set-aside-" in kept
        tables = f"import sqlite3; print(sqlite3.connect('{DATABASE}').execute("
        tables += "\"SELECT count(*) FROM sqlite_master WHERE name = 'later'\").fetchone()[0])"
        assert machine.run("python3", "-c", tables).stdout.strip() == "0"


def test_a_release_that_fails_on_probation_is_left_again(updated: Next) -> None:
    with updated(dies_later) as machine:
        before = current(machine)
        run(machine, *UPDATE)
        assert current(machine) != before
        machine.write("/var/lib/voice-appliance/die", "")
        machine.systemctl("kill", "-s", "KILL", UNIT)
        machine.until(lambda: current(machine) == before)
        machine.until(lambda: answers(machine))
        assert not machine.path(f"{PREFIX}/probation").exists()
        assert "going back" in machine.journal(f"voice-appliance-failed@{UNIT}.service")


def test_what_the_owner_does_on_probation_is_no_fault_of_the_release(updated: Next) -> None:
    with updated(ALL_IS_WELL) as machine:
        run(machine, *UPDATE)
        after = current(machine)
        machine.systemctl("stop", UNIT)
        looked_at_later(machine, after)
        settings = machine.path("/etc/voice-appliance/appliance.toml")
        good = settings.read_text()
        settings.write_text(f"{good}\n[no_such_section]\n")
        machine.systemctl("start", UNIT, check=False)
        machine.until(lambda: machine.show(UNIT, "ExecMainStatus") == "78")
        looked_at_later(machine, after)
        settings.write_text(good)
        # It is being started, and not ready yet.
        machine.systemctl("reset-failed", UNIT)
        machine.systemctl("start", UNIT)
        machine.systemctl("start", "voice-appliance-probation.service")
        assert not machine.path(f"{PREFIX}/probation").exists()
        assert current(machine) == after


def looked_at_later(machine: Machine, release: str) -> None:
    machine.systemctl("start", "voice-appliance-probation.service")
    assert machine.path(f"{PREFIX}/probation").exists()
    assert current(machine) == release
    timer = "voice-appliance-probation.timer"
    machine.until(lambda: machine.show(timer, "SubState") == "waiting")


def test_an_installed_release_updates_from_an_archive(updated: Next) -> None:
    with updated(ALL_IS_WELL) as machine:
        machine.shell(f"tar -C / -cf /root/next.tar {NEXT.lstrip('/')} --transform s,srv/,,")
        before = current(machine)
        installer = f"{PREFIX}/current/install.sh"
        run(machine, installer, "update", "--offline", "/root/next.tar", "--yes")
        assert current(machine) != before
        assert answers(machine)
        assert not machine.path(f"{PREFIX}/incoming").exists()
