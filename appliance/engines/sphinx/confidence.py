"""Tells commands from other speech, by how far three searches over the same audio agree. Pure.

A grammar search finds a command in any audio, so its own score says little. It is compared with a
free loop of phones (how well can any sounds explain this audio?) and with the n-gram search (does
English at large find the same words?). The weights were fitted on 49 commands by 16 synthetic
voices against 70 other sentences and pieces of two human recordings;
tests/engines/sphinx/test_engine.py measures the rule on others.
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
    """The phones alone do not decide it; the n-gram search has to."""


@dataclass(frozen=True, slots=True)
class SearchPath:
    """The best path of a search: its acoustic log-likelihood, frames of speech, and phones."""

    score: float
    frames: int
    phones: tuple[str, ...]


_RUN_WEIGHT: Final = 0.5
_SURE_COMMAND, _SURE_OTHER = 4.0, 8.25
"""Thresholds of the doubt after the phones. Six commands in ten lie below the lower one, none
above the upper one."""

_LEAD_WEIGHT: Final = 0.8
_PHONES_WEIGHT, _NGRAM_WEIGHT = 0.6, 0.5
_LIMIT: Final = 6.9
"""Threshold of the doubt after all three. Of other sentences one in 100 lay below it; of commands
that the grammar had recognised correctly, five of six."""

_FAIR_GAP: Final = 4.5
"""Gap per frame between the phones and an n-gram transcript that is half right."""


def gap(path: SearchPath, best: SearchPath) -> float:
    """How much better `best` explains a frame of audio than `path`; infinite without a path."""
    return (best.score - path.score) / path.frames if path.frames > 0 else math.inf


def longest_difference(expected: Sequence[str], heard: Sequence[str]) -> int:
    """The longest run without a common phone in an alignment of both.

    A command that was said differs from the phones heard here and there; another sentence that
    begins like a command differs in one long run.
    """
    costs = _edit_costs(expected, heard)
    i, j = len(expected), len(heard)
    run = longest = 0
    while i or j:
        same = i > 0 and j > 0 and expected[i - 1] == heard[j - 1]
        run = 0 if same and costs[i][j] == costs[i - 1][j - 1] else run + 1
        longest = max(longest, run)
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (not same):
            i, j = i - 1, j - 1
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return longest


def _edit_costs(expected: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    """The edit distance between every two prefixes."""
    costs = [list(range(len(heard) + 1))]
    for i, phone in enumerate(expected, 1):
        above, row = costs[-1], [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (phone != other)))
        costs.append(row)
    return costs


def first_look(grammar: SearchPath, phones: SearchPath) -> CommandVerdict:
    """The verdict of the two cheap searches; UNSURE where the third has to decide."""
    doubt = _doubt(grammar, phones)
    if doubt <= _SURE_COMMAND:
        return CommandVerdict.COMMAND
    return CommandVerdict.OTHER if doubt > _SURE_OTHER else CommandVerdict.UNSURE


def confidence(grammar: SearchPath, phones: SearchPath, ngram: SearchPath | None = None) -> float:
    """The probability that the grammar's sentence was said; above 0.5 it is accepted.

    Without `ngram` it rests on the phones alone, with the threshold of `first_look`.
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
    run = longest_difference(grammar.phones, phones.phones)
    return gap(grammar, phones) + _RUN_WEIGHT * run


def transcript_confidence(ngram: SearchPath, phones: SearchPath) -> float:
    """How far an n-gram transcript can be trusted, from 0 to 1."""
    return _logistic(_FAIR_GAP - gap(ngram, phones))


def _logistic(x: float) -> float:
    if x == -math.inf:
        return 0.0
    # Bounded, because exp would overflow where the result is 0 or 1 anyway.
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
