"""Finds the user's own words for a free value of a matched sentence. Pure.

Matching leaves out punctuation and filler words, and looks at no more than the beginning of a long
text. What is passed on to somebody else ("tell Claude to fix main.py, then run it!") is passed on
as it was said.
"""

import re
from collections.abc import Collection

_WORD = re.compile(r"\w+")
_CLOSING = re.compile(r"[^\w\s]*")


def beginning(text: str, longest: int) -> str:
    """The beginning of a text that is matched: whole words, at most `longest` characters."""
    if len(text) <= longest:
        return text
    return text[: longest + 1].rpartition(" ")[0] or text[:longest]


def own_words(text: str, head: str, value: str, fillers: Collection[str]) -> str | None:
    """The part of `text` that a value stands for, which was matched in its beginning, the `head`.

    None where the value does not reach the end of a head that is not the whole text, so that the
    sentence ends differently.
    """
    said = list(_WORD.finditer(head))
    wanted = [word.lower() for word in _WORD.findall(value)]
    is_cut = len(head) < len(text)
    for first in reversed(range(len(said))):
        last = _aligned(said, first, wanted, fillers)
        if last is None:
            continue
        behind = {word[0].lower() for word in said[last + 1 :]}
        if behind <= set(fillers):
            return text[said[first].start() :].strip()
        if is_cut:
            return None
        end = said[last].end()
        closing = _CLOSING.match(text, end)
        return text[said[first].start() : closing.end() if closing else end]
    # Spelled differently ("1/2" for "½"): as it was matched.
    return None if is_cut else value


def _aligned(
    said: list[re.Match[str]], first: int, wanted: list[str], fillers: Collection[str]
) -> int | None:
    """The place of the last word of `wanted` where it begins at `first`; None where it does not."""
    place = first - 1
    for number, word in enumerate(wanted):
        place += 1
        while number and place < len(said) and said[place][0].lower() != word:
            if said[place][0].lower() not in fillers:
                return None
            place += 1
        if place >= len(said) or said[place][0].lower() != word:
            return None
    return place if wanted else None
