"""Caches the audio of short phrases in memory, so that a repeated phrase is heard at once. Pure."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_MAX_FRACTION: Final = 8
"""Audio larger than this fraction of the capacity is not cached: it would evict many phrases."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """The cache key: everything that decides how the phrase sounds."""

    text: str
    voice: str
    speed: float
    model: str
    phonemizer: str = "en-us"


class PhraseCache:
    """A least-recently-used cache of at most `capacity` bytes of audio, by phrase."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._entries: OrderedDict[Phrase, tuple[bytes, ...]] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of audio in the cache."""
        return self._size

    def get(self, phrase: Phrase) -> tuple[bytes, ...] | None:
        """Returns the chunks as they were put, or None."""
        chunks = self._entries.get(phrase)
        if chunks is not None:
            self._entries.move_to_end(phrase)
        return chunks

    def put(self, phrase: Phrase, chunks: tuple[bytes, ...]) -> None:
        """Caches the chunks, unless they are empty or too large to be a phrase."""
        size = _size_of(chunks)
        if not 0 < size <= self._capacity // _MAX_FRACTION:
            return
        self._size += size - _size_of(self._entries.pop(phrase, ()))
        self._entries[phrase] = chunks
        while self._size > self._capacity:
            _, oldest = self._entries.popitem(last=False)
            self._size -= _size_of(oldest)

    def clear(self) -> None:
        self._entries.clear()
        self._size = 0


def _size_of(chunks: tuple[bytes, ...]) -> int:
    return sum(len(chunk) for chunk in chunks)
