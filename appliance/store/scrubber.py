"""Removes the words of deleted conversations from all files, on a thread, until none is left."""

import logging
import threading
import time
from pathlib import Path

from appliance.errors import StoreError
from appliance.store.erasure import scrub

log = logging.getLogger(__name__)

STEP_PAUSE = 0.01  # seconds, in which the writer gets the lock
RETRY_SECONDS = 1.0  # a reader that holds up the log is soon done
CLOSE_SECONDS = 5.0


class Scrubber:
    """Used once: from construction, which starts its thread and makes up for what was cut off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._requested, self._done = 1, 0  # the first is what the last process left
        self._since: float | None = None
        self._closed = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="store-scrubber", daemon=True)
        self._thread.start()

    @property
    def overdue_seconds(self) -> float:
        """For how long words have been waiting to be removed; 0 where there are none."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def request(self) -> None:
        """A conversation was deleted. Returns at once."""
        with self._changed:
            self._requested += 1
            self._since = self._since or time.monotonic()
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Waits until no word of a deleted conversation is left; False after `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._done == self._requested, timeout=seconds)

    def close(self) -> None:
        """Ends the thread after its current step; the next start goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (request := self._next()) is not None:
            if self._scrub():
                self._finish(request)
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, timeout=RETRY_SECONDS)

    def _next(self) -> int | None:
        """Waits for work, and returns the number of the latest request; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._done < self._requested or self._closed)
            return None if self._closed else self._requested

    def _scrub(self) -> bool:
        try:
            return scrub(self._path, self._pause)
        except StoreError as error:  # tried again each second; what lasts is said once
            if error.message != self._trouble:
                log.warning("words of a deleted conversation are still there: %s", error.message)
            self._trouble = error.message
            return False

    def _finish(self, request: int) -> None:
        with self._changed:
            self._done = request
            if request == self._requested:
                self._since = None
            self._changed.notify_all()

    def _pause(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout=STEP_PAUSE)
            return not self._closed
