"""The registry of all tools: finds them by name or sentence, checks arguments, and calls them."""

import asyncio
import difflib
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from appliance.errors import AgentError, ApplianceError, ConfigError, ToolError
from appliance.languages.folder import answering_language, folder
from appliance.languages.phrases import Phrases, phrases
from appliance.languages.table import ENGLISH
from appliance.tools import (
    IsGuest,
    Tool,
    ToolContext,
    ToolResult,
    everyone_is_guest,
    matches_any,
)
from appliance.tools.arguments import validate
from appliance.tools.confirmation import PendingConfirmations, answer_tools
from appliance.tools.intents.grammar import WordGraph, command_tree, jsgf, word_graph
from appliance.tools.intents.own_words import beginning, own_words
from appliance.tools.intents.recognizer import (
    LONGEST_MATCHED,
    Command,
    FreeWords,
    SentenceMatcher,
    command_of,
)
from appliance.tools.offer import OfferLimits, ToolOffer, offer
from appliance.tools.switches import ToolSwitches

log = logging.getLogger(__name__)

LONGEST_ARGUMENT = 60  # characters of an argument in a question
_MARKUP = re.compile(r"[_`<>~*|#\\\[\](){}]")
CACHED_MATCHES = 64  # a match takes up to 13 ms, on the event loop


@dataclass(frozen=True, slots=True)
class Match:
    """The tool that a sentence asks for, with validated arguments."""

    tool: Tool
    arguments: Mapping[str, Any]


