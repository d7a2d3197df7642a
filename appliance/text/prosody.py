"""Finds where a reader would breathe in a text, and estimates how long it takes to say. Pure.

A boundary is as strong as the pause that it allows: the end of a sentence, a clause mark, the gap
before a conjunction, the gap before a phrase, the gap between two words. Numbers and what they
count, dates, times, names, abbreviations, code and addresses are never torn.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

# A piece has silence at both ends, and a digit stands for a word or two. Measured on 21 phrases
# that Kokoro spoke at the normal rate (0.6 to 4.7 s): 9 % off on average, 23 % at the most.
_SILENCE_SECONDS: Final = 0.35
_SECONDS_PER_CHARACTER: Final = 0.045
_CHARACTERS_PER_DIGIT: Final = 5
_CHARACTERS_PER_TIME: Final = 6
_CHARACTERS_PER_IDEOGRAPH: Final = 3
_TIME = re.compile(r"\b\d{1,2}:\d\d\b")

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]|\n+")
# A comma after a letter needs no white space behind it to be the end of a clause.
_CLAUSE_END = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)|(?<=[^\W\d])[,;](?=$)|[，、；：]")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘])(?:[A-Za-z]|[A-Za-z](?:\.[A-Za-z])+"
    r"|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|approx|etc|cf|Dra|Sra|Srta|Avda|Dott|Sig|Ing|Avv"
    r"|ca|bzw|usw|inkl|evtl|ggf|ej|ex|ecc|aprox|env)\.[\"'”’)\]]*$"
)
# Abbreviations only in front of a number: "No. 5", but "No. It is not."
_NUMBERED = re.compile(
    r"(?:^|[\s(])(?:[Nn]os?|[Nn]r|[Nn]úm|[Pp]p?|[Pp]ágs?|[Pp]agg?|Fig|Abb|Kap|Vol|[Cc]h|[Aa]rt"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|[A-Z]\w+[Ss]tr|Mio|Mrd)\.$"
    r"|\d\.?\s(?:de\s)?[^\W\d]{3,5}\.$|\bEE\.$"
)
_ORDINAL = re.compile(r"(?:^|\s)\d{1,3}\.$")
_GERMAN_NOUNS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September"),
    *("Oktober", "November", "Dezember", "Jahrhundert", "Platz"),
)
_NUMBER_END = re.compile(r"\d\.$")
_LIST_MARKER = re.compile(r"(?:^|\n|[.!?]\s)\s*\d{1,3}[.)]$")
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_ANY_MONTH = (
    r"(?:[Jj]an|[Ff][eé][bv]r?|[Mm][aä]r[sczt]?|[Aa][bpv]r|[Mm]a[iygj]|[Jj]u[nil]|[Jj]uil|[Aa]go?"
    r"|[Aa]ug|[Aa]oût|[Ss]ep|[Ss]e?tt?|[Oo][ckut]t|[Nn]ov|[Dd][eéi][czs]|[Ee]ne|[Gg]en|[Dd]ic)"
    r"[^\W\d]{0,7}"
)
"""The beginning of a month's name in any of the languages that are read by rules."""
_ROMAN = r"[IVXLC]+(?:e|er|[eè]me|º)?"
_UNBREAKABLE = re.compile(
    r"\b\d{1,2}\.?\s+(?:(?:of|de)\s+)?" + _ANY_MONTH + r"\b\.?(?:,?\s+(?:de\s+)?\d{4})?"
    r"|\b\d+\s?(?:ft|lbs?)\s+\d+\s?(?:in|oz)\b"
    r"|\b(?:PIN|OTP|[Cc]ode|[Pp]asscode|[Zz]ip)\b(?:\s+\w+)?\s+\d+"
    r"|\d\s?(?:Mio|Mrd|Tsd)\.\s?(?:[€$£]|Euro|Dollar)"
    r"|\b(?i:der|die|das|dem|den|des|am|im|zum|vom|beim)\s+(?:\d{1,3}|[IVX]+)\.\s+[^\W\d]+"
    r"|\bEE\.\s?UU\b"
    r"|\b" + _ROMAN + r"(?:\s+(?:et|e|y|und|and)\s+" + _ROMAN + r")?\s+(?:siècle|secol|centur)\w*"
    r"|\b[IVXLC]+(?:e|[eè]me)\s+et\s+(?:[IVXLC]+(?:e|[eè]me)?\s*)?"
    r"|\b(?:siglo|século)s?\s+" + _ROMAN + r"(?:\s+[ye]\s+" + _ROMAN + r")?\b|"
    r"`[^`\n]*(?:`|$)"
    r"|\S*(?:://|@|\bwww\.)\S*"
    r"|\b" + _MONTH + r"\b\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}"
    r"|\d[\d.]*(?:,\d{3})*(?:\s+\d[\d.]*)+"
    r"|(?:\b[A-Z]\.\s*)+[A-Z]\w+"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NUMBER_WORDS = _words(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
    " hundred thousand million billion trillion half quarter point past"
)
_CONJUNCTIONS = _words("because but which who when where while although unless whereas since")
_PHRASE_STARTERS = _words(
    "and or so that if as than until before after in on at to for from with without by about"
    " into over under"
)
_AUXILIARIES = _words(
    "is are was were will can could would should may might must has have had do does did"
)
_NUMBER_JOINERS = _words("and or to of by in at after before")
"""Between two numbers they belong to both: "nine to five", "three of four"."""
_PRONOUNS = _words("i it he she we you they there this these those her what how")
_LEADING_WORDS = (
    _PHRASE_STARTERS
    | _AUXILIARIES
    | _words("a an the my your his its our their that of no not very more most much many some any")
)
"""Words that lean on the next one: a reader does not pause behind them."""
_TRAILING_WORDS = _words("of me him her us them ago o'clock")
"""Words that lean on the one before: a reader does not pause before them."""


class Strength(IntEnum):
    """The kinds of boundaries, the weakest first."""

    WORD = 1
    PHRASE = 2
    CONJUNCTION = 3
    CLAUSE = 4
    SENTENCE = 5


class Boundary(NamedTuple):
    """A place where a piece may end: `end` characters from the beginning of the text."""

    end: int
    strength: Strength


def speech_seconds(text: str) -> float:
    """Roughly how long the text takes to say at the normal rate, silence at its ends included."""
    text = text.strip()
    without_times, times = _TIME.subn("", text)
    digits = sum(map(str.isdigit, without_times))
    ideographs = sum("\u2e80" <= character <= "\u9fff" for character in text)
    length = len(text) + _CHARACTERS_PER_DIGIT * digits
    length += _CHARACTERS_PER_TIME * times + _CHARACTERS_PER_IDEOGRAPH * ideographs
    return _SILENCE_SECONDS + _SECONDS_PER_CHARACTER * length if text else 0.0


def boundaries(text: str, *, complete: bool) -> list[Boundary]:
    """The places inside `text` where a piece may end, in order, each certain.

    More may follow a text that is not `complete`: a place is left out where that could show it to
    be inside a number or a name.
    """
    found = dict(_gaps(text, complete=complete))
    found.update((match.end(), Strength.CLAUSE) for match in _CLAUSE_END.finditer(text))
    for match in _SENTENCE_END.finditer(text):
        if _ends_sentence(text, match.end()):
            found[match.end()] = Strength.SENTENCE
        else:
            found.pop(match.end(), None)
    unbreakable = [match.span() for match in _UNBREAKABLE.finditer(text)]
    if not complete:
        # The last span may go on with the next text.
        unbreakable = [(a, b + 1 if b == len(text) else b) for a, b in unbreakable]
    places: list[Boundary] = []
    for end in sorted(found):
        is_torn = any(a < end < b for a, b in unbreakable)
        if not is_torn and text[places[-1].end if places else 0 : end].strip():
            places.append(Boundary(end, found[end]))
    return places


def _ends_sentence(text: str, end: int) -> bool:
    before = text[:end]
    if _ABBREVIATION.search(before) or _LIST_MARKER.search(before):
        return False
    # "13. 8 billion" is one number; "in 2026. Then" are two sentences.
    following = text[end:].lstrip()[:1]
    if _NUMBERED.search(before):
        return following != "" and not following.isdigit() and following not in "€$£U"
    if _ORDINAL.search(before) and _is_ordinal(text[end:]):
        return False
    return not _NUMBER_END.search(before) or (following != "" and not following.isdigit())


def _is_ordinal(following: str) -> bool:
    """Whether a number with a full stop goes on, as in "am 5. Mai" and "der 3. große"."""
    word = re.match(r"\s*([^\W\d]+)", following)
    if word is None:
        return False
    begun = word[1]
    if begun[0].islower():
        return True
    if word.end() == len(following):
        # The word may not be written to its end.
        return any(name.startswith(begun) for name in _GERMAN_NOUNS)
    return begun in _GERMAN_NOUNS


def _gaps(text: str, *, complete: bool) -> Iterator[tuple[int, Strength]]:
    """The gaps between words that may be cut, as far as the two words behind them are known."""
    words = list(re.finditer(r"\S+", text))
    known = len(words) if complete or text[-1:].isspace() else len(words) - 1
    for index in range(known - 1):
        word, following = words[index], words[index + 1]
        if "\n" in text[word.end() : following.start()]:
            continue  # the end of a line is a sentence's
        after = words[index + 2].group() if index + 2 < known else ""
        is_uncertain = not after and not complete and following.group() in _NUMBER_JOINERS
        if is_uncertain and _is_number(word.group()):
            continue
        strength = _gap_strength(word.group(), following.group(), after)
        if strength is not None:
            yield word.end(), strength


def _gap_strength(word: str, following: str, after: str) -> Strength | None:
    """How well a reader may pause between two words; None where the two belong together."""
    start = following.lower()
    if not word[-1].isalnum() and word[-1] not in "\"'”’)":
        return None  # a mark, which counts by itself, or an abbreviation
    if _is_number(following):
        return None
    if _is_number(word):
        joins_numbers = start in _NUMBER_JOINERS and _is_number(after)
        is_free = start in _CONJUNCTIONS or start in _PHRASE_STARTERS or start in _AUXILIARIES
        if not is_free or joins_numbers:
            return None
    if start in _CONJUNCTIONS:
        return Strength.CONJUNCTION
    if start in _PHRASE_STARTERS and word.lower() not in _LEADING_WORDS:
        return Strength.PHRASE
    is_name = word[0].isupper() and following[0].isupper() and "I" not in (word, following)
    leans = word.lower() in _LEADING_WORDS | _PRONOUNS or start in _TRAILING_WORDS
    return None if is_name or leans else Strength.WORD


def _is_number(word: str) -> bool:
    return any(map(str.isdigit, word)) or word.lower().strip("\"'()“”‘’.,;:!?") in _NUMBER_WORDS
