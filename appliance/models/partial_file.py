"""A file on its way: the bytes that have arrived, and a note beside it of which these are.

The note is written after the bytes it speaks of, so that after a kill it promises no byte that
is not there. After a power cut it may; the hash of the whole finds that out.
"""

import contextlib
import json
import os
from pathlib import Path

from appliance.models import spans
from appliance.models.spans import Span, Spans

_NOTE_EVERY = 8 * 2**20  # bytes: what a kill may cost to fetch again


class Partial:
    """Used by one task at a time; close it, and what has arrived is kept."""

    def __init__(self, path: Path, total: int | None) -> None:
        """Goes on with what stands at `path`, where its note fits; `total` is None if unknown."""
        self.path = path
        self.promised = total
        self.total = total
        self.validator = ""
        self._spans: Spans = ()
        self._since_note = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._recall()

    def _note(self) -> Path:
        return note_of(self.path)

    def _recall(self) -> None:
        try:
            note = json.loads(self._note().read_text(encoding="utf-8"))
            total, validator = note["total"], note["validator"]
            arrived = tuple((int(start), int(end)) for start, end in note["spans"])
        except (OSError, ValueError, KeyError, TypeError):  # none, or one cut off: begin anew
            return
        there = os.fstat(self._fd).st_size
        if not spans.sound(arrived, there) or self.promised not in (None, total):
            return
        if self.promised is None and not validator:
            return  # nothing would tell whether the rest belongs to it
        self.total, self.validator, self._spans = total, str(validator), arrived

    @property
    def have(self) -> int:
        """How many bytes have arrived."""
        return spans.size(self._spans)

    @property
    def complete(self) -> bool:
        return self.total is not None and self.have == self.total

    def missing(self, largest: int) -> list[Span]:
        """The gaps in pieces of that size at most; empty too where the total is not known."""
        return [] if self.total is None else list(spans.gaps(self._spans, self.total, largest))

    def write(self, offset: int, data: bytes) -> None:
        """Raises OSError when the disk is full."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self._fd, left, offset)
            self._spans = spans.add(self._spans, offset, offset + written)
            offset, left = offset + written, left[written:]
        self._since_note += len(data)
        if self._since_note >= _NOTE_EVERY:
            self.note()

    def restart(self, total: int | None, validator: str) -> None:
        """Forgets what has arrived: the server sends all of it anew, or it was wrong."""
        self._spans = ()
        self.total = self.promised if total is None else total
        self.validator = validator
        os.ftruncate(self._fd, 0)
        self.note()

    def ended(self) -> None:
        """The server has sent everything: where no length was known, this is it."""
        if self.total is None:
            self.total = self.have

    def note(self) -> None:
        """Writes down what has arrived."""
        self._since_note = 0
        note = {"total": self.total, "validator": self.validator, "spans": self._spans}
        fresh = self._note().with_suffix(".new")
        fresh.write_text(json.dumps(note), encoding="utf-8")
        fresh.replace(self._note())

    def flush(self) -> None:
        """Returns when the bytes are on the disk itself."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Closes it once; a second time does nothing."""
        if self._fd < 0:
            return
        # On a full disk the older note stays, and some of the bytes are fetched twice.
        with contextlib.suppress(OSError):
            if self.path.exists():
                self.note()
        os.close(self._fd)
        self._fd = -1


def note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def arrived(path: Path) -> int:
    """How many bytes a partial file holds already, without opening it for more."""
    try:
        note = json.loads(note_of(path).read_text(encoding="utf-8"))
        return sum(end - start for start, end in note["spans"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def discard(path: Path) -> None:
    """Removes a partial file and its note."""
    path.unlink(missing_ok=True)
    note_of(path).unlink(missing_ok=True)
