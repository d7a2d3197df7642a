"""A download under way: the bytes that have arrived, and a note beside them of which these are.

The note is written after the bytes that it lists, so after a kill every listed byte is there.
After a power cut some may be missing; the hash of the whole file finds that out.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

Span = tuple[int, int]
"""A half-open range of bytes."""
Spans = tuple[Span, ...]
"""Sorted, disjoint, never touching."""

_NOTE_INTERVAL = 8 * 2**20  # bytes: the most that a kill costs to fetch again


class PartialFile:
    """Bytes written in any order. Used by one task at a time."""

    def __init__(self, path: Path, total: int | None) -> None:
        """Continues what stands at `path` if its note fits; `total` is None where unknown."""
        self.path = path
        self.expected_total = total
        self.total = total
        self.validator = ""
        self._spans: Spans = ()
        self._bytes_since_note = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._restore()

    def _restore(self) -> None:
        try:
            note = json.loads(note_path(self.path).read_text(encoding="utf-8"))
            total, validator = note["total"], note["validator"]
            spans = tuple((int(start), int(end)) for start, end in note["spans"])
        except (OSError, ValueError, KeyError, TypeError):  # no note, or a truncated one
            return
        size = os.fstat(self._fd).st_size
        if not is_consistent(spans, size) or self.expected_total not in (None, total):
            return
        if self.expected_total is None and not validator:
            return  # nothing could tell whether the remaining bytes belong to these
        self.total, self.validator, self._spans = total, str(validator), spans

    @property
    def received(self) -> int:
        """The number of bytes that have arrived."""
        return covered(self._spans)

    @property
    def complete(self) -> bool:
        return self.total is not None and self.received == self.total

    def missing(self, largest: int) -> list[Span]:
        """The gaps, split into pieces of at most `largest` bytes; empty where no total is known."""
        return [] if self.total is None else list(gaps(self._spans, self.total, largest))

    def write(self, offset: int, data: bytes) -> None:
        """Raises OSError when the disk is full; what fitted is kept."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self._fd, left, offset)
            self._spans = add_span(self._spans, offset, offset + written)
            offset, left = offset + written, left[written:]
        self._bytes_since_note += len(data)
        if self._bytes_since_note >= _NOTE_INTERVAL:
            self.write_note()

    def restart(self, total: int | None, validator: str) -> None:
        """Drops what has arrived, because the server sends the whole file or changed it."""
        self._spans = ()
        self.total = self.expected_total if total is None else total
        self.validator = validator
        os.ftruncate(self._fd, 0)
        self.write_note()

    def end_of_body(self) -> None:
        """The server has sent its whole answer: where no length was known, this is the length."""
        if self.total is None:
            self.total = self.received

    def write_note(self) -> None:
        """Replaces the note by one that lists the bytes written so far."""
        self._bytes_since_note = 0
        note = {"total": self.total, "validator": self.validator, "spans": self._spans}
        fresh = note_path(self.path).with_suffix(".new")
        fresh.write_text(json.dumps(note), encoding="utf-8")
        fresh.replace(note_path(self.path))

    def flush(self) -> None:
        """Returns when the bytes are on the disk itself."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Keeps what has arrived, and removes a file of which nothing has. Idempotent."""
        if self._fd < 0:
            return
        # On a full disk the older note stays, and some of the bytes are fetched twice.
        with contextlib.suppress(OSError):
            if self.path.exists():
                self.write_note()
        os.close(self._fd)
        self._fd = -1
        if not self.received and not self.complete:
            discard(self.path)


def note_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def received_bytes(path: Path) -> int:
    """The bytes that the partial file at `path` holds, read from its note; 0 without one."""
    try:
        note = json.loads(note_path(path).read_text(encoding="utf-8"))
        return sum(end - start for start, end in note["spans"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def discard(path: Path) -> None:
    """Removes a partial file and its note, as far as they exist."""
    path.unlink(missing_ok=True)
    note_path(path).unlink(missing_ok=True)


def add_span(spans: Spans, start: int, end: int) -> Spans:
    """The spans with start..end filled in."""
    if start >= end:
        return spans
    before = tuple(span for span in spans if span[1] < start)
    after = tuple(span for span in spans if span[0] > end)
    touching = spans[len(before) : len(spans) - len(after)]
    if touching:
        start, end = min(start, touching[0][0]), max(end, touching[-1][1])
    return (*before, (start, end), *after)


def covered(spans: Spans) -> int:
    """The number of bytes in the spans."""
    return sum(end - start for start, end in spans)


def gaps(spans: Spans, total: int, largest: int) -> Iterator[Span]:
    """The bytes of 0..total outside the spans, in order, in pieces of at most `largest`."""
    position = 0
    for start, end in (*spans, (total, total)):
        for piece in range(position, start, largest):
            yield piece, min(piece + largest, start)
        position = end


def is_consistent(spans: Spans, total: int) -> bool:
    """Whether spans read from a note can be those of a file of `total` bytes."""
    edges = [edge for span in spans for edge in span]
    return edges == sorted(set(edges)) and (not edges or (edges[0] >= 0 and edges[-1] <= total))
