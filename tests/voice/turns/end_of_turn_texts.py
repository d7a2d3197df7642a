"""The finished and unfinished utterances of fixtures/end_of_turn."""

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "end_of_turn"
GOES_ON = " | "
"""Before what the speaker of an unfinished utterance says after the pause."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody says before a pause; `finished` tells whether that was all.

    `then` is what follows, where the file tells.
    """

    finished: bool
    language: str
    kind: str
    text: str
    then: str = ""


def utterances() -> tuple[Utterance, ...]:
    """Those by which the tables of words were made, in the order of the files."""
    return tuple(one for name in ("english", "others") for one in _read(FIXTURES / f"{name}.txt"))


def fresh_utterances() -> tuple[Utterance, ...]:
    """Those of `fresh.txt`: rules are made by every second one, and measured on the others."""
    return tuple(_read(FIXTURES / "fresh.txt"))


def _read(path: Path) -> list[Utterance]:
    found: list[Utterance] = []
    state = language = kind = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            state, language, kind = line[2:].split()
        elif line:
            text, _, then = line.partition(GOES_ON)
            found.append(Utterance(state == "finished", language, kind, text, then))
    return found
