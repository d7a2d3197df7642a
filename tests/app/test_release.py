"""Which release runs, and whether another one waits for a restart."""

from pathlib import Path

import pytest

from appliance import __version__
from appliance.app.release import UpdateState, release


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Two installed releases, of which `new` is the current one."""
    for name in ("old", "new"):
        (tmp_path / "releases" / name / "venv").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/new")
    return tmp_path


def test_a_checkout_knows_of_no_update(tmp_path: Path, prefix: Path) -> None:
    found = release(prefix, tmp_path / "elsewhere")
    assert (found.version, found.running, found.installed) == (__version__, "", "")
    assert found.update is UpdateState.UNKNOWN


def test_a_newer_release_waits_for_a_restart(prefix: Path) -> None:
    found = release(prefix, prefix / "releases/old/venv")
    assert (found.running, found.installed) == ("old", "new")
    assert found.update is UpdateState.RESTART


def test_a_new_release_is_on_probation(prefix: Path) -> None:
    assert release(prefix, prefix / "releases/new/venv").update is UpdateState.UNKNOWN
    (prefix / "probation").write_text("new old\n")
    assert release(prefix, prefix / "releases/new/venv").update is UpdateState.PROBATION
