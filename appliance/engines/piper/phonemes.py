"""Turns eSpeak's clauses into the phoneme numbers that a Piper voice was trained on. Pure."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from appliance.engines.espeak.library import Clause

PhonemeIds = Mapping[str, Sequence[int]]
"""The numbers of each phoneme, as the voice's `phoneme_id_map` has them."""

PAD: Final = "_"
BEGIN: Final = "^"
END: Final = "$"

_LANGUAGE_SWITCH: Final = re.compile(r"\([^)]*\)")
"""Marks around a word that eSpeak pronounces in another language: "(fr)", "(en)"."""
_MARKS: Final[Mapping[str, str]] = {"–": ";", "—": ";", "…": ";"}
"""Marks that voices do not know, by the mark with the same pause."""
_SENTENCE_ENDS: Final = (".", "!", "?", "")
_LONGEST: Final = 250
"""Phonemes, about ten seconds. A longer sentence is spoken in parts, cut between clauses or, in a
clause that is longer itself, between words: time and memory grow with the length."""


def sentences(clauses: Iterable[Clause]) -> Iterator[str]:
    """The phonemes of each sentence, with its punctuation, decomposed to single characters.

    A sentence without phonemes is left out.
    """
    sentence = ""
    for clause in clauses:
        sentence += _decomposed(clause)
        if clause.mark in _SENTENCE_ENDS or len(sentence) > _LONGEST:
            yield from _parts(sentence)
            sentence = ""
    yield from _parts(sentence)


def phoneme_ids(sentence: str, ids: PhonemeIds) -> list[int]:
    """The input of the model for one sentence; phonemes that the voice lacks are left out."""
    known = [phoneme for phoneme in sentence if phoneme in ids]
    numbers = [*ids[BEGIN], *ids[PAD]]
    for phoneme in known:
        numbers += [*ids[phoneme], *ids[PAD]]
    return [*numbers, *ids[END]]


def _decomposed(clause: Clause) -> str:
    phonemes = _LANGUAGE_SWITCH.sub("", clause.phonemes)
    mark = _MARKS.get(clause.mark, clause.mark)
    return unicodedata.normalize("NFD", f"{phonemes}{mark} ")


def _parts(sentence: str) -> Iterator[str]:
    words = sentence.strip()
    if not any(character.isalpha() for character in words):
        return
    yield from [words] if len(words) <= 2 * _LONGEST else textwrap.wrap(words, _LONGEST)
