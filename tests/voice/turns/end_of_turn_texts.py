"""The finished and unfinished utterances of fixtures/end_of_turn."""

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "end_of_turn"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody says before a pause; `finished` tells whether that was all."""

    finished: bool
    language: str
    kind: str
    text: str


def utterances() -> tuple[Utterance, ...]:
    """All of them, in the order of the files."""
    return tuple(one for name in ("english", "others") for one in _read(FIXTURES / f"{name}.txt"))


def _read(path: Path) -> list[Utterance]:
    found: list[Utterance] = []
    state = language = kind = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            state, language, kind = line[2:].split()
        elif line:
            found.append(Utterance(state == "finished", language, kind, line))
    return found
