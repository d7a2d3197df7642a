"""Stores the latest self-test reports and the progress of the self-test under way.

The files stand beside the database and not in it, because a damaged or read-only database is one
of the things that a self-test finds.

    selftest.lock       locked for as long as a self-test runs, by any process; a kill frees it
    selftest.now.json   the progress of the self-test under way
    selftest.json       the latest KEPT reports, oldest first
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from appliance.atomic_file import give_to_owner, replace_text
from appliance.errors import SelftestRunning, write_error

KEPT = 50  # a nightly run and some by hand: more than a month, some 400 kB
# `running` holds the lock for microseconds, so a self-test must not give up at the first attempt.
LOCK_SECONDS = 1.0

# Root may write into the directory of the daemon's user, who must not redirect it with a link.
_FLAGS = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW

Document = Mapping[str, Any]


class ReportStore:
    """The self-test reports of the appliance whose state directory is `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock_file = directory / "selftest.lock"
        self._progress_file = directory / "selftest.now.json"
        self._reports_file = directory / "selftest.json"

    @contextmanager
    def exclusive(self, wait: float = 0.0) -> Iterator[None]:
        """Holds the lock, so that no other process runs a self-test meanwhile.

        Raises SelftestRunning where another one still runs after `wait` seconds, StoreError where
        the directory cannot be used.
        """
        with _store_errors(self._directory):
            descriptor = os.open(self._lock_file, _FLAGS, 0o600)
        try:
            with _store_errors(self._directory):
                give_to_owner(descriptor, self._directory)
            _acquire(descriptor, max(wait, LOCK_SECONDS))
            try:
                yield
            finally:
                with suppress(OSError):
                    self._progress_file.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def running(self) -> bool:
        """Whether some process is running a self-test now."""
        try:
            descriptor = os.open(self._lock_file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def write_progress(self, progress: Document) -> None:
        """Replaces the progress of the self-test under way. Raises StoreError."""
        with _store_errors(self._directory):
            replace_text(self._progress_file, json.dumps(progress))

    def progress(self) -> Document | None:
        """The progress of the self-test under way; None where none runs or none is written yet."""
        found = _load_json(self._progress_file) if self.running() else None
        return found if isinstance(found, dict) else None

    def append(self, report: Document) -> None:
        """Adds a report and drops the oldest beyond KEPT. Raises StoreError."""
        with _store_errors(self._directory):
            latest = [*self.reports(), dict(report)][-KEPT:]
            replace_text(self._reports_file, json.dumps(latest))

    def reports(self) -> list[Document]:
        """The stored reports, oldest first; a damaged file holds none."""
        found = _load_json(self._reports_file)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def latest(self) -> Document | None:
        return next(reversed(self.reports()), None)


def _acquire(descriptor: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise SelftestRunning("a self-test is under way already") from None
            time.sleep(0.02)
        else:
            return


def _load_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def _store_errors(directory: Path) -> Iterator[None]:
    """Turns OSError into StoreError."""
    try:
        yield
    except OSError as error:
        advice = "Run the self-test as root or as the appliance's user."
        raise write_error(f"the result in {directory}", error, advice=advice) from None
