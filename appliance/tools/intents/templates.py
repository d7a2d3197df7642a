"""Parses the hassil templates of a command into a tree of words for the grammar.

The starter engine recognises whole words: a template that joins parts without a space is
rejected, and parts that need a word outside the recogniser's dictionary are left out.
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
    """A sequence of words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TemplateSequence:
    """A sequence of parts; an empty one stands for no words."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice between parts."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """A part with a name, used in several places."""

    name: str
    part: "Part"


Part = Words | TemplateSequence | Choice | NamedGroup

NOTHING = TemplateSequence(())

KnowsWord = Callable[[str], bool]
"""Tells whether the recogniser's dictionary has a word."""


def parse_templates(command: Command, knows: KnowsWord) -> Part | None:
    """All sentences of a command; None if each of them needs an unknown word.

    Raises ToolError for a template that cannot be recognised word by word.
    """
    parser = _TemplateParser(command, knows)
    return _choice(parser.parse(template) for template in command.templates)


class _TemplateParser:
    """Parses the templates of one command. A part with an unknown word is None."""

    def __init__(self, command: Command, knows: KnowsWord) -> None:
        # Imported here because hassil loads its number rules.
        from hassil import expression, parse_sentence

        self._kinds = expression
        self._parse = parse_sentence
        self._command = command
        self._knows = knows
        self._named: dict[str, Part | None] = {}

    def parse(self, text: str) -> Part | None:
        return self._convert(self._parse(text).expression)

    def _convert(self, part: "Expression") -> Part | None:
        kinds = self._kinds
        if isinstance(part, kinds.TextChunk):
            return self._words(part.text.lower().split())
        if isinstance(part, kinds.Alternative):
            return _choice(map(self._convert, part.items))
        if isinstance(part, kinds.Sequence):
            self._refuse_joined_words(part)
            return _sequence(map(self._convert, part.items))
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
        return self.parse(self._command.rules[name])

    def _list(self, name: str) -> Part | None:
        if name not in self._command.lists:
            raise ToolError(f"a sentence of {self._command.name} uses an unknown list {{{name}}}")
        return _choice(self._words(phrase) for phrase in _phrases(self._command.lists[name]))

    def _refuse_joined_words(self, part: "Group") -> None:
        items = [item for item in part.items if getattr(item, "text", None) != ""]
        for left, right in itertools.pairwise(items):
            if not (self._spaced(left, -1) or self._spaced(right, 0)):
                name = self._command.name
                raise ToolError(f"a sentence of {name} joins two parts without a space")

    def _spaced(self, part: "Expression", edge: int) -> bool:
        """Whether every expansion of `part` has a space at that edge (0: left, -1: right)."""
        kinds = self._kinds
        if isinstance(part, kinds.TextChunk):
            return part.text[edge].isspace() if part.text else True
        if isinstance(part, kinds.Alternative):
            return all(self._spaced(item, edge) for item in part.items)
        if isinstance(part, kinds.Sequence) and part.items:
            return self._spaced(part.items[edge], edge)
        return False


def _sequence(parts: Iterable[Part | None]) -> Part | None:
    kept: list[Part] = []
    for part in parts:
        if part is None:
            return None
        if part not in (NOTHING, Words(())):
            kept.append(part)
    return kept[0] if len(kept) == 1 else TemplateSequence(tuple(kept))


def _choice(parts: Iterable[Part | None]) -> Part | None:
    """A choice between the parts that are not None, each once, in order."""
    kept = dict.fromkeys(NOTHING if part == Words(()) else part for part in parts if part)
    return next(iter(kept)) if len(kept) == 1 else Choice(tuple(kept)) if kept else None


def _phrases(spoken: SpokenList) -> list[list[str]]:
    """All phrases of a list, word by word."""
    match spoken:
        case Numbers(start, stop):
            return [words for number in range(start, stop + 1) for words in _number_words(number)]
        case PhraseList(values):
            return [phrase.lower().split() for phrase in values]
        case FreeWords(examples):
            return [phrase.lower().split() for phrase in examples]


def _number_words(number: int) -> list[list[str]]:
    """The words that hassil takes for a number, and "a hundred and five", a rewrite of ours."""
    from hassil.numbers import get_rbnf_engine

    spoken = get_rbnf_engine("en").format_number(number).text_by_ruleset.values()
    texts = {text.replace("-", " ") for text in spoken}
    texts |= {text.replace("hundred ", "hundred and ") for text in texts}
    texts |= {re.sub("^one hundred", "a hundred", text) for text in texts}
    return [text.split() for text in sorted(texts)]
