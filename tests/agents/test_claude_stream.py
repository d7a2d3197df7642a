"""What Claude Code prints, line by line: the known, the strange and the broken."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agents import Outcome, Progress, SessionKnown
from appliance.agents import claude_stream as stream
from appliance.agents.claude_stream import Lines, Transcript


def line(**message: Any) -> bytes:  # noqa: ANN401  JSON values
    return json.dumps(message).encode()


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
@settings(max_examples=60)
def test_lines_are_the_same_however_they_arrive(data: bytes, cuts: list[int]) -> None:
    lines, got = Lines(), list[bytes]()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        got += lines.feed(data[start:end])
    got += lines.end()
    assert got == data.split(b"\n")


def test_a_line_that_is_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LONGEST_LINE", 10)
    lines, got = Lines(), list[bytes]()
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
def test_no_message_however_strange_breaks_it(kind: str, more: dict[str, Any]) -> None:
    transcript = Transcript()
    for happening in transcript.feed(line(**{**more, "type": kind})):
        assert isinstance(happening, Progress | SessionKnown)
    assert (transcript.outcome is not None) == (kind == "result")


@given(st.binary(max_size=100))
@settings(max_examples=60)
def test_no_line_however_broken_breaks_it(data: bytes) -> None:
    assert Transcript().feed(data) == []


def test_deep_nesting_breaks_nothing() -> None:
    assert Transcript().feed(b"[" * 200_000) == []


def test_the_session_is_told_once() -> None:
    transcript = Transcript()
    first = transcript.feed(line(type="system", subtype="init", session_id="s1"))
    assert first == [SessionKnown("s1")]
    assert transcript.feed(line(type="assistant", session_id="s1", message={"content": "Hm."})) == [
        Progress("Hm.")
    ]


@pytest.mark.parametrize(
    ("block", "told"),
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
def test_what_it_does_is_told(block: dict[str, Any], told: list[str]) -> None:
    said = Transcript().feed(line(type="assistant", message={"content": [block]}))
    assert said == [Progress(text) for text in told]


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ({"subtype": "success", "result": "Yes.", "total_cost_usd": 1}, Outcome(True, "Yes.", 1.0)),
        ({"subtype": "success", "result": "No.", "is_error": True}, Outcome(False, "No.")),
        ({"subtype": "error_max_turns"}, Outcome(False, "It ran out of turns.")),
        ({"subtype": "error_new", "errors": ["a", "b"]}, Outcome(False, "a b")),
        ({"subtype": "error_new"}, Outcome(False, "It failed.")),
        ({"subtype": "success", "total_cost_usd": "free"}, Outcome(True, "")),
        ({"subtype": "success", "total_cost_usd": -1}, Outcome(True, "")),
    ],
)
def test_how_it_ended(message: dict[str, Any], outcome: Outcome) -> None:
    transcript = Transcript()
    transcript.feed(line(type="result", **message))
    assert transcript.outcome == outcome
