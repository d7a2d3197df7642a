"""The parser of Claude Code's output: known, unknown and broken lines."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agents import AgentOutcome, AgentProgress, SessionStarted, claude_stream
from appliance.agents.claude_stream import ClaudeTranscript, LineSplitter


def line(**message: Any) -> bytes:  # noqa: ANN401  JSON values
    return json.dumps(message).encode()


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
@settings(max_examples=60)
def test_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    lines, got = LineSplitter(), list[bytes]()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        got += lines.feed(data[start:end])
    got += lines.end()
    assert got == data.split(b"\n")


def test_a_line_that_is_too_long_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_stream, "LONGEST_LINE", 10)
    lines, got = LineSplitter(), list[bytes]()
    for part in (b"short\n", b"much ", b"too long", b" to keep\nfine", b"\n", b"x" * 11 + b"\nend"):
        got += lines.feed(part)
    assert [*got, *lines.end()] == [b"short", b"fine", b"end"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "message", "content", "text", "result", "name", "input", "errors"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(["system", "assistant", "user", "result", "other"])


@given(KINDS, st.dictionaries(st.sampled_from(["message", "result", "session_id"]), JSON))
@settings(max_examples=60)
def test_any_json_message_is_accepted(kind: str, more: dict[str, Any]) -> None:
    transcript = ClaudeTranscript()
    for event in transcript.feed(line(**{**more, "type": kind})):
        assert isinstance(event, AgentProgress | SessionStarted)
    assert (transcript.outcome is not None) == (kind == "result")


@given(st.binary(max_size=100))
@settings(max_examples=60)
def test_any_bytes_are_accepted(data: bytes) -> None:
    assert ClaudeTranscript().feed(data) == []


def test_deep_nesting_is_ignored() -> None:
    assert ClaudeTranscript().feed(b"[" * 200_000) == []


def test_the_session_is_reported_once() -> None:
    transcript = ClaudeTranscript()
    first = transcript.feed(line(type="system", subtype="init", session_id="s1"))
    assert first == [SessionStarted("s1")]
    assert transcript.feed(line(type="assistant", session_id="s1", message={"content": "Hm."})) == [
        AgentProgress("Hm.")
    ]


@pytest.mark.parametrize(
    ("block", "texts"),
    [
        ({"type": "text", "text": " I look. "}, ["I look."]),
        ({"type": "text", "text": "  "}, []),
        ({"type": "tool_use", "name": "Read", "input": {"file_path": "/a/b"}}, ["Read: /a/b"]),
        ({"type": "tool_use", "name": "TodoWrite", "input": {"todos": []}}, ["TodoWrite"]),
        (
            {"type": "tool_use", "name": "Bash", "input": {"command": "x" * 500}},
            ["Bash: " + "x" * 120],
        ),
        ({"type": "thinking", "thinking": "secret"}, []),
    ],
)
def test_progress_of_each_kind_of_block(block: dict[str, Any], texts: list[str]) -> None:
    said = ClaudeTranscript().feed(line(type="assistant", message={"content": [block]}))
    assert said == [AgentProgress(text) for text in texts]


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        (
            {"subtype": "success", "result": "Yes.", "total_cost_usd": 1},
            AgentOutcome(True, "Yes.", 1.0),
        ),
        ({"subtype": "success", "result": "No.", "is_error": True}, AgentOutcome(False, "No.")),
        ({"subtype": "error_max_turns"}, AgentOutcome(False, "It ran out of turns.")),
        ({"subtype": "error_new", "errors": ["a", "b"]}, AgentOutcome(False, "a b")),
        ({"subtype": "error_new"}, AgentOutcome(False, "It failed.")),
        ({"subtype": "success", "total_cost_usd": "free"}, AgentOutcome(True, "")),
        ({"subtype": "success", "total_cost_usd": -1}, AgentOutcome(True, "")),
    ],
)
def test_the_outcome_of_each_kind_of_result(message: dict[str, Any], outcome: AgentOutcome) -> None:
    transcript = ClaudeTranscript()
    transcript.feed(line(type="result", **message))
    assert transcript.outcome == outcome
