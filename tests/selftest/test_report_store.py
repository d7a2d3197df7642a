"""The store of self-test reports and its lock."""

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import SelftestRunning, StoreError
from appliance.selftest import report_store
from appliance.selftest.report_store import KEPT, ReportStore


@pytest.fixture
def kept(tmp_path: Path) -> ReportStore:
    return ReportStore(tmp_path)


def test_the_latest_reports_are_stored_in_order(kept: ReportStore, tmp_path: Path) -> None:
    assert kept.latest() is None
    for number in range(KEPT + 3):
        kept.append({"number": number})
    numbers = [report["number"] for report in kept.reports()]
    assert numbers == list(range(3, KEPT + 3))
    assert kept.latest() == {"number": KEPT + 2}
    assert {file.name for file in tmp_path.iterdir()} == {"selftest.json"}
    assert stat.S_IMODE((tmp_path / "selftest.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[1, null, {}]", '{"a": 1}', "null", "\udcff"])
def test_a_damaged_file_holds_no_reports_and_is_replaced(
    kept: ReportStore, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "selftest.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert all(isinstance(report, dict) for report in kept.reports())
    kept.append({"number": 1})
    assert kept.latest() == {"number": 1}
    assert json.loads(file.read_text())


def test_the_lock_is_exclusive(
    kept: ReportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_store, "LOCK_SECONDS", 0.0)
    assert not kept.running()
    with kept.exclusive():
        assert kept.running()
        other = ReportStore(tmp_path)
        with pytest.raises(SelftestRunning) as refusal, other.exclusive():
            pass
        assert refusal.value.advice
        assert kept.progress() is None
        kept.write_progress({"total": 18})
        assert other.progress() == {"total": 18}
    assert not kept.running()
    assert kept.progress() is None
    with kept.exclusive():
        pass


def test_a_waiting_selftest_begins_when_the_other_has_ended(
    kept: ReportStore, tmp_path: Path
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        with ReportStore(tmp_path).exclusive(60.0):
            ended.set()

    waiting = threading.Thread(target=wait)
    with kept.exclusive():
        waiting.start()
        assert begun.wait(10)
        # Longer than without a wait argument.
        assert not ended.wait(report_store.LOCK_SECONDS + 0.3)
    assert ended.wait(10)
    waiting.join()


def test_links_are_not_followed(kept: ReportStore, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name in ("selftest.lock", "selftest.json.new"):
        (tmp_path / name).symlink_to(other)
    with pytest.raises(StoreError), kept.exclusive():
        pass
    kept.append({})
    assert kept.reports() == [{}]
    assert not other.exists()


def _file_in_place(place: Path) -> None:
    place.write_text("")


def _missing(place: Path) -> None:
    pass


@pytest.mark.parametrize("make", [_file_in_place, _missing])
def test_an_unusable_directory_is_a_store_error(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    place = tmp_path / "state"
    make(place)
    kept = ReportStore(place)

    def run() -> None:
        with kept.exclusive():
            pass

    uses: tuple[Callable[[], None], ...] = (
        lambda: kept.append({}),
        lambda: kept.write_progress({}),
        run,
    )
    for use in uses:
        with pytest.raises(StoreError) as refusal:
            use()
        assert "root" in refusal.value.advice
    assert (kept.reports(), kept.running(), kept.progress()) == ([], False, None)


def test_files_that_root_writes_belong_to_the_owner_of_the_directory(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root writes for somebody else")
    os.chown(tmp_path, 12_345, 12_346)
    kept = ReportStore(tmp_path)
    with kept.exclusive():
        kept.write_progress({})
        kept.append({})
        owners = {(file.stat().st_uid, file.stat().st_gid) for file in tmp_path.iterdir()}
    assert owners == {(12_345, 12_346)}
