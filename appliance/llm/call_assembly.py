"""Puts the tool calls of an answer together from their pieces. Pure.

Servers number the pieces of each call (`index`), or give every call the index 0, or none; ids are
missing, repeated or reused; a piece is a whole call or a few characters. Hence a piece is given to
the call that it can belong to.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.llm.answer_events import ModelCall
from appliance.llm.surrogates import valid_json, valid_text
from appliance.llm.written_calls import WrittenCall, resolved_name

NO_OBJECT: Final = "The arguments are not a JSON object. Call the tool again with valid arguments."
TOO_MANY: Final = "Not done: too many calls in one answer."
TOO_LONG: Final = "Not done: the arguments are too long."
NO_NAME: Final = "The call has no name."


@dataclass(slots=True)
class _Draft:
    """A call that is being written."""

    index: object
    id: str
    name: str = ""
    arguments: str = ""
    is_too_long: bool = False

    @property
    def is_whole(self) -> bool:
        return bool(self.name) and _object(self.arguments) is not None


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The most calls of one answer, and the characters of the arguments of one call."""

    calls: int = 8
    argument_characters: int = 16_384


class CallAssembler:
    """Collects the calls of one answer.

    `new_id` makes the ids: a server's own may be missing or come again in a later answer.
    """

    def __init__(
        self, offered: Collection[str], limits: CallLimits, new_id: Callable[[], str]
    ) -> None:
        self._offered = offered
        self._limits = limits
        self._new_id = new_id
        self._drafts: list[_Draft] = []
        self._has_too_many = False

    def __bool__(self) -> bool:
        return bool(self._drafts)

    def add(self, piece: Any) -> int:  # noqa: ANN401  any JSON value
        """Adds one element of `tool_calls`; returns the characters that it brought."""
        if not isinstance(piece, Mapping):
            return 0
        function = piece.get("function")
        body: Mapping[str, Any] = function if isinstance(function, Mapping) else piece
        name = valid_text(_string(body.get("name")))
        arguments = body.get("arguments", body.get("parameters"))
        written = arguments if isinstance(arguments, str) else _dumped(arguments)
        draft = self._draft(piece, name, written)
        if draft is None:
            return len(name) + len(written)
        if name and not (draft.name == name or draft.name in self._offered):
            draft.name += name
        room = self._limits.argument_characters - len(draft.arguments)
        draft.is_too_long |= len(written) > room
        draft.arguments += written[:room]
        return len(name) + len(written)

    def add_written(self, call: WrittenCall) -> None:
        """Adds a call that the model wrote as text."""
        arguments = call.arguments
        written = arguments if isinstance(arguments, str) else _dumped(arguments)
        self.add({"id": self._new_id(), "function": {"name": call.name, "arguments": written}})

    def _draft(self, piece: Mapping[str, Any], name: str, written: str) -> _Draft | None:
        """The call that a piece belongs to; None where there are too many."""
        index, identifier = piece.get("index"), _string(piece.get("id"))
        candidates = self._drafts
        if index is not None:
            candidates = [draft for draft in self._drafts if draft.index == index]
        elif identifier:
            candidates = [draft for draft in self._drafts if draft.id == identifier]
        if candidates and not _is_next(candidates[-1], identifier, name, written, self._offered):
            candidates[-1].id = candidates[-1].id or identifier
            return candidates[-1]
        if not candidates and not (name or identifier) and self._drafts:
            return self._drafts[-1]
        if len(self._drafts) >= self._limits.calls:
            self._has_too_many = True
            return None
        self._drafts.append(_Draft(index, identifier))
        return self._drafts[-1]

    def calls(self) -> Iterator[ModelCall]:
        """The calls, each with the reason where it must not be carried out."""
        for draft in self._drafts:
            name = resolved_name(draft.name, self._offered)
            found = _object(draft.arguments)
            fault = "" if found is not None else NO_OBJECT
            fault = TOO_LONG if draft.is_too_long else fault
            fault = fault if name else NO_NAME
            # A model that calls that much is out of control: none of it is done.
            fault = TOO_MANY if self._has_too_many else fault
            arguments = valid_json(found or {}) if not fault else {}
            yield ModelCall(self._new_id(), name or "unknown", arguments, fault)


def _is_next(
    draft: _Draft, identifier: str, name: str, written: str, offered: Collection[str]
) -> bool:
    """Whether a piece with the place of a call is not that call's, but the next call's."""
    if not name:
        return bool(identifier and draft.id and identifier != draft.id and draft.is_whole)
    if identifier and draft.id and identifier != draft.id:
        return True
    if not draft.name:
        return False
    if draft.arguments:
        return draft.is_whole and (bool(written) or name != draft.name)
    return name != draft.name and draft.name in offered and draft.name + name not in offered


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dumped(arguments: object) -> str:
    if arguments is None:
        return ""
    try:
        return json.dumps(arguments)
    except (TypeError, ValueError, RecursionError):
        return ""


def _object(arguments: str) -> dict[str, Any] | None:
    """The arguments as an object; None where they are none.

    Some servers encode the object twice, and some models append the mark behind it.
    """
    text = arguments.strip()
    if text in ("", "null", '""'):
        return {}
    for _ in range(2):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if isinstance(value, dict):
            return value
        if not isinstance(value, str):
            return None
        text = value
    return None
