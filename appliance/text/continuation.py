"""Finds what a transcript of a whole turn says beyond the words that are known already. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_TOKEN: Final = re.compile(
    r"\d|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+(?:['’][^\W\d_]+)*"
)
"""A word, a digit, or a character of a script that writes no spaces."""
_SIMILAR: Final = 0.5
"""The share of its letters that a word and another one begin or end with where they are alike."""


def continuation(known: str, whole: str) -> str:
    """The rest of `whole` after the words that correspond to `known`.

    A recogniser that hears a sentence again, with what follows, may write its beginning in another
    way. The split is the one at which the beginning differs least from `known`.
    """
    tokens = list(_TOKEN.finditer(whole))
    written = [token.group().casefold() for token in tokens]
    count = _corresponding(_TOKEN.findall(known.casefold()), written)
    return whole[tokens[count].start() :] if count < len(tokens) else ""


def _corresponding(known: Sequence[str], whole: Sequence[str]) -> int:
    """How many of the first tokens of `whole` correspond to `known`: the fewest edits decide.

    Of splits with equally many, it is the one that is nearest to the number of known tokens.
    """
    costs = [float(column) for column in range(len(whole) + 1)]
    for row, token in enumerate(known, start=1):
        above, costs = costs, [float(row)]
        for column, other in enumerate(whole, start=1):
            changed = above[column - 1] + _difference(token, other)
            costs.append(min(changed, above[column] + 1, costs[column - 1] + 1))
    return min(range(len(costs)), key=lambda count: (costs[count], abs(count - len(known))))


def _difference(one: str, other: str) -> float:
    """Nothing for the same token, half an edit for one that begins or ends alike."""
    if one == other:
        return 0.0
    shared = max(_shared(one, other), _shared(one[::-1], other[::-1]))
    return 0.5 if shared >= _SIMILAR * max(len(one), len(other)) else 1.0


def _shared(one: str, other: str) -> int:
    """How many letters both begin with."""
    for at, pair in enumerate(zip(one, other, strict=False)):
        if pair[0] != pair[1]:
            return at
    return min(len(one), len(other))
