"""Comparing what was said with what was heard. Pure."""

import re
from collections.abc import Sequence


def words(text: str) -> list[str]:
    """Letters, digits and apostrophes alone: engines differ in case and punctuation."""
    return re.findall(r"[\w']+", text.lower())


def error_rate(said: str, heard: str) -> float:
    """Words to replace, add and take away to make `heard` of `said`, as a share of those said."""
    wanted, found = words(said), words(heard)
    return _distance(wanted, found) / max(1, len(wanted))


def _distance(wanted: Sequence[str], found: Sequence[str]) -> int:
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            change = before + (word != other)
            before, row[place] = row[place], min(change, row[place] + 1, row[place - 1] + 1)
    return row[-1]
