"""Keeps the log of the last hour in memory, redacted, for the page."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.observability.redaction import redacted

KEPT_SECONDS = 3600.0
MOST_ENTRIES = 4000  # an hour of a busy appliance
MOST_CHARACTERS = 2000  # of one entry: a long traceback ends in the cause, so its end is kept


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the log, at `at` seconds since the epoch. `id` grows by one with each."""

    id: int
    at: float
    level: str
    logger: str
    message: str


class LogRing(logging.Handler):
    """A bounded log in memory. It is attached to the root logger, and called from any thread."""

    def __init__(self, secrets: Iterable[str] = (), clock: Callable[[], float] = time.time) -> None:
        super().__init__(logging.INFO)
        self._secrets = frozenset(secrets)
        self._clock = clock
        self._entries: deque[LogEntry] = deque(maxlen=MOST_ENTRIES)
        self._count = 0
        self.setFormatter(logging.Formatter("%(message)s"))

    @contextmanager
    def attached(self) -> Iterator["LogRing"]:
        """Collects what the process logs, until left."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield self
        finally:
            root.removeHandler(self)

    def hide(self, secrets: Iterable[str]) -> None:
        """Leaves these out of what is logged from now on, too."""
        self._secrets |= frozenset(secrets)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging under the handler's lock."""
        try:
            text = redacted(self.format(record), self._secrets)
        except Exception:  # noqa: BLE001  the boundary of a log line: a wrong format harms nobody
            self.handleError(record)
            return
        if len(text) > MOST_CHARACTERS:
            text = f"…{text[-MOST_CHARACTERS:]}"
        self._count += 1
        level = record.levelname.lower()
        self._entries.append(LogEntry(self._count, record.created, level, record.name, text))

    def entries(
        self, *, least: int = logging.INFO, after: int = 0, limit: int = MOST_ENTRIES
    ) -> list[LogEntry]:
        """Returns the latest entries of the last hour, oldest first.

        Those at least as grave as the level `least`, and logged after the entry with the id
        `after`.
        """
        horizon = self._clock() - KEPT_SECONDS
        self.acquire()  # the handler's lock, which `emit` is called under
        try:
            kept = list(self._entries)
        finally:
            self.release()
        levels = logging.getLevelNamesMapping()
        found = [
            entry
            for entry in kept
            if entry.at >= horizon
            and entry.id > after
            and levels.get(entry.level.upper(), least) >= least
        ]
        return found[-limit:]