class ToolRegistry:
    """The tools by name. Raises ToolError if two tools have the same name.

    Groups of tools may be replaced while the registry is in use (`put`). Calling a tool that
    needs confirmation only asks the question; the tool runs when the user has heard it to its end
    and then says yes, before anything else is said in the session. `now` is a monotonic clock in
    seconds. `limits` are for what models are told of.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        now: Callable[[], float] = time.monotonic,
        *,
        is_guest: IsGuest = everyone_is_guest,
        limits: OfferLimits | None = None,
        switches: ToolSwitches | None = None,
    ) -> None:
        self._is_guest = is_guest
        self._limits = limits or OfferLimits()
        self._switches = switches or ToolSwitches()
        self._questions = PendingConfirmations(now)
        self._answers = _Group(answer_tools(self._questions, self._perform))
        self._groups: dict[str, _Group] = {}
        self._tools: dict[str, Tool] = {}
        self._matches: dict[tuple[str, str], tuple[Match | None, Match | None]] = {}
        self.put("", tools)

    def switch_off(self, names: Collection[str]) -> None:
        """Takes these tools away from everybody, and gives all others back."""
        self._switches.off = frozenset(names)
        self._matches.clear()

    def listed(self) -> list[tuple[str, Tool, bool]]:
        """All tools but yes and no: group ("" for the appliance's own), tool, whether it is on."""
        return [
            (name, tool, self._switches.is_on(tool.name))
            for name, group in self._groups.items()
            for tool in group.tools
            if not tool.answers
        ]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def prepare(self, language: str = ENGLISH) -> None:
        """Does the one-time work of the first match and answer in a language.

        Blocks for about a second, at the first call.
        """
        for group in list(self._groups.values()):
            group.prepare(answering_language(language))
        phrases(language).length(1)

    def is_prepared(self, language: str) -> bool:
        """Whether the next match in a language takes no longer than any other."""
        code = answering_language(language)
        return all(code in group.prepared for group in self._groups.values())

    def put(self, group: str, tools: Sequence[Tool]) -> None:
        """Replaces the tools of a group; sentences of earlier groups match first.

        Raises ToolError if a name is taken.
        """
        groups = {**self._groups, group: _Group(tools)}
        if any(tool.confirm for tool in tools):
            groups["answers"] = self._answers
        self._tools = _by_name(groups.values())
        self._groups = groups
        self._matches.clear()
        if rest := self.offer().rest:
            left = {tool.name for tool in rest}
            names = {n for n, g in groups.items() if any(tool.name in left for tool in g.tools)}
            log.warning(
                "models are told of %d of the tools of %s only when they look for them: all"
                " together are more than tools.model_tools or tools.model_bytes",
                *(len(rest), ", ".join(sorted(name or "the appliance" for name in names))),
            )

    def match(
        self, text: str, session_id: str | None = None, language: str = ENGLISH
    ) -> Match | None:
        """The tool that `text` as a whole asks for; None if it asks for none.

        In another language than English, what is no command there may be one in English. In a
        session, a yes or no matches only while a question is pending there. The latest
        matches are cached, because a turn asks for the same text several times.
        """
        key = text, answering_language(language)
        if key not in self._matches:
            if len(self._matches) >= CACHED_MATCHES:
                self._matches.pop(next(iter(self._matches)))
            found = self._find(*key)
            if not any(found) and key[1] != ENGLISH:
                found = self._find(text, ENGLISH)
            self._matches[key] = found
        answer, other = self._matches[key]
        if session_id is None:
            return other or answer
        return answer if answer and self._questions.get(session_id) else other

    def user_turn(self, text: str, session_id: str, language: str = ENGLISH) -> None:
        """The user has said `text`: anything but a yes or no withdraws a pending question."""
        found = self.match(text, session_id, language)
        if found is None or not found.tool.answers:
            self._questions.withdraw(session_id)

    def question_heard(self, session_id: str, question_id: str) -> None:
        """The question of a ToolResult was heard to its end: a yes counts from now on."""
        self._questions.question_heard(session_id, question_id)

    def assistant_spoke(self, session_id: str) -> None:
        """The assistant begins to speak, which withdraws a question that was heard before."""
        self._questions.assistant_spoke(session_id)

    def interrupted(self, session_id: str) -> None:
        """The user begins to speak, which withdraws a question that was not heard to its end."""
        self._questions.interrupted(session_id)

    def _find(self, text: str, language: str) -> tuple[Match | None, Match | None]:
        """The best match among the yes-or-no tools, and the best among all others."""
        best: dict[bool, Match] = {}
        head = beginning(text, LONGEST_MATCHED)
        for group in self._groups.values():
            for name, arguments in group.matcher(language).matches(head):
                tool = self._tools[name]
                if not self._switches.is_on(name):
                    continue
                given = _as_said(tool, arguments, text, head, language)
                # A match with arguments out of bounds ("a timer called <thirty words>") is none.
                with suppress(ToolError):
                    if given is not None:
                        match = Match(tool, validate(tool.parameters, given))
                        best.setdefault(tool.answers, match)
        return best.get(True), best.get(False)

    def offer(self, *, realtime: bool = False) -> ToolOffer:
        """The tools that models may call, and which of them they are told of at once.

        With `realtime`, only those that are allowed on the Realtime route.
        """
        groups = {
            name: [
                tool
                for tool in self._switches.on(group.tools)
                if not tool.spoken_only and (tool.realtime or not realtime)
            ]
            for name, group in self._groups.items()
        }
        return offer(groups, self._limits)

    def grammar(self, knows: Callable[[str], bool] = lambda word: True) -> str:
        """All sentences as JSGF text.

        `knows` tells whether the recogniser's dictionary has a word. Sentences with other words
        are left out, because PocketSphinx rejects a whole grammar for one unknown word.
        """
        return jsgf(command_tree(_commands(self._switches.on(self._tools.values())), knows))

    def graph(self, knows: Callable[[str], bool] = lambda word: True) -> WordGraph:
        """The same sentences as a minimal word graph, which is decoded many times faster."""
        return word_graph(command_tree(_commands(self._switches.on(self._tools.values())), knows))

    def hot_words(self) -> tuple[str, ...]:
        """Names that users are likely to say, each once, as a hint to a recogniser.

        They are the known values of arguments of the tools that the owner added (`put`). The words
        of the others are common ones, and a hint costs accuracy wherever it does not help.
        """
        added = [tool for name, group in self._groups.items() if name for tool in group.tools]
        lists = [values for tool in added for values in command_of(tool).lists.values()]
        free = [word for each in lists if isinstance(each, FreeWords) for word in each.examples]
        listed = [
            str(value)
            for tool in added
            for rule in tool.parameters.get("properties", {}).values()
            for value in rule.get("enum", ())
        ]
        return tuple(dict.fromkeys((*free, *listed)))

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        via: str = "model",
    ) -> ToolResult:
        """Runs a tool within its time limit; an error becomes a spoken apology.

        `via` is "sentence" if the user's own words asked for the tool, which a yes or no requires,
        and "model" otherwise. The result of a failed call carries the error in `data["error"]`, so
        that a model can correct its call. Raises nothing but CancelledError.
        """
        try:
            return await self._run(name, arguments, context, via)
        except (ToolError, AgentError) as error:
            log.info("tool %s refused: %s (%s)", name, error.message, error.advice)
            return _apology(error, "tool_failed", context)
        except TimeoutError:
            log.warning("tool %s exceeded its time limit", name)
            return _apology(ToolError(f"{_spoken_name(name)} took too long"), "tool_late", context)
        except Exception:  # boundary of a tool: its failure is spoken, and the session goes on
            log.exception("tool %s failed", name)
            broken = ToolError(f"{_spoken_name(name)} did not work")
            return _apology(broken, "tool_failed", context)

    async def _run(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext, via: str
    ) -> ToolResult:
        if name not in self._tools:
            raise ToolError(f"I have no tool called {_spoken_name(name)}")
        if not self._switches.is_on(name):
            raise ToolError("that is switched off in the settings")
        tool = self._tools[name]
        if tool.answers and via != "sentence":
            raise ToolError("only the user can answer that")
        if not tool.guests and await self._is_guest(context.client_id):
            raise ToolError("that is not for guests; an administrator can make you a user")
        valid = validate(tool.parameters, arguments)
        if not tool.confirm:
            return await self._perform(tool, valid, context)
        said = phrases(context.spoken_language)
        question = (
            tool.question or said.find(f"question_{name}") or _question_for(said, name, valid)
        )
        pending = self._questions.ask(context.session_id, tool, valid, question)
        if pending is None:
            raise ToolError("the user has to answer another question first")
        return pending.result

    async def _perform(
        self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        async with asyncio.timeout(tool.timeout):
            return await tool.run(arguments, context)


def _as_said(
    tool: Tool, arguments: Mapping[str, Any], text: str, head: str, language: str
) -> Mapping[str, Any] | None:
    """The arguments with the user's own words; None for a long text that is no command."""
    value = arguments.get(tool.passed_on) if tool.passed_on else None
    if value is None:
        return arguments if head == text else None
    said = own_words(text, head, str(value), folder(language).fillers)
    return None if said is None else {**arguments, tool.passed_on: said}


@dataclass(frozen=True, slots=True)
class _Group:
    """Tools that are replaced together, with a matcher for each language that was needed."""

    tools: Sequence[Tool]
    prepared: set[str] = field(default_factory=set)
    _matchers: dict[str, SentenceMatcher] = field(default_factory=dict)

    def matcher(self, language: str) -> SentenceMatcher:
        if language not in self._matchers:
            commands = [command_of(tool, language) for tool in self.tools]
            self._matchers[language] = SentenceMatcher(commands, language)
        return self._matchers[language]

    def prepare(self, language: str) -> None:
        self.matcher(language).prepare()
        self.prepared.add(language)


def _by_name(groups: Iterable[_Group]) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for tool in (tool for group in groups for tool in group.tools):
        if tool.name in found:
            raise ToolError(f"there are two tools called {tool.name}")
        found[tool.name] = tool
    return found


def _commands(tools: Iterable[Tool]) -> list[Command]:
    return [command_of(tool) for tool in tools]


def enabled(tools: Sequence[Tool], patterns: Sequence[str]) -> tuple[Tool, ...]:
    """The tools whose names match one of the patterns (* and ? as in file names), in order.

    Raises ConfigError for a pattern that matches no tool.
    """
    names = [tool.name for tool in tools]
    for pattern in patterns:
        if not any(matches_any(name, [pattern]) for name in names):
            near = difflib.get_close_matches(pattern, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
            raise ConfigError(f"tools.enabled: no tool is called {pattern!r}{hint}")
    return tuple(tool for tool in tools if matches_any(tool.name, patterns))


def _apology(error: ApplianceError, key: str, context: ToolContext) -> ToolResult:
    """The result of a failed call. Reasons are English; in other languages there is none."""
    said = phrases(context.spoken_language)
    reason = f"Sorry, {_sentence(error.message)}"
    return ToolResult(reason if said.language == ENGLISH else said.say(key), error.as_json())


def _question_for(said: Phrases, name: str, arguments: Mapping[str, Any]) -> str:
    """The question with all arguments: "Shall I use home turn on, with room kitchen?"."""
    parts = [f"{_spoken_name(k)} {_spoken_value(v)}".strip() for k, v in arguments.items()]
    if not parts:
        return said.say("question", tool=_spoken_name(name))
    return said.say("question_with", tool=_spoken_name(name), arguments=said.listed(parts))


def _spoken_value(value: object) -> str:
    """An argument without markup, for which the voice would leave out a part of the question."""
    text = " ".join(_MARKUP.sub(" ", str(value)).split())
    return text if len(text) <= LONGEST_ARGUMENT else f"{text[:LONGEST_ARGUMENT]} and more"


def _spoken_name(name: str) -> str:
    return name.replace("_", " ")


def _sentence(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."
