"""All tools of the appliance: found by name or by sentence, called so that nothing escapes."""

import asyncio
import difflib
import fnmatch
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from appliance.errors import AgentError, ConfigError, ToolError
from appliance.text import phrasing
from appliance.tools import IsGuest, Tool, ToolContext, ToolResult, everyone_is_guest
from appliance.tools.confirmation import PendingConfirmations, answer_tools
from appliance.tools.intents.grammar import WordGraph, everything_heard, graph, jsgf
from appliance.tools.intents.recognizer import Command, FreeWords, Sentences, command_of
from appliance.tools.json_schema import validated

log = logging.getLogger(__name__)


LONGEST_TOLD = 60  # characters of an argument, in a question
REMEMBERED = 64  # matches; a match takes up to 13 ms, on the event loop


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence understood: which tool, with which arguments (already valid)."""

    tool: Tool
    arguments: Mapping[str, Any]


class ToolRegistry:
    """The tools by name. Raises ToolError where two of them have the same name.

    More may come and go while it is used (`put`). A tool that needs confirmation is only asked
    about when it is called; it runs when the user says yes, before anything else was said in the
    same session. `now` is a clock in seconds that never goes back; `is_guest` tells whether a
    client, by its id, is no more than a guest.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        now: Callable[[], float] = time.monotonic,
        *,
        is_guest: IsGuest = everyone_is_guest,
    ) -> None:
        self._is_guest = is_guest
        self._questions = PendingConfirmations(now)
        self._answers = _Group.of(answer_tools(self._questions, self._perform))
        self._groups: dict[str, _Group] = {}
        self._tools: dict[str, Tool] = {}
        self._matches: dict[str, tuple[Match | None, Match | None]] = {}
        self.put("", tools)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def prepare(self) -> None:
        """Does what the first match and the first answer would do: a second, not on the loop."""
        for group in self._groups.values():
            group.sentences.prepare()
        phrasing.number(1)

    def put(self, group: str, tools: Sequence[Tool]) -> None:
        """Takes the tools of a group in, instead of those it had; other groups are heard first.

        Raises ToolError where a name is taken.
        """
        groups = {**self._groups, group: _Group.of(tools)}
        if any(tool.confirm for tool in tools):
            groups["answers"] = self._answers
        self._tools = _by_name(groups.values())
        self._groups = groups
        self._matches.clear()

    def match(self, text: str, session_id: str | None = None) -> Match | None:
        """The tool that `text`, taken as a whole, asks for; None where it asks for none.

        In a session, a yes or no is understood only while a question waits there. Asked several
        times in a turn and from several places, so the latest are remembered.
        """
        if text not in self._matches:
            if len(self._matches) >= REMEMBERED:
                self._matches.pop(next(iter(self._matches)))
            self._matches[text] = self._find(text)
        answer, other = self._matches[text]
        if session_id is None:
            return other or answer
        return answer if answer and self._questions.waits(session_id) else other

    def user_turn(self, text: str, session_id: str) -> None:
        """The user said something. Anything but an answer withdraws a question that waits."""
        found = self.match(text, session_id)
        if found is None or not found.tool.answers:
            self._questions.withdraw(session_id)

    def _find(self, text: str) -> tuple[Match | None, Match | None]:
        """The best reading as an answer to a question, and the best as anything else."""
        found: dict[bool, Match] = {}
        for group in self._groups.values():
            for name, arguments in group.sentences.matches(text):
                tool = self._tools[name]
                # A reading out of bounds ("a timer called <thirty words>") is no reading.
                with suppress(ToolError):
                    match = Match(tool, validated(tool.parameters, arguments))
                    found.setdefault(tool.answers, match)
        return found.get(True), found.get(False)

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
        return jsgf(everything_heard(self._commands(), knows))

    def graph(self, knows: Callable[[str], bool] = lambda word: True) -> WordGraph:
        """The same sentences as the smallest word graph, which is decoded many times faster."""
        return graph(everything_heard(self._commands(), knows))

    def hot_words(self) -> tuple[str, ...]:
        """Names that users are likely to say to these tools, each once: a recogniser's hint.

        They are the values that arguments are known to take; what sentences are made of is common
        speech, and needs none.
        """
        spoken = [spoken for command in self._commands() for spoken in command.lists.values()]
        free = [word for each in spoken if isinstance(each, FreeWords) for word in each.examples]
        listed = [
            str(value)
            for tool in self._tools.values()
            for rule in tool.parameters.get("properties", {}).values()
            for value in rule.get("enum", ())
        ]
        return tuple(dict.fromkeys((*free, *listed)))

    def _commands(self) -> list[Command]:
        return [command_of(tool) for tool in self._tools.values()]

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        via: str = "model",
    ) -> ToolResult:
        """Runs a tool within its time limit. What goes wrong becomes a spoken apology.

        `via` is "sentence" where the user's own words asked for it, which a confirmation needs.
        A failed answer carries the error under `data["error"]`, so that a model can correct its
        call. Only CancelledError leaves this method.
        """
        try:
            return await self._run(name, arguments, context, via)
        except (ToolError, AgentError) as error:
            log.info("tool %s refused: %s (%s)", name, error.message, error.advice)
            return ToolResult(f"Sorry, {_sentence(error.message)}", error.as_json())
        except TimeoutError:
            late = ToolError(f"{_said(name)} took too long")
            log.warning("tool %s ran out of its time", name)
            return ToolResult(f"Sorry, {late.message}.", late.as_json())
        except Exception:  # the boundary of a tool: whatever it raises is spoken, not fatal
            log.exception("tool %s failed", name)
            broken = ToolError(f"{_said(name)} did not work")
            return ToolResult(f"Sorry, {broken.message}.", broken.as_json())

    async def _run(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext, via: str
    ) -> ToolResult:
        if name not in self._tools:
            raise ToolError(f"I have no tool called {_said(name)}")
        tool = self._tools[name]
        if tool.answers and via != "sentence":
            raise ToolError("only the user can answer that")
        if not tool.guests and await self._is_guest(context.client_id):
            raise ToolError("that is not for guests; an administrator can make you a user")
        valid = validated(tool.parameters, arguments)
        if not tool.confirm:
            return await self._perform(tool, valid, context)
        self._questions.ask(context.session_id, tool, valid)
        question = tool.question or _question(name, valid)
        return ToolResult(question, {"asked_the_user": question, "done": False})

    async def _perform(
        self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        async with asyncio.timeout(tool.timeout):
            return await tool.run(arguments, context)


@dataclass(frozen=True, slots=True)
class _Group:
    tools: Sequence[Tool]
    sentences: Sentences

    @classmethod
    def of(cls, tools: Sequence[Tool]) -> "_Group":
        return cls(tools, Sentences([command_of(tool) for tool in tools]))


def _by_name(groups: Iterable[_Group]) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for tool in (tool for group in groups for tool in group.tools):
        if tool.name in found:
            raise ToolError(f"there are two tools called {tool.name}")
        found[tool.name] = tool
    return found


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


def _question(name: str, arguments: Mapping[str, Any]) -> str:
    """ "Shall I use home turn on, with room kitchen?": what is confirmed is told in full."""
    told = [f"{_said(key)} {str(value)[:LONGEST_TOLD]}" for key, value in arguments.items()]
    return f"Shall I use {_said(name)}{f', with {phrasing.listed(told)}' if told else ''}?"


def _said(name: str) -> str:
    return name.replace("_", " ")


def _sentence(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."
