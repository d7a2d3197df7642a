"""Was it a command? Decided by how far three searches over the same audio agree. Pure.

A grammar hears a command in everything: its own score says little. Two yardsticks say more: a
free loop of phones (how well could any sounds explain this audio?) and the n-gram search (does
English at large hear the same?). The weights were fitted on 26 commands by 9 synthetic voices
against 40 other sentences and pieces of two human recordings; tests/engines/test_sphinx.py
measures the rule on others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Verdict(Enum):
    COMMAND = "command"
    OTHER = "other"
    UNSURE = "unsure"
    """The phones alone do not decide it; ask the n-grams."""


@dataclass(frozen=True, slots=True)
class Path:
    """What a search found: its acoustic log-likelihood, its speech in frames, and its phones."""

    score: float
    frames: int
    phones: tuple[str, ...]


_PHONES_WEIGHT: Final = 6.0
_SURE_COMMAND, _SURE_OTHER = -0.3, 3.8
"""Bounds on the doubt that the phones leave; six commands in ten lie below the lower one."""

_NGRAM_WEIGHT: Final = 2.0
_LEAD_WEIGHT: Final = 0.3
_LIMIT: Final = -0.3
"""Bound on the doubt that all three leave; one other sentence in 300 lay below it."""

_FAIR_GAP: Final = 4.5
"""How far, per frame, an n-gram transcript that is half right lies under the phones."""


def gap(path: Path, best: Path) -> float:
    """By how much per frame `best` explains the audio better than `path`; infinite for no path."""
    return (best.score - path.score) / path.frames if path.frames > 0 else math.inf


def similarity(said: Sequence[str], heard: Sequence[str]) -> float:
    """1 for the same phones in the same order, 0 for nothing in common (edit distance)."""
    row = list(range(len(heard) + 1))
    for i, phone in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            replaced = diagonal + (phone != other)
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, replaced)
    return 1 - row[-1] / max(len(said), len(heard), 1)


def first_look(grammar: Path, phones: Path) -> Verdict:
    """The verdict of the two cheap searches, UNSURE where the third has to be asked."""
    doubt = _doubt(grammar, phones)
    if doubt <= _SURE_COMMAND:
        return Verdict.COMMAND
    return Verdict.OTHER if doubt > _SURE_OTHER else Verdict.UNSURE


def confidence(grammar: Path, phones: Path, ngram: Path | None = None) -> float:
    """How likely the grammar's sentence was really said: above one half, it is believed.

    Without `ngram`, from the phones alone, on the scale of `first_look`.
    """
    doubt = _doubt(grammar, phones)
    if ngram is None or math.isinf(doubt):
        return _logistic(_SURE_COMMAND - doubt)
    lead = (ngram.score - grammar.score) / grammar.frames
    agreed = similarity(grammar.phones, ngram.phones)
    return _logistic(_LIMIT - (doubt - _NGRAM_WEIGHT * agreed + _LEAD_WEIGHT * lead))


def _doubt(grammar: Path, phones: Path) -> float:
    return gap(grammar, phones) - _PHONES_WEIGHT * similarity(grammar.phones, phones.phones)


def transcript_confidence(ngram: Path, phones: Path) -> float:
    """How far an n-gram transcript can be trusted, from 0 to 1."""
    return _logistic(_FAIR_GAP - gap(ngram, phones))


def _logistic(x: float) -> float:
    if x == -math.inf:
        return 0.0
    # Bounded, because exp overflows where the answer is 0 or 1 anyway.
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
