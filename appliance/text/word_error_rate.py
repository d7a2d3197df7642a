"""Word error rate of a transcript against the reference text. Pure."""

import re
from collections.abc import Sequence


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation, in which engines differ."""
    return re.findall(r"[\w']+", text.lower())


def error_rate(reference: str, transcript: str) -> float:
    """Substituted, inserted and deleted words as a share of the words of `reference`."""
    wanted, found = words(reference), words(transcript)
    return _edit_distance(wanted, found) / max(1, len(wanted))


def _edit_distance(wanted: Sequence[str], found: Sequence[str]) -> int:
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            change = before + (word != other)
            before, row[place] = row[place], min(change, row[place] + 1, row[place - 1] + 1)
    return row[-1]
