"""Chooses the tools that a model is told of with every question, and finds the others. Pure.

Each tool costs tokens in every question, and a model chooses badly among many. Of more than the
limits allow, the rest is reached through two functions: one finds tools by what they do, the other
calls one by its name.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from appliance.tools import Tool, matches_any

FIND_TOOL: Final = "find_tool"
USE_TOOL: Final = "use_tool"
MOST_FOUND: Final = 4
_STEM: Final = 5
"""Letters that two words have in common: "lamp" and "lamps", "temperature" and "temperatures"."""
_COMMON: Final = frozenset(
    (
        *("all", "and", "any", "can", "for", "from", "has", "how", "into", "its", "not", "one"),
        *("out", "some", "that", "the", "this", "what", "when", "with", "you"),
    )
)
_WORD = re.compile(r"[^\W_]+")
_SEARCH: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": FIND_TOOL,
        "description": "Finds more tools by what they do, where none of the others fits.",
        "parameters": {
            "type": "object",
            "properties": {"task": {"type": "string", "description": "What is to be done."}},
            "required": ["task"],
        },
    },
    {
        "name": USE_TOOL,
        "description": f"Calls a tool that {FIND_TOOL} has found.",
        "parameters": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "The name of the tool."},
                "arguments": {"type": "object", "description": "Its arguments."},
            },
            "required": ["name"],
        },
    },
)


@dataclass(frozen=True, slots=True)
class OfferLimits:
    """At most so many tools, and bytes of their definitions; those of `first` before others."""

    tools: int = 32
    bytes: int = 12_000
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """The tools that a model is told of at once, and those that it can find."""

    tools: tuple[Tool, ...]
    rest: tuple[Tool, ...] = ()

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The functions as a model gets them; with the two of the search where there is a rest."""
        return [*map(function, self.tools), *(map(dict, _SEARCH) if self.rest else ())]

    def names(self) -> frozenset[str]:
        """The names of all tools, told of or not."""
        return frozenset(tool.name for tool in (*self.tools, *self.rest))

    def found(self, task: object) -> list[dict[str, Any]]:
        """The functions of the rest that fit a task best."""
        return [function(tool) for tool in search(self.rest, str(task))]


def function(tool: Tool) -> dict[str, Any]:
    """A tool as a function of the chat-completions API."""
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }


def offer(groups: Mapping[str, Sequence[Tool]], limits: OfferLimits) -> ToolOffer:
    """What fits into the limits.

    The group without a name, the appliance's own tools, comes first, then those that the limits
    name, then one of each group in turn, so that no server keeps out another.
    """
    own = groups.get("", ())
    others = list(_in_turn(tools for name, tools in groups.items() if name))
    named = [tool for tool in others if matches_any(tool.name, limits.first)]
    unnamed = [tool for tool in others if tool not in named]
    chosen: list[Tool] = []
    rest: list[Tool] = []
    left = limits.bytes
    for tool in (*own, *named, *unnamed):
        size = len(json.dumps(function(tool)))
        fits = len(chosen) < limits.tools and size <= left
        (chosen if fits else rest).append(tool)
        left -= size if fits else 0
    return ToolOffer(tuple(chosen), tuple(rest))


def _in_turn(groups: Iterable[Sequence[Tool]]) -> Iterator[Tool]:
    for row in zip_longest(*groups):
        yield from (tool for tool in row if tool is not None)


def called_tool(name: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The tool and the arguments that a call means: those within a call of USE_TOOL."""
    if name != USE_TOOL:
        return name, arguments
    given = arguments.get("arguments")
    return str(arguments.get("name", "")), given if isinstance(given, Mapping) else {}


def search(tools: Sequence[Tool], task: str) -> list[Tool]:
    """The tools with most words of the task, rare words first; at most MOST_FOUND."""
    known = [Counter(_stems(_searched_text(tool))) for tool in tools]
    wanted = set(_stems(task))
    frequency = {stem: sum(stem in words for words in known) for stem in wanted}
    scores = [
        sum(math.log(1 + len(tools) / frequency[stem]) for stem in wanted if stem in words)
        for words in known
    ]
    ranked = sorted(range(len(tools)), key=lambda place: -scores[place])
    return [tools[place] for place in ranked[:MOST_FOUND] if scores[place] > 0]


def _searched_text(tool: Tool) -> str:
    parts = [tool.name, tool.description]
    for name, rule in tool.parameters.get("properties", {}).items():
        parts += [name, str(rule.get("description", "")), *map(str, rule.get("enum", ()))]
    return " ".join(parts)


def _stems(text: str) -> list[str]:
    words = (word for word in _WORD.findall(text.lower()) if len(word) > 2)
    return [word[:_STEM] for word in words if word not in _COMMON]
