"""What `claude --output-format stream-json --verbose` prints, understood line by line. Pure.

    {"type": "system", "subtype": "init", "session_id": …}
    {"type": "assistant", "message": {"content": [{"type": "text"…} | {"type": "tool_use"…}]}}
    {"type": "user", …}                                     what its tools answered; not told
    {"type": "result", "subtype": "success", "is_error": false, "result": …, "total_cost_usd": …}

Whatever else comes (other types, other shapes, no JSON at all) is passed over.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.agents import AgentOutcome, AgentProgress, Happening, SessionKnown

LONGEST_LINE = 16_000_000  # bytes; a tool may have read a picture, whose line is of no use here
TOLD_OF_INPUT = ("command", "file_path", "path", "pattern", "url", "query", "description", "prompt")
LONGEST_INPUT = 120  # characters of what a tool was given

_ENDINGS = {
    "error_max_turns": "It ran out of turns.",
    "error_max_budget_usd": "It ran out of budget.",
    "error_during_execution": "It failed on the way.",
}


@dataclass(slots=True)
class Lines:
    """Bytes as they come, cut into lines; a line that is too long is left out."""

    _rest: bytearray = field(default_factory=bytearray)
    _skipping: bool = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        *whole, rest = data.split(b"\n")
        for part in whole:
            line = bytes(self._rest) + part
            too_long = self._skipping or len(line) > LONGEST_LINE
            self._rest.clear()
            self._skipping = False
            if not too_long:
                yield line
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > LONGEST_LINE:
                self._rest.clear()
                self._skipping = True

    def end(self) -> Iterator[bytes]:
        """The last line, where no line break follows it."""
        yield from self.feed(b"\n")


@dataclass(slots=True)
class ClaudeTranscript:
    """One run of Claude Code. `outcome` is there once it has said how it ended."""

    outcome: AgentOutcome | None = None
    agent_session: str = ""
    stray: str = ""

    def feed(self, line: bytes) -> list[Happening]:
        """What a line tells; `stray` keeps the latest that is no JSON, often the reason it died."""
        said = _object(line)
        if said is None:
            text = line.decode("utf-8", "replace").strip()
            self.stray = text[:LONGEST_INPUT] or self.stray
            return []
        found: list[Happening] = []
        session = said.get("session_id")
        if isinstance(session, str) and session and session != self.agent_session:
            self.agent_session = session
            found.append(SessionKnown(session))
        kind = said.get("type")
        if kind == "assistant":
            found += [AgentProgress(text) for text in _told(said) if text]
        elif kind == "result":
            self.outcome = _outcome(said)
        return found


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _told(said: Mapping[str, Any]) -> Iterator[str]:
    """The text and the tools of a message of the assistant's."""
    message = said.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        yield content.strip()
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            yield block["text"].strip()
        elif block.get("type") == "tool_use" and isinstance(block.get("name"), str):
            yield _tool(block["name"], block.get("input"))


def _tool(name: str, given: object) -> str:
    if isinstance(given, dict):
        for key in TOLD_OF_INPUT:
            value = given.get(key)
            if isinstance(value, str) and value.strip():
                return f"{name}: {' '.join(value.split())[:LONGEST_INPUT]}"
    return name


def _outcome(said: Mapping[str, Any]) -> AgentOutcome:
    subtype = said.get("subtype")
    ok = subtype == "success" and said.get("is_error") is not True
    text = said.get("result")
    if not isinstance(text, str) or not text.strip():
        text = _errors(said.get("errors")) or (
            "" if ok else _ENDINGS.get(str(subtype), "It failed.")
        )
    return AgentOutcome(ok, text.strip(), _cost(said.get("total_cost_usd")))


def _errors(errors: object) -> str:
    if not isinstance(errors, Sequence) or isinstance(errors, str):
        return ""
    return " ".join(error for error in errors if isinstance(error, str)).strip()


def _cost(cost: object) -> float | None:
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if 0 <= cost < 1e6 else None
