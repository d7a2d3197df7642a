"""A small file is replaced whole or not at all, for its owner alone, and nothing is left over."""

import os
import stat
from pathlib import Path

import pytest

from appliance.atomic_file import replace_text


def test_a_file_is_replaced_and_private(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(0o644)
    replace_text(path, "nëw")
    assert path.read_text(encoding="utf-8") == "nëw"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_who_reads_meanwhile_has_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with path.open() as reader:
        replace_text(path, "new")
        assert reader.read() == "old"


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "a.json", []
    path.write_text("old")

    def fsync(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        fresh = tmp_path / "a.json.new"
        written = fresh.read_text() if fresh.exists() else ""
        synced.append((is_directory, written, path.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    replace_text(path, "new")
    assert synced == [(False, "new", "old"), (True, "", "new")]
    replace_text(path, "newer", synced=False)
    assert (len(synced), path.read_text()) == (2, "newer")


def test_a_disk_that_is_full_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        replace_text(path, "new")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_no_link_is_followed_and_what_was_cut_off_is_no_obstacle(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "a.json"
    elsewhere.write_text("kept")
    path.symlink_to(elsewhere)
    (tmp_path / "a.json.new").symlink_to(elsewhere)
    replace_text(path, "new")
    assert (elsewhere.read_text(), path.read_text(), path.is_symlink()) == ("kept", "new", False)
    (tmp_path / "a.json.new").write_text("half of")
    replace_text(path, "newer")
    assert path.read_text() == "newer"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_writes_belongs_to_the_owner_of_the_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 54321)
    replace_text(tmp_path / "a.json", "new")
    made = (tmp_path / "a.json").stat()
    assert (made.st_uid, made.st_gid) == (12345, 54321)
