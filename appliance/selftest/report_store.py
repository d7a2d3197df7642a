"""The self-tests that were run: the latest reports, and the one under way.

They stand in files of their own beside the database, because one of the things that a self-test
finds is a database that is damaged or cannot be written.

    selftest.lock       held for as long as a self-test runs, by whichever process; a kill frees it
    selftest.now.json   how far the one under way has come
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

from appliance.errors import SelftestRunning, StoreError

KEPT = 50  # a nightly run and some by hand: more than a month, some 400 kB
LOCK_PATIENCE = 1.0  # seconds; who only looks whether one runs holds the lock for microseconds

# Root may be at work in the directory of the daemon's user: no link of his leads it elsewhere.
_FLAGS = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW

Document = Mapping[str, Any]


class Selftests:
    """The self-tests of the appliance whose state stands in `directory`."""

    def __init__(self, directory: Path) -> None:
        """Touches nothing."""
        self._directory = directory
        self._lock = directory / "selftest.lock"
        self._now = directory / "selftest.now.json"
        self._kept = directory / "selftest.json"

    @contextmanager
    def alone(self, wait: float = 0.0) -> Iterator[None]:
        """While it lasts, no other process runs a self-test.

        Raises SelftestRunning where one does for `wait` seconds more, StoreError where the
        directory cannot be used.
        """
        with _faults(self._directory):
            descriptor = os.open(self._lock, _FLAGS | os.O_RDWR, 0o600)
        try:
            with _faults(self._directory):
                _give_to_owner(descriptor, self._directory)
            _take(descriptor, max(wait, LOCK_PATIENCE))
            try:
                yield
            finally:
                with suppress(OSError):
                    self._now.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def running(self) -> bool:
        """Whether some process is running a self-test now."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def note(self, progress: Document) -> None:
        """Says how far the one under way has come. Raises StoreError."""
        with _faults(self._directory):
            _write(self._now, progress)

    def progress(self) -> Document | None:
        """How far the one under way has come; None where none is, or it has not said so yet."""
        found = _read(self._now) if self.running() else None
        return found if isinstance(found, dict) else None

    def keep(self, report: Document) -> None:
        """Adds a report and drops the oldest beyond KEPT. Raises StoreError."""
        with _faults(self._directory):
            _write(self._kept, [*self.all(), dict(report)][-KEPT:])

    def all(self) -> list[Document]:
        """The reports that are kept, oldest first; a damaged file holds none."""
        found = _read(self._kept)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def last(self) -> Document | None:
        """The latest report."""
        return next(reversed(self.all()), None)


def _take(descriptor: int, seconds: float) -> None:
    last = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > last:
                raise SelftestRunning("a self-test is under way already") from None
            time.sleep(0.02)
        else:
            return


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, document: object) -> None:
    """Replaces the file at once: who reads meanwhile finds the old one or the new."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, _FLAGS | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        _give_to_owner(descriptor, path.parent)
        json.dump(document, file)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _give_to_owner(descriptor: int, directory: Path) -> None:
    """What root writes (the installer does) belongs to the daemon's user, like the directory."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


@contextmanager
def _faults(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{directory} does not take the results: {error.strerror or error}",
            advice="Run the self-test as root or as the appliance's user, and look for free space.",
        ) from None
