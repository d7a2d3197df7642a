"""Turns the chunks of a chat completion, as any server sends them, into one kind of events. Pure.

    dict of a chunk ─► first choice ─► text ─► SurrogateJoiner ─► ProseFilter ─► AnswerWords, …
                                   ─► tool calls ─► CallAssembler ─► ModelCall, at the end

Chunks are those of OpenAI's API, with what other servers do differently: whole messages, contents
in parts, reasoning under several names, calls of the older API, and ends by many names.
"""

import secrets
import string
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from appliance.llm.answer_events import (
    AnswerEvent,
    AnswerWords,
    CallBegun,
    End,
    Ended,
    Thought,
    Unsaid,
)
from appliance.llm.call_assembly import CallAssembler, CallLimits
from appliance.llm.filter_output import Found
from appliance.llm.prose_filter import ProseFilter
from appliance.llm.surrogates import SurrogateJoiner
from appliance.llm.written_calls import WrittenCall

_REASONING_KEYS: Final = (
    *("reasoning_content", "reasoning", "reasoning_text", "thinking", "thinking_content"),
)
_TEXT_PARTS: Final = ("text", "output_text", "refusal")
_ENDS: Final[Mapping[str, End]] = {
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), End.LENGTH),
    **dict.fromkeys(
        (
            *("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"),
            *("content_filtered", "sensitive", "guardrail_intervened", "refusal", "image_safety"),
        ),
        End.FILTERED,
    ),
}
ID_LENGTH: Final = 9
"""Mistral's servers accept no other ids than nine letters and digits; all others do."""
_ID_CHARACTERS: Final = string.ascii_letters + string.digits


def new_call_id() -> str:
    """An id for a tool call that no other call has."""
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(ID_LENGTH))


class AnswerNormaliser:
    """Normalises one answer.

    `offered` are the names of the tools that were offered: without any, calls are left out.
    `thinks_first` says that the server is known to swallow the opening mark of thoughts.
    """

    def __init__(
        self,
        offered: Collection[str] = (),
        limits: CallLimits | None = None,
        new_id: Callable[[], str] = new_call_id,
        *,
        thinks_first: bool = False,
    ) -> None:
        limits = limits or CallLimits()
        self._offered = frozenset(offered)
        self._choice: object = None
        self._surrogates = SurrogateJoiner()
        self._prose = ProseFilter(
            self._offered, limits.argument_characters, thinks_first=thinks_first
        )
        self._calls = CallAssembler(self._offered, limits, new_id)
        self._end: End | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the server has given the reason of the end; only statistics may follow."""
        return self._end is not None

    def feed(self, chunk: Mapping[str, Any]) -> Iterator[AnswerEvent]:
        """The events of a chunk."""
        choice = self._first_choice(chunk)
        if choice is None:
            return
        delta = choice.get("delta")
        if not isinstance(delta, Mapping):
            delta = choice.get("message")
        if not isinstance(delta, Mapping):
            delta = {"content": choice.get("text")}
        yield from self._delta(delta)
        reason = choice.get("finish_reason") or choice.get("done_reason")
        if isinstance(reason, str) and reason:
            self._end = _ENDS.get(reason.lower(), End.STOP)

    def _first_choice(self, chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The chunk's part of the first of several answers to one question."""
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            # Ollama's own API has no choices.
            return chunk if isinstance(chunk.get("message"), Mapping) else None
        for choice in choices:
            if not isinstance(choice, Mapping):
                continue
            index = choice.get("index") or 0
            if self._choice is None:
                self._choice = index
            if index == self._choice:
                return choice
        return None

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[AnswerEvent]:
        thought = sum(_reasoning_length(delta.get(key)) for key in _REASONING_KEYS)
        text, more = _text_and_thought(delta.get("content"))
        if thought + more:
            yield Thought(thought + more)
        if isinstance(refusal := delta.get("refusal"), str):
            text += refusal
        audio = delta.get("audio")
        if isinstance(audio, Mapping) and isinstance(audio.get("transcript"), str):
            text += audio["transcript"]
        if text:
            yield from self._events(self._prose.feed(self._surrogates.feed(text)))
        for piece in _call_pieces(delta):
            characters = self._calls.add(piece) if self._offered else 0
            if characters:
                yield CallBegun(characters)

    def _events(self, found: list[Found]) -> Iterator[AnswerEvent]:
        for event in found:
            if not isinstance(event, WrittenCall):
                yield event
            elif self._offered:
                self._calls.add_written(event)

    def end(self) -> Iterator[AnswerEvent]:
        """The rest of the events, when the server has sent everything."""
        end = self._end or End.STOP
        yield from self._events(self._prose.feed(self._surrogates.end()))
        yield from self._events(self._prose.end(cut=end is not End.STOP))
        yield from self._calls.calls()
        yield Ended(end)


def _call_pieces(delta: Mapping[str, Any]) -> list[Any]:
    calls = delta.get("tool_calls")
    if isinstance(calls, Mapping):
        calls = [calls]
    pieces = list(calls) if isinstance(calls, list) else []
    if isinstance(function := delta.get("function_call"), Mapping):
        pieces.append({"index": 0, "function": function})
    return pieces


def _text_and_thought(content: object) -> tuple[str, int]:
    """The text of a content, which may be given in parts, and the characters of its thoughts."""
    if isinstance(content, str):
        return content, 0
    parts = [content] if isinstance(content, Mapping) else content
    text, thought = "", 0
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, str):
            text += part
        elif isinstance(part, Mapping):
            if part.get("type", "text") in _TEXT_PARTS:
                text += next((part[k] for k in _TEXT_PARTS if isinstance(part.get(k), str)), "")
            else:
                thought += _reasoning_length(part)
    return text, thought


def _reasoning_length(value: object, depth: int = 4) -> int:
    """The characters of a thought, in whatever structure it comes."""
    if isinstance(value, str):
        return len(value)
    if depth and isinstance(value, Mapping):
        return sum(_reasoning_length(item, depth - 1) for item in value.values())
    if depth and isinstance(value, list):
        return sum(_reasoning_length(item, depth - 1) for item in value)
    return 0


def plain_words(text: str) -> str:
    """The words of a whole answer that was not streamed."""
    normaliser = AnswerNormaliser()
    words = ""
    for event in (*normaliser.feed({"message": {"content": text}}), *normaliser.end()):
        if isinstance(event, Unsaid):
            words = ""
        elif isinstance(event, AnswerWords):
            words += event.text
    return words
