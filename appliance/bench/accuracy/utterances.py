"""Loads the texts that are said to the appliance, and draws a sample of them.

`texts` has a file for each language. What is said is of a kind (`KINDS`); a pause after which the
speaker goes on is a part's end. See `texts/en.toml`.
"""

import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, TypeVar

from appliance.errors import ApplianceError

T = TypeVar("T")

TEXTS: Final = Path(__file__).with_name("texts")
LANGUAGES: Final = ("en", "es", "fr", "it", "pt", "de")
KINDS: Final = (
    *("short", "command", "question", "name", "number", "address", "digits", "hesitation"),
    *("correction", "unfinished", "cut_off", "long"),
)
CONDITIONS: Final = (
    *("clean", "noise-20", "noise-10", "noise-5", "music", "babble", "room", "telephone"),
)
MAY_END: Final = frozenset({"correction", "address"})
"""Kinds whose parts are whole sentences: nobody can know that the speaker will go on."""
PAUSE: Final = " | "
CUT_OFF: Final = "…"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody says, in parts between which they pause."""

    language: str
    kind: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.parts).removesuffix(CUT_OFF).strip()

    @property
    def is_finished(self) -> bool:
        """False for a sentence whose speaker gives it up."""
        return not self.parts[-1].endswith(CUT_OFF)

    @property
    def may_end(self) -> bool:
        """Whether a turn may end in its pauses."""
        return self.kind in MAY_END

    def spoken_parts(self) -> tuple[str, ...]:
        """The parts as a voice should speak them: what is not the end does not sound like one."""
        parts = [part.removesuffix(CUT_OFF).strip() for part in self.parts]
        going_on = parts if not self.is_finished else parts[:-1]
        spoken = [part if part[-1] in ",;:" else f"{part.rstrip('.!?')}," for part in going_on]
        return (*spoken, *parts[len(going_on) :])


@dataclass(frozen=True, slots=True)
class Trial:
    """An utterance in a condition; the voice is the `voice`-th of its language, and so on."""

    utterance: Utterance
    condition: str
    voice: int


def load_utterances(
    languages: Sequence[str] = LANGUAGES, kinds: Sequence[str] = KINDS
) -> list[Utterance]:
    """The shipped texts of these languages and kinds, in the order of the files."""
    found = []
    for language in languages:
        texts = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
        for kind in kinds:
            found += [
                Utterance(language, kind, tuple(text.split(PAUSE))) for text in texts.get(kind, ())
            ]
    return found


def sample(
    utterances: Sequence[Utterance], conditions: Sequence[str], count: int, seed: int
) -> list[Trial]:
    """Draws `count` trials, the same for the same seed; every language, kind and condition early.

    Beyond the number of utterances, they come again in other voices and conditions.
    Raises ApplianceError where there is no utterance.
    """
    if not utterances:
        raise ApplianceError("no text is of these languages and kinds")
    chance = random.Random(seed)
    condition = _shuffled_for_ever(conditions, chance)
    ordered = _interleaved(utterances, chance)
    first = chance.randrange(1000)
    return [
        # Another voice in the next round, also where a round has an even number of texts.
        Trial(
            ordered[number % len(ordered)], next(condition), first + number + number // len(ordered)
        )
        for number in range(count)
    ]


def _interleaved(utterances: Sequence[Utterance], chance: random.Random) -> list[Utterance]:
    """The utterances, one of each language and kind after the other."""
    groups: dict[tuple[str, str], list[Utterance]] = {}
    for utterance in utterances:
        groups.setdefault((utterance.language, utterance.kind), []).append(utterance)
    shuffled = [chance.sample(group, len(group)) for group in groups.values()]
    rounds = [[one for one in each if one is not None] for each in zip_longest(*shuffled)]
    return list(chain.from_iterable(chance.sample(each, len(each)) for each in rounds))


def _shuffled_for_ever(values: Sequence[T], chance: random.Random) -> Iterator[T]:
    while True:
        yield from chance.sample(values, len(values))
