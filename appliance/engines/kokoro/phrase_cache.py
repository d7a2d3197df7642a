"""Phrases that were spoken before, so that they are spoken again at once. In memory only. Pure."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_LARGEST_SHARE: Final = 8
"""What takes more than this part of the room is no phrase, and would push many out."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """All that decides how it sounds."""

    text: str
    voice: str
    speed: float
    model: str


class PhraseCache:
    """Audio by phrase, at most `room` bytes of it; what was not asked for longest goes first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._size = 0
        self._kept: OrderedDict[Phrase, tuple[bytes, ...]] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of audio kept."""
        return self._size

    def get(self, phrase: Phrase) -> tuple[bytes, ...] | None:
        """The chunks, as they were kept."""
        chunks = self._kept.get(phrase)
        if chunks is not None:
            self._kept.move_to_end(phrase)
        return chunks

    def keep(self, phrase: Phrase, chunks: tuple[bytes, ...]) -> None:
        """Nothing is kept of silence, nor of what is too large to be a phrase."""
        size = _bytes(chunks)
        if not 0 < size <= self._room // _LARGEST_SHARE:
            return
        self._size += size - _bytes(self._kept.pop(phrase, ()))
        self._kept[phrase] = chunks
        while self._size > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._size -= _bytes(oldest)

    def clear(self) -> None:
        self._kept.clear()
        self._size = 0


def _bytes(chunks: tuple[bytes, ...]) -> int:
    return sum(len(chunk) for chunk in chunks)
