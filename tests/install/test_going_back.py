"""Back to the release before: whole, with a database that it can read, or not at all."""

from pathlib import Path

import pytest

from tests.install.device import Device

# What the releases and the database would say; what was asked of the database is in `asked`.
STANDS_FOR = """
quietly() { "$@"; }
systemctl() { echo "systemctl $*" >>"$PREFIX/asked"; }
database() { printf '%s' "$STATE/voice.db"; }
schema_of() { printf 'schema of %s' "${1##*/}"; }
database_as_appliance() { echo "$*" >>"$PREFIX/asked"; [[ $1 != fits || -n ${readable:-} ]]; }
"""


@pytest.fixture
def two(device: Device) -> Device:
    """Release `two` is live and on probation; `one` was before it."""
    for name in ("one", "two"):
        release = device.release(name)
        installer = release / "install.sh"
        installer.write_text(f'#!/bin/sh\necho {name} "$@" >>{device.prefix}/activated\n')
        installer.chmod(0o755)
        device.does(f'list_files "{release}" >"{release}/MANIFEST.sha256"')
    (device.prefix / "probation").write_text("two one\n")
    (device.prefix / "previous").write_text("one\n")
    (device.prefix / "failed-before").write_text("llm\n")
    return device


def current(device: Device) -> str:
    return (device.prefix / "current").readlink().name


def asked(device: Device) -> list[str]:
    return (device.prefix / "asked").read_text().splitlines()


def tries_to_go_back(device: Device) -> str:
    """Why it does not."""
    done = device.tries(f"{STANDS_FOR}go_back one; echo back")
    assert done.stdout == ""
    assert current(device) == "two"
    assert not (device.prefix / "activated").exists()
    assert (device.prefix / "probation").exists()
    return done.stderr


def test_the_release_before_runs_again(two: Device) -> None:
    two.does(f"{STANDS_FOR}go_back one")
    assert current(two) == "one"
    assert (two.prefix / "activated").read_text() == "one activate untested\n"
    assert (two.prefix / "restart-needed").exists()
    assert (two.prefix / "previous").read_text() == "two\n"
    assert not (two.prefix / "probation").exists()
    assert not (two.prefix / "failed-before").exists()


def test_one_that_is_damaged_or_gone_is_no_place_to_go(two: Device) -> None:
    one = two.prefix / "releases" / "one"
    (one / "more").write_text("harmless")
    (one / "install.sh").write_text("#!/bin/sh\nexit 0\n")
    assert "release one is damaged; the present one stays" in tries_to_go_back(two)
    (one / "MANIFEST.sha256").unlink()
    assert "release one is not there any more" in tries_to_go_back(two)


def test_a_database_that_it_reads_stays(two: Device) -> None:
    (two.state / "voice.db").touch()
    two.does(f"readable=yes; {STANDS_FOR}go_back one")
    assert asked(two) == [f"fits {two.state}/voice.db schema of one"]


def test_for_one_that_it_cannot_read_comes_the_backup(two: Device) -> None:
    (two.state / "voice.db").touch()
    assert "no backup from before it" in tries_to_go_back(two)
    (two.state / "backups").mkdir()
    (two.state / "backups" / "before-two.db").touch()
    done = two.tries(f"{STANDS_FOR}go_back one")
    assert "what was said since is kept in" in done.stderr
    # Nothing writes while it is replaced.
    *_, stopped, restored = asked(two)
    assert stopped == "systemctl stop voice-appliance.service"
    copy = two.state / "backups"
    assert restored.startswith(
        f"restore {two.state}/voice.db {copy}/before-two.db {copy}/set-aside-two-"
    )
    assert current(two) == "one"


def test_one_that_does_not_come_up_is_told(two: Device) -> None:
    one = two.prefix / "releases" / "one"
    (one / "install.sh").write_text("#!/bin/sh\nexit 3\n")
    two.does(f'list_files "{one}" >"{one}/MANIFEST.sha256"')
    done = two.tries(f"{STANDS_FOR}go_back one; echo back")
    assert done.stdout == ""
    assert "release one does not come up either" in done.stderr


ROLLBACK = f"{STANDS_FOR}check_rights() {{ :; }}; rollback_device"


def test_by_hand_there_is_a_way_forward_again(two: Device) -> None:
    (two.prefix / "probation").unlink()
    two.does(ROLLBACK)
    assert current(two) == "one"
    two.does(ROLLBACK)
    assert current(two) == "two"


def test_of_a_first_release_there_is_nothing_before(two: Device) -> None:
    (two.prefix / "previous").unlink()
    assert "no release before this one" in two.tries(ROLLBACK).stderr


@pytest.mark.parametrize("why", ["no probation", "an installation"])
def test_by_itself_it_goes_back_on_probation_alone(two: Device, why: str, tmp_path: Path) -> None:
    held = ""
    if why == "no probation":
        (two.prefix / "probation").unlink()
    else:
        held = f"exec 5>{tmp_path}/lock; flock 5; "
    said = two.tries(f"{held}{ROLLBACK} --automatic").stderr
    assert ("No release" in said) == (why == "no probation")
    assert current(two) == "two"
    if why == "an installation":
        two.does(f"{ROLLBACK} --automatic")
        assert current(two) == "one"
        # Nobody is to come to that release again without wanting to.
        assert not (two.prefix / "previous").exists()
