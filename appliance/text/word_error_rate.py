"""Word errors of a transcript against the reference text. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordErrors:
    """How a transcript differs from its reference of `words` words, by the fewest changes."""

    words: int = 0
    substituted: int = 0
    inserted: int = 0
    deleted: int = 0

    @property
    def count(self) -> int:
        return self.substituted + self.inserted + self.deleted

    @property
    def rate(self) -> float:
        """Errors as a share of the words; those of an empty reference count as of one word."""
        return self.count / max(1, self.words)

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.words + other.words,
            self.substituted + other.substituted,
            self.inserted + other.inserted,
            self.deleted + other.deleted,
        )


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation, in which engines differ."""
    return re.findall(r"[\w']+", text.lower())


def error_rate(reference: str, transcript: str) -> float:
    """Substituted, inserted and deleted words as a share of the words of `reference`."""
    return word_errors(words(reference), words(transcript)).rate


def word_errors(wanted: Sequence[str], found: Sequence[str]) -> WordErrors:
    """The fewest substitutions, insertions and deletions that make `found` of `wanted`."""
    # Rows of (substituted, inserted, deleted); the sum decides, and for equal sums the order.
    row = [(0, place, 0) for place in range(len(found) + 1)]
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], (0, 0, number)
        for place, other in enumerate(found, 1):
            changed = (before[0] + (word != other), before[1], before[2])
            above, left = row[place], row[place - 1]
            missing, added = (*above[:2], above[2] + 1), (left[0], left[1] + 1, left[2])
            before, row[place] = above, min(changed, missing, added, key=sum)
    return WordErrors(len(wanted), *row[-1])
