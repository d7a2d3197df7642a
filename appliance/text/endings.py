"""Judges by the words whether an utterance goes on after a pause. Pure, but for its own table.

A recogniser ends nearly everything with a full stop, so the words count for more than the mark:
"Put bread on the." goes on. What cannot be told by words is left to the voice.

Keys of a language in endings.toml (words and phrases in lower case):

open               words that never end an utterance: conjunctions, articles, most prepositions
stranded           prepositions that end one only after one of `whose_end` ("Who is it for?")
particles          of these, those that end one with a verb: "Turn it on."
auxiliary          verbs that end one only in a reply or after a question word
transitive         verbs that need an object after one of `before_transitive`
asking, subject    verbs and pronouns that need another verb after them: "should I"
never_last         pronouns that end one only after one of `before_subject`: "so do I"
question, reply    words that make the two above complete
hesitation         sounds of thinking
unfinished         phrases that end no utterance; `unfinished_alone` where they are all of it
finished           phrases that do, whatever their last word
doubtful           words as which a recogniser may write an article or a sound of thinking
clause             words that begin a subordinate clause, unless one of `after_clause` follows
phone, not_phone   words that say what kind of number is dictated; `phone_lengths` are whole ones
digits, tens       number words of one and of two digits
spelled            words that announce letters; `spelled_as`: "S as in sugar"
list_verbs         words that come before an enumeration, `last_item` those before its last item
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_TABLE: Final = Path(__file__).with_name("endings.toml")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*['’]?")
_OPEN_MARK = re.compile(r"(?:[,;:–—-]|\.\.\.|…)[\"'”’»\s]*$")
_END_MARK = re.compile(r"[.?!。？！][\"'”’»\s]*$")
_SENTENCES = re.compile(r"(?<=[.?!])\s+(?=\S)")
_LETTERS = re.compile(r"(?:[^\W\d_]-)+[^\W\d_]|[^\W\d_]")
_LAST_WORD = re.compile(r"[^\W\d_]{2,}(?=\W*$)")
_EMERGENCY: Final = frozenset({"112", "911", "999", "110", "118", "190", "115", "061"})
_LONGEST_NUMBER: Final = 4
"""Digits. A longer one without anything else is no year, no price and no room."""
_FEWEST_LETTERS: Final = 3
"""A word in capitals that is shorter is an abbreviation, such as TV."""
_SHORTEST_SENTENCE: Final = 3
"""Words. Whisper leaves the full stop out after a word or two."""
_LONGEST_CLAUSE: Final = 9
"""Words. A longer one without a comma most likely has its main clause already."""
_LONGEST_ITEM: Final = 2
"""Words. Longer parts between commas are clauses."""


class Ending(StrEnum):
    """What the words say about the pause after them."""

    FINISHED = "finished"
    """The utterance is complete, as far as words can tell."""
    DOUBTFUL = "doubtful"
    """It is complete if the last word was heard rightly: "Put bread on there" may be "on the"."""
    UNKNOWN = "unknown"
    """There is no sign either way, as where the recogniser writes no marks."""
    UNFINISHED = "unfinished"
    """More must follow: "Put bread on the"."""
    DICTATED = "dictated"
    """A number, a list or a spelled name, of which more may follow."""


@dataclass(frozen=True, slots=True)
class EndingWords:
    """The table of one language. The keys are explained above."""

    words: Mapping[str, frozenset[str]]
    phrases: Mapping[str, tuple[str, ...]]
    particles: Mapping[str, tuple[str, ...]]
    phone_lengths: frozenset[int]


_PHRASES: Final = ("unfinished", "unfinished_alone", "finished")


@lru_cache
def _languages() -> dict[str, EndingWords]:
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {language: _words_of(entries) for language, entries in table.items()}


def _words_of(entries: Mapping[str, Any]) -> EndingWords:
    texts = {key: value for key, value in entries.items() if isinstance(value, str)}
    return EndingWords(
        words={k: frozenset(v.split()) for k, v in texts.items() if k not in _PHRASES},
        phrases={
            key: tuple(f" {' '.join(phrase.split())} " for phrase in texts[key].split("|"))
            for key in _PHRASES
        },
        particles={word: tuple(verbs.split()) for word, verbs in entries["particles"].items()},
        phone_lengths=frozenset(entries["phone_lengths"]),
    )


def languages() -> tuple[str, ...]:
    """The languages whose words are known; of any other only the marks count."""
    return tuple(_languages())


def ending(text: str, language: str = "en") -> Ending:
    """What the words `text` of an utterance so far say about the pause after them."""
    words = _words(text)
    if not words:
        return Ending.UNKNOWN
    table = _languages().get(language.partition("-")[0])
    if table is not None:
        if _is_dictated(text, words, table):
            return Ending.DICTATED
        if _goes_on(last := _SENTENCES.split(text.strip())[-1], _words(last) or words, table):
            return Ending.UNFINISHED
        if len(words) > 1 and words[-1] in table.words["doubtful"]:
            return Ending.DOUBTFUL
    if _OPEN_MARK.search(text):
        return Ending.UNFINISHED
    if _END_MARK.search(text):
        return Ending.FINISHED
    # Who writes capitals writes full stops, too, where a sentence of some length ends.
    is_prose = text.lstrip(" \"'«“¿¡")[:1].isupper() and len(words) >= _SHORTEST_SENTENCE
    return Ending.UNFINISHED if is_prose else Ending.UNKNOWN


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


def _goes_on(text: str, words: list[str], table: EndingWords) -> bool:
    said = f" {' '.join(words)} "
    if said.endswith(table.phrases["finished"]):
        return False
    last = words[-1]
    if {last, last.rpartition("'")[2]} & (table.words["open"] | table.words["hesitation"] | {""}):
        return True
    if said in table.phrases["unfinished_alone"]:
        return True
    asks = any(word in table.words["question"] for word in words[:-1])
    replies = words[0] in table.words["reply"]
    for phrase in table.phrases["unfinished"]:
        if said.endswith(phrase):
            # "What is it that you need?"
            before = words[: len(words) - len(phrase.split())]
            return not any(word in table.words["question"] for word in before)
    if words[-2:-1] and words[-2] in table.words["asking"] and last in table.words["subject"]:
        return not replies
    if last in table.words["never_last"] and not set(words[-2:-1]) & table.words["before_subject"]:
        return True
    if last in table.words["auxiliary"]:
        return not replies and (not asks or len(words) <= 2)
    return _lacks_object(words, table) or _is_clause(text, words, table)


def _lacks_object(words: list[str], table: EndingWords) -> bool:
    last, before = words[-1], set(words[:-1])
    if last in table.words["stranded"]:
        verbs = table.particles.get(last, ())
        is_particle = any(word.startswith(verbs) for word in before if verbs)
        return not is_particle and not before & table.words["whose_end"]
    if last in table.words["transitive"] and not before & table.words["question"]:
        return len(words) == 1 or words[-2] in table.words["before_transitive"]
    return False


def _is_clause(text: str, words: list[str], table: EndingWords) -> bool:
    """Whether all of it is a subordinate clause, whose main clause is to follow."""
    if words[0].partition("'")[0] not in table.words["clause"] or text.rstrip().endswith("?"):
        return False
    if len(words) > 1 and words[1] in table.words["after_clause"]:
        return False
    return 1 < len(words) <= _LONGEST_CLAUSE and not re.search(r",\s*\S+\s+\S", text)


def _is_dictated(text: str, words: list[str], table: EndingWords) -> bool:
    return (
        _is_part_of_number(words, table)
        or _is_spelled(text, words, table)
        or _is_list(text, words, table)
    )


def _is_part_of_number(words: list[str], table: EndingWords) -> bool:
    """Whether the words end in a part of a telephone number."""
    groups = [part for word in words for part in word.split("-") if part]
    sizes = [_digits(part, table) for part in groups]
    run = 0
    while run < len(sizes) and sizes[-1 - run]:
        run += 1
    count = sum(sizes[len(sizes) - run :])
    before = set(groups[: len(groups) - run])
    if not run or count in table.phone_lengths or "".join(groups[-run:]) in _EMERGENCY:
        return False
    if count > max(table.phone_lengths):
        return False
    if groups[-run].startswith("0") and groups[-run].isdecimal() and count > 1:
        return not before & table.words["not_phone"]
    if before & table.words["phone"] and not before & table.words["not_phone"]:
        return count > 1
    if before:
        return False
    # A number alone: as one, in groups, or one figure at a time.
    if run == 1:
        return groups[0].isdecimal() and count > _LONGEST_NUMBER
    return run >= 3 and all(part not in table.words["tens"] for part in groups[:2])


def _digits(word: str, table: EndingWords) -> int:
    """How many digits the word stands for; none for a word that is no number."""
    if word.isdecimal():
        return len(word)
    if word in table.words["digits"]:
        return 1
    return 2 if word in table.words["tens"] else 0


def _is_spelled(text: str, words: list[str], table: EndingWords) -> bool:
    """Whether the words end in letters of a name."""
    parts = [part for part in words if part not in table.words["last_item"]]
    if len(parts) >= 3 and all(len(each) == 1 and each.isalpha() for each in parts[-2:]):
        return True
    announced = table.words["spelled"] | table.words["spelled_as"]
    if len(parts) >= 3 and _is_letter(parts[-1], text):
        return _is_letter(parts[-2], text) or bool(set(parts[:-1]) & announced)
    if _LETTERS.fullmatch(words[-1]) and "-" in words[-1]:
        return True
    # A recogniser may write letters as one word in capitals.
    last = _LAST_WORD.search(text)
    if last is not None and last[0].isupper():
        return bool(set(words) & announced) or (len(words) == 1 and len(last[0]) >= _FEWEST_LETTERS)
    return (
        len(words) >= 3
        and (words[-3] in table.words["spelled_as"] or words[-2] == "in")
        and any(len(word) == 1 for word in words[-5:-2])
    )


def _is_letter(word: str, text: str) -> bool:
    return len(word) == 1 and word.isalpha() and word.upper() in text


def _is_list(text: str, words: list[str], table: EndingWords) -> bool:
    """Whether the words end in an enumeration whose last item is not announced as such."""
    first, *items = [part.split() for part in text.lower().strip(" .,;…").split(",")]
    if not items or not all(0 < len(item) <= _LONGEST_ITEM for item in items):
        return False
    if any(set(item) & (table.words["last_item"] | table.words["polite"]) for item in items):
        return False
    return len(items) >= 2 or bool(set(first) & table.words["list_verbs"])
