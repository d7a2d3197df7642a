"""What a tool is: one async function, one JSON schema, optional spoken sentences.

The same definition serves a language model (schema), the Realtime route (schema) and a spoken
sentence without any model (`sentences`, hassil templates).

What `{argument}` accepts in a template follows from the schema: a range of numbers (minimum and
maximum), one of an enum, or free words (a string; its `examples` are what a grammar can hear).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from appliance.wire import ServerMessage


@dataclass(frozen=True, slots=True)
class Speech:
    """How a session speaks: a voice of the engine's (empty: its default), and a rate factor."""

    voice: str
    language: str
    speed: float


class ToolContext(Protocol):
    """What a tool may see of, and do to, the session that calls it."""

    @property
    def conversation_id(self) -> str: ...

    @property
    def session_id(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def last_answer(self) -> str:
        """What the assistant said last in this conversation, as heard; empty at the start."""

    def stop_speaking(self) -> None:
        """Silences the assistant at once."""

    @property
    def speech(self) -> Speech: ...

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that can be had now."""

    def speak_as(self, speech: Speech) -> None:
        """Speaks like this from the next sentence on, and listens in its language."""

    def send_message(self, message: ServerMessage) -> None:
        """Sends the page a message."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool came to. `spoken` is said when no model rephrases it; `data` is for a model.

    `silent` answers are not spoken at all ("stop"). `quoted` ones are somebody else's words: they
    are spoken as they are, and no model ever gets to read them.
    """

    spoken: str
    data: Mapping[str, Any] = field(default_factory=dict)
    silent: bool = False
    quoted: bool = False


IsGuest = Callable[[str], Awaitable[bool]]
"""Whether a client, by its id, is no more than a guest."""


async def everyone_is_guest(_client_id: str) -> bool:
    """Nobody is more than a guest, where it is not known who is."""
    return True


Run = Callable[[Mapping[str, Any], ToolContext], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing the assistant can do.

    `parameters` is the JSON schema of the arguments (type object); `timeout` is in seconds;
    `confirm` asks `question` ("Shall I ...?") before it runs, and it runs upon "yes" alone;
    `realtime` allows it on the Realtime route; `spoken_only` keeps it from models, which need no
    tool for small talk; `answers` is heard only while such a question waits. Without `guests`
    it wants somebody whose role is more than a guest's.
    `lists` maps a phrase to the value it stands for and is used as `{list:argument}`; `rules`
    are parts of templates, used as `<rule>`. `ability` completes "I can ..." in the answer to
    "what can you do"; empty: not mentioned.
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
