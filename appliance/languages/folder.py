"""Reads the folder of a language: what people say in it, what the appliance answers, its words.

`data/CODE/commands.toml` has hassil templates by tool, `answers.toml` sentences by key, and
`words.toml` units, times and dates. Each is read once, when it is first needed.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from appliance.languages.table import ENGLISH

DATA: Final = Path(__file__).with_name("data")
TRANSLATED: Final = ("en", "de", "es", "fr", "it", "pt")
"""The languages that have a folder, English first."""
_REFERENCE: Final = re.compile(r"\{(\w+)(?::\w+)?\}|<(\w+)>")


@dataclass(frozen=True, slots=True)
class SpokenCommand:
    """The sentences with which people ask for a tool.

    `lists` map a phrase to its value, `rules` are parts of sentences; only those that are used.
    """

    sentences: tuple[str, ...]
    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LanguageFolder:
    """The data of one language. `fillers` are words that mean nothing in a command."""

    code: str
    commands: Mapping[str, SpokenCommand]
    fillers: tuple[str, ...]
    answers: Mapping[str, str]
    words: Mapping[str, Any]


def answering_language(code: str) -> str:
    """The language in which the appliance answers to `code`: itself, or English."""
    return code if code in TRANSLATED else ENGLISH


@cache
def folder(code: str) -> LanguageFolder:
    """The folder of a language, English for one without. Blocks some ms at the first call."""
    if code != answering_language(code):
        return folder(ENGLISH)
    commands = _parsed(code, "commands")
    fillers = tuple(commands.pop("fillers"))
    lists, rules = commands.pop("lists", {}), commands.pop("rules", {})
    return LanguageFolder(
        code,
        {name: _command(spoken, lists, rules) for name, spoken in commands.items()},
        fillers,
        _parsed(code, "answers"),
        _parsed(code, "words"),
    )


def _parsed(code: str, name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / code / f"{name}.toml").read_text(encoding="utf-8"))


def _command(
    spoken: Mapping[str, Any],
    lists: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, str],
) -> SpokenCommand:
    """A command with the shared lists and rules that it uses, and its own over them."""
    all_lists = {**lists, **spoken.get("lists", {})}
    all_rules = {**rules, **spoken.get("rules", {})}
    used = set(_references(spoken["sentences"], all_rules))
    return SpokenCommand(
        tuple(spoken["sentences"]),
        {name: values for name, values in all_lists.items() if name in used},
        {name: rule for name, rule in all_rules.items() if name in used},
    )


def _references(sentences: list[str], rules: Mapping[str, str]) -> Iterator[str]:
    """The lists and rules that sentences name, also by way of other rules."""
    seen: set[str] = set()
    waiting = list(sentences)
    while waiting:
        for name, rule in _REFERENCE.findall(waiting.pop()):
            yield name or rule
            if rule and rule not in seen:
                seen.add(rule)
                waiting.append(rules.get(rule, ""))
