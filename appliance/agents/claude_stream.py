"""Parses the output of `claude --output-format stream-json --verbose` line by line. Pure.

    {"type": "system", "subtype": "init", "session_id": …}
    {"type": "assistant", "message": {"content": [{"type": "text"…} | {"type": "tool_use"…}]}}
    {"type": "user", …}                                     results of its tools; ignored
    {"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 10, "error_status": 401}
    {"type": "result", "subtype": "success", "is_error": false, "result": …, "total_cost_usd": …}

Anything else (other types, other shapes, invalid JSON) is ignored.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.agents import AgentEvent, AgentOutcome, AgentProgress, SessionStarted

LONGEST_LINE = 16_000_000  # bytes; longer lines hold pictures that a tool has read
REPORTED_INPUTS = (
    "command",
    "file_path",
    "path",
    "pattern",
    "url",
    "query",
    "description",
    "prompt",
)
REFUSED = (401, 403)  # HTTP statuses for a key or login that is not valid
LONGEST_INPUT = 120  # characters of a tool's input

_ENDINGS = {
    "error_max_turns": "It ran out of turns.",
    "error_max_budget_usd": "It ran out of budget.",
    "error_during_execution": "It failed on the way.",
}


@dataclass(slots=True)
class LineSplitter:
    """Cuts a stream of bytes into lines; a line longer than LONGEST_LINE is dropped."""

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
        """Yields the last line if no line break follows it."""
        yield from self.feed(b"\n")


@dataclass(slots=True)
class ClaudeTranscript:
    """The events of one run of Claude Code.

    `outcome` is set once the result has come. `stray` is the latest line that is not JSON, which
    is often the reason why the run failed. It `is_refused` once its service has refused its key or
    login; it would try that again for minutes.
    """

    outcome: AgentOutcome | None = None
    agent_session: str = ""
    stray: str = ""
    is_refused: bool = False

    def feed(self, line: bytes) -> list[AgentEvent]:
        """Parses a line and returns its events."""
        message = _json_object(line)
        if message is None:
            text = line.decode("utf-8", "replace").strip()
            self.stray = text[:LONGEST_INPUT] or self.stray
            return []
        found: list[AgentEvent] = []
        session = message.get("session_id")
        if isinstance(session, str) and session and session != self.agent_session:
            self.agent_session = session
            found.append(SessionStarted(session))
        kind = message.get("type")
        if kind == "assistant":
            found += [AgentProgress(text) for text in _assistant_texts(message) if text]
        elif kind == "system" and message.get("subtype") == "api_retry":
            found.append(AgentProgress(_retry_line(message)))
            if message.get("error_status") in REFUSED:
                self.is_refused = True
                self.outcome = AgentOutcome(False, _refusal(message["error_status"]))
        elif kind == "result":
            self.outcome = _outcome(message)
        return found


def _json_object(line: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _assistant_texts(event: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an assistant message, and a line for each tool that it uses."""
    message = event.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        yield content.strip()
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            yield block["text"].strip()
        elif block.get("type") == "tool_use" and isinstance(block.get("name"), str):
            yield _tool_line(block["name"], block.get("input"))


def _tool_line(name: str, given: object) -> str:
    """The tool's name with the most telling of its inputs."""
    if isinstance(given, dict):
        for key in REPORTED_INPUTS:
            value = given.get(key)
            if isinstance(value, str) and value.strip():
                return f"{name}: {' '.join(value.split())[:LONGEST_INPUT]}"
    return name


def _retry_line(retry: Mapping[str, Any]) -> str:
    """Says that it tries again, and after what: an HTTP status, or no answer at all."""
    status, attempt, most = (retry.get(key) for key in ("error_status", "attempt", "max_retries"))
    why = f", {status}" if isinstance(status, int) else ""
    which = f" Attempt {attempt} of {most}." if isinstance(attempt, int) else ""
    return f"It cannot reach its service{why}.{which}"


def _refusal(status: int) -> str:
    return (
        f"It cannot reach its service, {status}: its key or login is not valid. Log in with the"
        " command claude on the device, or correct its key."
    )


def _outcome(result: Mapping[str, Any]) -> AgentOutcome:
    subtype = result.get("subtype")
    ok = subtype == "success" and result.get("is_error") is not True
    text = result.get("result")
    if not isinstance(text, str) or not text.strip():
        text = _joined_errors(result.get("errors")) or (
            "" if ok else _ENDINGS.get(str(subtype), "It failed.")
        )
    return AgentOutcome(ok, text.strip(), _cost(result.get("total_cost_usd")))


def _joined_errors(errors: object) -> str:
    if not isinstance(errors, Sequence) or isinstance(errors, str):
        return ""
    return " ".join(error for error in errors if isinstance(error, str)).strip()


def _cost(cost: object) -> float | None:
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if 0 <= cost < 1e6 else None
