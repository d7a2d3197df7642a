"""All tools of the appliance: found by name or by sentence, called so that nothing escapes."""

import asyncio
import difflib
import fnmatch
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.errors import ConfigError, ToolError
from appliance.tools import Answer, Surroundings, Tool
from appliance.tools import wording as say
from appliance.tools.arguments import validated
from appliance.tools.grammar import Graph, everything_heard, graph, jsgf
from appliance.tools.sentences import Sentences, command_of

log = logging.getLogger(__name__)


REMEMBERED = 64  # matches; a match takes up to 13 ms, on the event loop


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence understood: which tool, with which arguments (already valid)."""

    tool: Tool
    arguments: Mapping[str, Any]


class Registry:
    """The tools by name. Raises ToolError where two of them have the same name."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ToolError(f"there are two tools called {tool.name}")
            self._tools[tool.name] = tool
        self._commands = [command_of(tool) for tool in tools]
        self._sentences = Sentences(self._commands)
        self._matches: dict[str, Match | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def prepare(self) -> None:
        """Does what the first match and the first answer would do: a second, not on the loop."""
        self._sentences.prepare()
        say.number(1)

    def match(self, text: str) -> Match | None:
        """The tool that `text`, taken as a whole, asks for; None where it asks for none.

        Asked several times in a turn and from several places, so the latest are remembered.
        """
        if text not in self._matches:
            if len(self._matches) >= REMEMBERED:
                self._matches.pop(next(iter(self._matches)))
            self._matches[text] = self._find(text)
        return self._matches[text]

    def _find(self, text: str) -> Match | None:
        for name, arguments in self._sentences.matches(text):
            tool = self._tools[name]
            try:
                return Match(tool, validated(tool.parameters, arguments))
            except ToolError:
                # A reading out of bounds ("a timer called <thirty words>") is no reading.
                continue
        return None

    def schemas(self, *, realtime: bool = False) -> list[dict[str, Any]]:
        """What models may call, as function definitions of the chat-completions API.

        With `realtime`, only what may run on the Realtime route.
        """
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in self._tools.values()
            if not tool.spoken_only and (tool.realtime or not realtime)
        ]

    def grammar(self, knows: Callable[[str], bool] = lambda word: True) -> str:
        """All sentences as JSGF text.

        `knows` tells whether the recogniser's dictionary has a word; sentences with others are
        left out, since PocketSphinx refuses a whole grammar for one of them.
        """
        return jsgf(everything_heard(self._commands, knows))

    def graph(self, knows: Callable[[str], bool] = lambda word: True) -> Graph:
        """The same sentences as the smallest word graph, which is decoded many times faster."""
        return graph(everything_heard(self._commands, knows))

    async def call(
        self, name: str, arguments: Mapping[str, Any], surroundings: Surroundings
    ) -> Answer:
        """Runs a tool within its time limit. What goes wrong becomes a spoken apology.

        A failed answer carries the error under `data["error"]`, so that a model can correct its
        call. Only CancelledError leaves this method.
        """
        try:
            return await self._run(name, arguments, surroundings)
        except ToolError as error:
            log.info("tool %s refused: %s (%s)", name, error.message, error.advice)
            return Answer(f"Sorry, {_sentence(error.message)}", error.as_json())
        except TimeoutError:
            late = ToolError(f"{_said(name)} took too long")
            log.warning("tool %s ran out of its time", name)
            return Answer(f"Sorry, {late.message}.", late.as_json())
        except Exception:  # the boundary of a tool: whatever it raises is spoken, not fatal
            log.exception("tool %s failed", name)
            broken = ToolError(f"{_said(name)} did not work")
            return Answer(f"Sorry, {broken.message}.", broken.as_json())

    async def _run(
        self, name: str, arguments: Mapping[str, Any], surroundings: Surroundings
    ) -> Answer:
        if name not in self._tools:
            raise ToolError(f"I have no tool called {_said(name)}")
        tool = self._tools[name]
        async with asyncio.timeout(tool.timeout):
            return await tool.run(validated(tool.parameters, arguments), surroundings)


def enabled(tools: Sequence[Tool], patterns: Sequence[str]) -> tuple[Tool, ...]:
    """The tools whose names fit one of the patterns (* and ? as in file names), in their order.

    Raises ConfigError for a pattern that fits no tool.
    """
    names = [tool.name for tool in tools]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            near = difflib.get_close_matches(pattern, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
            raise ConfigError(f"tools.enabled: no tool is called {pattern!r}{hint}")
    return tuple(tool for tool in tools if any(fnmatch.fnmatch(tool.name, p) for p in patterns))


def _said(name: str) -> str:
    return name.replace("_", " ")


def _sentence(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."
