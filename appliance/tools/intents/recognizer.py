"""Recognises spoken sentences as tool calls by hassil templates, without a language model.

A text is matched as a whole; case, punctuation, hyphens and filler words are ignored. `grammar.py`
writes the same commands as grammars for PocketSphinx.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.languages.folder import SpokenCommand, folder
from appliance.languages.table import ENGLISH
from appliance.tools import Tool

if TYPE_CHECKING:
    from hassil import Intents, RecognizeResult

_REWRITES = (
    (re.compile(r"-"), " "),
    (re.compile("[\u2018\u2019]"), "'"),
    (re.compile("[¡«»„“”]"), " "),
)
_ENGLISH_REWRITES = (
    (re.compile(r"\s*½"), " and a half"),
    (re.compile(r"\b(?:a|one) hundred(?: and\b(?! a half\b))?", re.IGNORECASE), "one hundred"),
)

# Characters. A longer text is no command, and matching it would cost time.
LONGEST_MATCHED = 200


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers from `start` to `stop`, in words or digits; with `halves` also 2.5."""

    start: int
    stop: int
    halves: bool = False


@dataclass(frozen=True, slots=True)
class PhraseList:
    """A closed list of phrases, each with its value."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FreeWords:
    """Any words; `examples` are those that a grammar recognises."""

    examples: tuple[str, ...] = ()


SpokenList = Numbers | PhraseList | FreeWords


@dataclass(frozen=True, slots=True)
class Command:
    """The sentences of one tool, as the matcher and the grammar use them."""

    name: str
    templates: tuple[str, ...]
    lists: Mapping[str, SpokenList] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)


def command_of(tool: Tool, language: str = ENGLISH) -> Command:
    """The command of a tool; its lists come from its schema and its own phrases.

    A tool without sentences of its own has those of the language's folder, if there are any.
    """
    spoken: Tool | SpokenCommand = tool
    if not tool.sentences:
        spoken = folder(language).commands.get(tool.name, tool)
    lists: dict[str, SpokenList] = {
        name: _list_of_schema(rule) for name, rule in tool.parameters.get("properties", {}).items()
    }
    lists |= {name: PhraseList(values) for name, values in spoken.lists.items()}
    return Command(tool.name, spoken.sentences, lists, spoken.rules)


def _list_of_schema(rule: Mapping[str, Any]) -> SpokenList:
    if "enum" in rule:
        return PhraseList({str(value): value for value in rule["enum"]})
    if "minimum" in rule and "maximum" in rule:
        halves = rule.get("type") == "number"
        return Numbers(int(rule["minimum"]), int(rule["maximum"]), halves)
    return FreeWords(tuple(rule.get("examples", ())))


class SentenceMatcher:
    """Matches texts against all commands in one language.

    hassil parses the templates at the first match.
    """

    def __init__(self, commands: Sequence[Command], language: str = ENGLISH) -> None:
        self._language = language
        self._commands = [command for command in commands if command.templates]
        self._order = {command.name: place for place, command in enumerate(self._commands)}
        self._intents: Intents | None = None

    def matches(self, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every match of `text` as (command, arguments), the most literal first."""
        # Imported here because hassil loads its number rules.
        from hassil import recognize_all

        if len(text) > LONGEST_MATCHED or not self._commands:
            return
        rewrites = _ENGLISH_REWRITES if self._language == ENGLISH else ()
        for pattern, replacement in (*rewrites, *_REWRITES):
            text = pattern.sub(replacement, text)
        results: list[RecognizeResult] = []
        for words in self._with_fewer_fillers(text):
            results = list(recognize_all(words, self._parsed(), default_response=None))
            if results:
                break
        for result in sorted(results, key=partial(self._rank, text.lower())):
            values = {entity.name: entity.value for entity in result.entities_list}
            yield result.intent.name, {name: _whole_as_int(value) for name, value in values.items()}

    def _with_fewer_fillers(self, text: str) -> Iterator[str]:
        """The text, and the text without one filler after another at its end and its beginning.

        hassil leaves out all fillers or none, and a command may need a word that is one elsewhere:
        "Was kannst du, bitte?"
        """
        fillers = "|".join(map(re.escape, folder(self._language).fillers))
        last = re.compile(rf"[\s,]+(?:{fillers})[\s,.!?]*$", re.IGNORECASE)
        first = re.compile(rf"^\W*(?:{fillers})[\s,]+", re.IGNORECASE)
        for shorter in _removed(last, text):
            yield from _removed(first, shorter)

    def prepare(self) -> None:
        """Parses the templates and spells out the numbers before the first match needs them."""
        for name, spoken in ((c.name, s) for c in self._commands for s in c.lists.values()):
            if isinstance(spoken, Numbers):
                for template in self._parsed().intents[name].data[0].sentence_texts:
                    list(self.matches(re.sub(r"[\W\d_]+", " ", template)))

    def _parsed(self) -> "Intents":
        if self._intents is None:
            self._intents = _intents(self._commands, self._language)
        return self._intents

    def _rank(self, text: str, result: "RecognizeResult") -> tuple[int, int, int, int]:
        """Prefers fewer wildcards, then later ones, because a command begins with its verb.

        "Tell Claude to set a timer for tea" is not a timer called "tell Claude to set a".
        """
        free = [str(entity.value).lower() for entity in result.entities_list if entity.is_wildcard]
        first = min((text.rfind(words) for words in free), default=0)
        return len(free), -first, -result.text_chunks_matched, self._order[result.intent.name]


def _removed(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """The text, and what is left each time the pattern is removed once more."""
    yield text
    while (shorter := pattern.sub("", text)) != text:
        yield (text := shorter)


def _whole_as_int(value: Any) -> Any:  # noqa: ANN401  any value of a list
    """Converts whole floats, as which hassil returns digits, to int."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _intents(commands: Sequence[Command], language: str) -> "Intents":
    from hassil import Intents

    return Intents.from_dict(
        {
            "language": language,
            "skip_words": list(folder(language).fillers),
            "intents": {command.name: {"data": [_intent(command)]} for command in commands},
        }
    )


def _intent(command: Command) -> dict[str, Any]:
    return {
        "sentences": list(command.templates),
        "expansion_rules": dict(command.rules),
        "lists": {name: _hassil_list(spoken) for name, spoken in command.lists.items()},
    }


def _hassil_list(spoken: SpokenList) -> dict[str, Any]:
    match spoken:
        case Numbers(start, stop, halves):
            fractions = {"fractions": "halves"} if halves else {}
            return {"range": {"from": start, "to": stop, **fractions}}
        case PhraseList(values):
            return {"values": [{"in": phrase, "out": value} for phrase, value in values.items()]}
        case FreeWords():
            return {"wildcard": True}
