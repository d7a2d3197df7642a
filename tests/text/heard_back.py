"""Speaks the tables of what is said, and counts how many rows are heard back rightly.

    python -m tests.text.heard_back --language en [--engine espeak] [--every N] [--first N]

Kokoro or the starter voice speaks what the rules made of each row, and Whisper base writes down
what it hears. A row is heard rightly where every word that a rule put in is heard; mistakes in the
words around it are Whisper's own. Numbers that Whisper writes in digits are read by the same rules
before they are compared, and compared digit by digit. The voice is given words written out, so that
a row was read wrongly only where other words are heard: one that differs in few letters ("yens" for
"yen") is a slip of the ear or of the voice, and is counted as such. The directory of models is that
of the released tests if none is given.
"""

import argparse
import asyncio
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType

from appliance.bench.accuracy.canonical import canonical_words
from appliance.engines import Synthesizer, Voice
from appliance.engines.espeak.engine import Espeak
from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.whisper.engine import Whisper
from appliance.text.normalize import speakable
from appliance.text.spoken.verbalize import language_of
from tests.engines.sound import as_input, spoken
from tests.released import cache_directory
from tests.text.spoken.rows import LANGUAGES, sections

MODEL, VOICES = "kokoro-v1.0.int8.onnx", "voices-v1.0.bin"
VOICE_OF = MappingProxyType(
    {"en": "af_heart", "es": "ef_dora", "fr": "ff_siwis", "it": "if_sara", "pt": "pf_dora"}
)
"""Kokoro's voice for each language that it speaks; German is left to the starter voice."""


_SLOWER = 0.85
_LONG = 3
_NEARLY = 0.8
_UNIT_SIGNS = frozenset("$€£¥¢%°")
_DOTTED = re.compile(r"\d\.\d+\.\d")
"""An address or a version. Whisper writes it as a number with groups."""
_WHISPERS_HABITS = (
    (re.compile(r"\b(\d{1,2})([0-5]\d) ?([AP]M)\b"), r"\1:\2 \3"),
    (re.compile(r"[$£€](\d[\d.,]*)(?= (?:US )?(?:dollar|pound|penny|pence|cent|euro))"), r"\1"),
    (re.compile(r"(?<=\d)-(?=\d+ equals)"), " minus "),
    (re.compile(r"\b(?:plus|más|mais|più) (?=\d+ \d)"), "+"),
    (re.compile(r"\b(\d\d)00 e (\d\d)\b"), r"\1\2"),
)
"""What Whisper writes of words that it has heard rightly: 930 AM, $20 US dollars, 1900 e 14."""


def letters(text: str) -> str:
    """The letters and digits of a text without accents, in lower case."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in plain if each.isalnum())


def made_by_rules(written: str, said: str, between: str = "") -> list[str]:
    """The letters of each part of `said` that is not written so, `between` its words."""
    before, after = (re.findall(r"[^\W_]+", text) for text in (written, said))
    matcher = SequenceMatcher(None, list(map(letters, before)), list(map(letters, after)), False)
    return [
        between.join(map(letters, after[start:end]))
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in ("insert", "replace")
    ]


def is_heard(written: str, said: str, heard: str, language: str) -> bool:
    """Whether every part that the rules made is heard, in order."""
    for habit, plain in _WHISPERS_HABITS:
        heard = habit.sub(plain, heard)
    has_signs = set(written) & _UNIT_SIGNS <= set(heard)
    if (letters(heard) == letters(written) and has_signs) or has_same_digits(written, heard):
        return True
    rules = language_of(language)
    if rules is not None and _DOTTED.search(written):
        heard = re.sub(r"(?<=\d)\.(?=\d)", f", {rules.words['dot']} ", heard)
    parts = made_by_rules(written, said, between=" ")
    if stands_in(map(letters, parts), letters(speakable(heard, language))):
        return True
    digits, all_digits = [_canonical(part, language) for part in parts], _canonical(heard, language)
    return stands_in(digits, all_digits) and _is_alike(_canonical(said, language), all_digits)


def _is_alike(one: str, other: str) -> bool:
    """Whether two texts are nearly the same but for their digits."""
    words, others = (re.sub(r"\d", "", text) for text in (one, other))
    return SequenceMatcher(None, words, others, False).ratio() > _NEARLY


def stands_in(parts: Iterable[str], text: str) -> bool:
    """Whether the parts stand in the text, in order."""
    place = 0
    for part in parts:
        begin = text.find(part, place)
        if begin < 0:
            return False
        place = begin + len(part)
    return True


def is_nearly_heard(written: str, said: str, heard: str, language: str) -> bool:
    """Whether every word that the rules made is heard but for a slip: a few of its letters."""
    found = letters(speakable(heard, language))
    made = (word for part in made_by_rules(written, said, between=" ") for word in part.split())
    return all(edits(word, found) <= _slip(word) for word in made)


def _slip(word: str) -> int:
    """How many letters of a word a slip may change; another word differs in more."""
    return 0 if len(word) < _LONG else max(1, len(word) // 4)


def _canonical(text: str, language: str) -> str:
    """The letters with each number as digits, however it is written."""
    return "".join(map(letters, canonical_words(text, language)))


def edits(part: str, text: str) -> int:
    """The fewest letters to change, leave out or put in so that `part` stands in `text`."""
    row = list(range(len(part) + 1))
    fewest = row[-1]
    for letter in text:
        before, row[0] = row[0], 0
        for place, wanted in enumerate(part, 1):
            changed = before + (letter != wanted)
            before, row[place] = row[place], min(changed, row[place] + 1, row[place - 1] + 1)
        fewest = min(fewest, row[-1])
    return fewest


def has_same_digits(written: str, heard: str) -> bool:
    """Whether a number without a sign or unit is heard, grouped otherwise: 1530 for 15:30.

    Its digits must be the same, and the words around it nearly so.
    """
    before, after = re.sub(r"\D", "", written), re.sub(r"\D", "", heard)
    if len(before) < _LONG or before != after or set(written) & _UNIT_SIGNS:
        return False
    return _is_alike(letters(written), letters(heard))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, heard."""

    kind: str
    written: str
    said: str
    heard: str
    right: bool
    nearly: bool
    """Whether it is heard rightly but for slips, at the second time if not at the first."""
    again: bool
    """Whether it is heard rightly, at the second time if not at the first."""


