"""Was it a command? Decided by how far three searches over the same audio agree. Pure.

A grammar hears a command in everything: its own score says little. Two yardsticks say more: a
free loop of phones (how well could any sounds explain this audio?) and the n-gram search (does
English at large hear the same?). The weights were fitted on 49 commands by 16 synthetic voices
against 70 other sentences and pieces of two human recordings; tests/engines/test_sphinx.py
measures the rule on others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final


class CommandVerdict(Enum):
    COMMAND = "command"
    OTHER = "other"
    UNSURE = "unsure"
    """The phones alone do not decide it; ask the n-grams."""


@dataclass(frozen=True, slots=True)
class SearchPath:
    """What a search found: its acoustic log-likelihood, its speech in frames, and its phones."""

    score: float
    frames: int
    phones: tuple[str, ...]


_STRETCH_WEIGHT: Final = 0.5
_SURE_COMMAND, _SURE_OTHER = 4.0, 8.25
"""Bounds on the doubt that the phones leave. Six commands in ten lie below the lower one, none
above the upper one."""

_LEAD_WEIGHT: Final = 0.8
_PHONES_WEIGHT, _NGRAM_WEIGHT = 0.6, 0.5
_LIMIT: Final = 6.9
"""Bound on the doubt that all three leave; one other sentence in 100 lay below it, and five of
six commands that the grammar had heard rightly."""

_FAIR_GAP: Final = 4.5
"""How far, per frame, an n-gram transcript that is half right lies under the phones."""


def gap(path: SearchPath, best: SearchPath) -> float:
    """By how much per frame `best` explains the audio better than `path`; infinite for no path."""
    return (best.score - path.score) / path.frames if path.frames > 0 else math.inf


def longest_difference(said: Sequence[str], heard: Sequence[str]) -> int:
    """The longest stretch without a common phone when both are laid side by side.

    A command that was really said differs from what was heard here and there; another sentence
    that begins like one differs in one long stretch.
    """
    costs = _edit_costs(said, heard)
    i, j = len(said), len(heard)
    stretch = longest = 0
    while i or j:
        same = i > 0 and j > 0 and said[i - 1] == heard[j - 1]
        stretch = 0 if same and costs[i][j] == costs[i - 1][j - 1] else stretch + 1
        longest = max(longest, stretch)
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (not same):
            i, j = i - 1, j - 1
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return longest


def _edit_costs(said: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    """The edit distance between every two beginnings of both."""
    costs = [list(range(len(heard) + 1))]
    for i, phone in enumerate(said, 1):
        above, row = costs[-1], [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (phone != other)))
        costs.append(row)
    return costs


def first_look(grammar: SearchPath, phones: SearchPath) -> CommandVerdict:
    """The verdict of the two cheap searches, UNSURE where the third has to be asked."""
    doubt = _doubt(grammar, phones)
    if doubt <= _SURE_COMMAND:
        return CommandVerdict.COMMAND
    return CommandVerdict.OTHER if doubt > _SURE_OTHER else CommandVerdict.UNSURE


def confidence(grammar: SearchPath, phones: SearchPath, ngram: SearchPath | None = None) -> float:
    """How likely the grammar's sentence was really said: above one half, it is believed.

    Without `ngram`, from the phones alone, on the scale of `first_look`.
    """
    if grammar.frames <= 0:
        return 0.0
    if ngram is None:
        return _logistic(_SURE_COMMAND - _doubt(grammar, phones))
    lead = (ngram.score - grammar.score) / grammar.frames
    doubt = (
        gap(grammar, phones)
        + _LEAD_WEIGHT * lead
        + _PHONES_WEIGHT * longest_difference(grammar.phones, phones.phones)
        + _NGRAM_WEIGHT * longest_difference(grammar.phones, ngram.phones)
    )
    return _logistic(_LIMIT - doubt)


def _doubt(grammar: SearchPath, phones: SearchPath) -> float:
    stretch = longest_difference(grammar.phones, phones.phones)
    return gap(grammar, phones) + _STRETCH_WEIGHT * stretch


def transcript_confidence(ngram: SearchPath, phones: SearchPath) -> float:
    """How far an n-gram transcript can be trusted, from 0 to 1."""
    return _logistic(_FAIR_GAP - gap(ngram, phones))


def _logistic(x: float) -> float:
    if x == -math.inf:
        return 0.0
    # Bounded, because exp overflows where the answer is 0 or 1 anyway.
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
