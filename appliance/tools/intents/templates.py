"""A command as a tree of the words that may be said, read from its hassil templates.

The starter engine listens for whole words: a template that joins parts without a space is
refused, and what needs a word that the recogniser does not know is left out.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import ToolError
from appliance.tools.intents.recognizer import Command, FreeWords, Numbers, PhraseList, SpokenList

if TYPE_CHECKING:
    from hassil import Expression, Group


@dataclass(frozen=True, slots=True)
class Words:
    """Words in a row."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TemplateSequence:
    """Parts in a row; an empty row says nothing."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several parts."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """A part that has a name because it is used in several places."""

    name: str
    part: "Part"


Part = Words | TemplateSequence | Choice | NamedGroup

NOTHING = TemplateSequence(())

Knows = Callable[[str], bool]


def part_of(command: Command, knows: Knows) -> Part | None:
    """Everything that may be said for a command; None where all of it needs unknown words.

    Raises ToolError for a template that cannot be heard word by word.
    """
    reader = _Reader(command, knows)
    return _choice(reader.template(template) for template in command.templates)


class _Reader:
    """Reads the templates of one command. A part that cannot be heard is None."""

    def __init__(self, command: Command, knows: Knows) -> None:
        # Imported here: hassil brings its number rules along, and importing does nothing.
        from hassil import expression, parse_sentence

        self._kinds = expression
        self._parse = parse_sentence
        self._command = command
        self._knows = knows
        self._named: dict[str, Part | None] = {}

    def template(self, text: str) -> Part | None:
        return self._read(self._parse(text).expression)

    def _read(self, part: "Expression") -> Part | None:
        kinds = self._kinds
        if isinstance(part, kinds.TextChunk):
            return self._words(part.text.lower().split())
        if isinstance(part, kinds.Alternative):
            return _choice(map(self._read, part.items))
        if isinstance(part, kinds.Sequence):
            self._refuse_joined_words(part)
            return _row(map(self._read, part.items))
        if isinstance(part, kinds.ListReference):
            return self._name(f"{part.list_name}_list", lambda: self._list(part.list_name))
        if isinstance(part, kinds.RuleReference):
            return self._name(part.rule_name, lambda: self._rule(part.rule_name))
        raise ToolError(f"a sentence of {self._command.name} uses ; which cannot be listened for")

    def _words(self, words: Sequence[str]) -> Part | None:
        return Words(tuple(words)) if all(map(self._knows, words)) else None

    def _name(self, name: str, body: Callable[[], Part | None]) -> Part | None:
        if name not in self._named:
            part = body()
            self._named[name] = part and NamedGroup(f"{self._command.name}_{name}", part)
        return self._named[name]

    def _rule(self, name: str) -> Part | None:
        if name not in self._command.rules:
            raise ToolError(f"a sentence of {self._command.name} uses an unknown rule <{name}>")
        return self.template(self._command.rules[name])

    def _list(self, name: str) -> Part | None:
        if name not in self._command.lists:
            raise ToolError(f"a sentence of {self._command.name} uses an unknown list {{{name}}}")
        return _choice(self._words(said) for said in _said(self._command.lists[name]))

    def _refuse_joined_words(self, part: "Group") -> None:
        items = [item for item in part.items if getattr(item, "text", None) != ""]
        for left, right in itertools.pairwise(items):
            if not (self._spaced(left, -1) or self._spaced(right, 0)):
                name = self._command.name
                raise ToolError(f"a sentence of {name} joins two parts without a space")

    def _spaced(self, part: "Expression", edge: int) -> bool:
        """Whether every way to say `part` has a space at that edge (0 the left, -1 the right)."""
        kinds = self._kinds
        if isinstance(part, kinds.TextChunk):
            return part.text[edge].isspace() if part.text else True
        if isinstance(part, kinds.Alternative):
            return all(self._spaced(item, edge) for item in part.items)
        if isinstance(part, kinds.Sequence) and part.items:
            return self._spaced(part.items[edge], edge)
        return False


def _row(parts: Iterable[Part | None]) -> Part | None:
    heard: list[Part] = []
    for part in parts:
        if part is None:
            return None
        if part not in (NOTHING, Words(())):
            heard.append(part)
    return heard[0] if len(heard) == 1 else TemplateSequence(tuple(heard))


def _choice(parts: Iterable[Part | None]) -> Part | None:
    """The parts that can be heard, each once, in their order."""
    heard = dict.fromkeys(NOTHING if part == Words(()) else part for part in parts if part)
    return next(iter(heard)) if len(heard) == 1 else Choice(tuple(heard)) if heard else None


def _said(spoken: SpokenList) -> list[list[str]]:
    """Everything that may be said for a list, word by word."""
    match spoken:
        case Numbers(start, stop):
            return [words for number in range(start, stop + 1) for words in _number_words(number)]
        case PhraseList(values):
            return [said.lower().split() for said in values]
        case FreeWords(examples):
            return [said.lower().split() for said in examples]


def _number_words(number: int) -> list[list[str]]:
    """What hassil takes for a number, and "a hundred and five", which the matcher puts right."""
    from hassil.numbers import get_rbnf_engine

    spoken = get_rbnf_engine("en").format_number(number).text_by_ruleset.values()
    texts = {text.replace("-", " ") for text in spoken}
    texts |= {text.replace("hundred ", "hundred and ") for text in texts}
    texts |= {re.sub("^one hundred", "a hundred", text) for text in texts}
    return [text.split() for text in sorted(texts)]