async def listen(
    synthesizer: Synthesizer,
    whisper: Whisper,
    rows: Iterable[tuple[str, str]],
    language: str,
    voice: str = "",
) -> list[Row]:
    """Speaks and hears each (kind, written), a second time and slower where it was misheard."""
    found = []
    for kind, written in rows:
        said = speakable(written, language)
        heard: list[str] = []
        for speed in (1.0, _SLOWER):
            pcm = await spoken(synthesizer, said, Voice(voice, language, speed))
            heard.append((await whisper.transcribe(as_input(pcm), language)).text)
            if is_heard(written, said, heard[-1], language):
                break
        rights = [is_heard(written, said, each, language) for each in heard]
        nearly = any(is_nearly_heard(written, said, each, language) for each in heard)
        found.append(
            Row(kind, written, said, heard[0], rights[0], nearly or rights[-1], rights[-1])
        )
    return found


async def report(arguments: argparse.Namespace) -> None:
    language = arguments.language
    models = Path(arguments.models) if arguments.models else cache_directory()
    whisper = await Whisper.load(models / "base", "cpu", "int8", arguments.threads)
    if arguments.engine == "espeak" or language not in VOICE_OF:
        synthesizer: Synthesizer = await Espeak.load()
    else:
        synthesizer = await Kokoro.load(models / MODEL, models / VOICES, "cpu", arguments.threads)
    chosen = arguments.voice or (VOICE_OF.get(language, "") if synthesizer.name != "espeak" else "")
    rows = [(kind, row) for kind, table in sections(language).items() for row in table]
    heard: list[Row] = []
    for row in rows[arguments.first :: arguments.every]:
        (one,) = await listen(synthesizer, whisper, [row], language, chosen)
        heard.append(one)
        if not one.right:
            slip = " (a slip)" if one.nearly else ""
            print(f"{one.kind}: {one.said!r} heard {one.heard!r}{slip}", flush=True)  # noqa: T201
    for line in summary(heard):
        print(f"{language} {synthesizer.name}: {line}")  # noqa: T201
    await synthesizer.close()
    await whisper.close()


def summary(rows: list[Row]) -> list[str]:
    """The share of rows heard rightly, by kind and in all."""
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row.right)
        kinds["all"].append(row.right)
        kinds["all, some at the second time"].append(row.again)
        kinds["all, but for slips"].append(row.nearly)
    ordered = sorted(kinds.items(), key=lambda item: item[0].startswith("all"))
    return [
        f"{kind} {sum(right)} of {len(right)}, {sum(right) / len(right):.1%}"
        for kind, right in ordered
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="hear the spoken tables back")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--engine", choices=("kokoro", "espeak"), default="kokoro")
    parser.add_argument("--voice", default="")
    parser.add_argument("--models", help="a directory with the released models")
    parser.add_argument("--every", type=int, default=1, help="only each Nth row")
    parser.add_argument("--first", type=int, default=0, help="the number of the first row")
    parser.add_argument("--threads", type=int, default=2)
    asyncio.run(report(parser.parse_args()))


if __name__ == "__main__":
    main()
