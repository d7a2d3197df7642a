"""Defines a tool: one async function, one JSON schema, optional spoken sentences.

The same definition serves a language model (schema), the Realtime route (schema) and spoken
sentences without a model (`sentences`, hassil templates).

The schema decides what `{argument}` accepts in a template: a number within minimum and maximum,
a value of an enum, or free words (a string; its `examples` are those that a grammar recognises).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

from appliance.wire import ServerMessage


@dataclass(frozen=True, slots=True)
class Speech:
    """How a session speaks: the engine's voice (empty: its default), language, and rate factor."""

    voice: str
    language: str
    speed: float


class ToolContext(Protocol):
    """The session that calls a tool, as far as tools may read and change it."""

    @property
    def conversation_id(self) -> str: ...

    @property
    def session_id(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def spoken_language(self) -> str:
        """The language of the next answer; never "auto"."""

    @property
    def last_answer(self) -> str:
        """The assistant's last answer in this conversation, as heard; empty at the start."""

    def stop_speaking(self) -> None:
        """Stops the assistant's speech at once."""

    @property
    def speech(self) -> Speech: ...

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices of the current engine."""

    def speak_as(self, speech: Speech) -> None:
        """Sets voice, speed and language, from the next sentence on."""

    @property
    def recording(self) -> bool:
        """Whether this session is recorded."""

    async def record(self, on: bool) -> None:
        """Begins or ends the recording. Raises ApplianceError where there may be none."""

    def send_message(self, message: ServerMessage) -> None:
        """Sends the page a message."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a call. `spoken` is said if no model rephrases it; `data` is for a model.

    A `silent` result is not spoken ("stop"). A `quoted` one contains the words of a third party:
    it is spoken verbatim and never given to a model. With a `question_id`, `spoken` is the question
    of a call that needs a yes: it is spoken verbatim, and then reported as heard by that id.
    """

    spoken: str
    data: Mapping[str, Any] = field(default_factory=dict)
    silent: bool = False
    quoted: bool = False
    question_id: str = ""


IsGuest = Callable[[str], Awaitable[bool]]
"""Tells whether the client of that id has no more than the rights of a guest."""


async def everyone_is_guest(_client_id: str) -> bool:
    """An IsGuest for registries without roles: every client is a guest."""
    return True


Run = Callable[[Mapping[str, Any], ToolContext], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that the assistant can do.

    parameters: JSON schema of the arguments, of type object.
    sentences: hassil templates; without any, the folders of `appliance.languages` may have some
        under the tool's name. `lists` maps a phrase to its value and is used as
        `{list:argument}`; `rules` are parts of templates, used as `<rule>`.
    ability: completes "I can ..." in the answer to "what can you do"; empty: the answer
        `ability_NAME` of the language does, if there is one.
    timeout: in seconds.
    confirm: the tool runs only after the user's yes to `question` ("Shall I ...?"), to the answer
        `question_NAME` of the language, or to a question with all arguments.
    answers: the tool is a yes or no; its sentences match only while such a question is open.
    realtime: whether the tool is offered on the Realtime route.
    spoken_only: whether the tool is kept from models, which need no tool for small talk.
    guests: whether guests may call the tool.
    passed_on: the argument that is passed on to somebody else: of a sentence, exactly as the user
        said it, however long. It must be the last part of the templates.
    read_only: the tool changes nothing, here or elsewhere. It may run before the user's turn is
        over, and its result be dropped.
    """

    name: str
    description: str
    run: Run
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )
    sentences: tuple[str, ...] = ()
    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    ability: str = ""
    timeout: float = 10.0
    confirm: bool = False
    question: str = ""
    answers: bool = False
    realtime: bool = True
    spoken_only: bool = False
    guests: bool = True
    passed_on: str = ""
    read_only: bool = False


def matches_any(name: str, patterns: Sequence[str]) -> bool:
    """Whether the name of a tool matches one of the patterns (* and ? as in file names)."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
