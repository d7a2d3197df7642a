"""Every shape of stream gives the words and the calls that it stands for, however it is cut."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.llm.answer_events import (
    AnswerEvent,
    AnswerWords,
    CallBegun,
    Ended,
    ModelCall,
    Thought,
    Unsaid,
)
from appliance.llm.normaliser import ID_LENGTH, AnswerNormaliser, new_call_id, plain_words
from appliance.llm.server_events import BadStream, EventReader
from appliance.llm.template_marks import BLOCKS
from tests.llm.stream_shapes import SHAPES, TOOLS, Shape, deltas


def normalised(pieces: list[bytes], tools: tuple[str, ...] = TOOLS) -> Iterator[AnswerEvent]:
    """The events of a body that comes in those pieces. Raises BadStream."""
    numbers = itertools.count(1)
    normaliser = AnswerNormaliser(tools, new_id=lambda: f"id{next(numbers)}")
    reader = EventReader(262_144)
    received = False
    for piece in pieces:
        for chunk in reader.feed(piece):
            received = True
            yield from normaliser.feed(chunk)
    for chunk in reader.end():
        received = True
        yield from normaliser.feed(chunk)
    if not received:
        raise BadStream("empty")
    yield from normaliser.end()


def outcome(pieces: list[bytes]) -> tuple[str, list[Any], Any, bool]:
    """AnswerWords, calls with their arguments or None, end, and whether it failed."""
    words, calls, end, failed = "", list[Any](), None, False
    try:
        for event in normalised(pieces):
            if isinstance(event, AnswerWords):
                words += event.text
            elif isinstance(event, Unsaid):
                words = ""
            elif isinstance(event, ModelCall):
                calls.append((event.name, None if event.fault else event.arguments))
            elif isinstance(event, Ended):
                end = event.reason
    except BadStream:
        failed = True
    return words, calls, end, failed


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape(shape: Shape) -> None:
    words, calls, end, failed = outcome([shape.body])
    assert (words.strip(), tuple(calls), failed) == (shape.words, shape.calls, shape.fails)
    assert end is (None if shape.fails else shape.end)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_text_of_a_shape_can_be_encoded(shape: Shape) -> None:
    words, calls, _, _ = outcome([shape.body])
    json.dumps([words, calls], ensure_ascii=False).encode()


SHORT = [shape for shape in SHAPES if len(shape.body) < 6_000]


@given(st.sampled_from(SHORT), st.lists(st.integers(0, 6_000), max_size=12))
def test_the_pieces_of_the_body_do_not_matter(shape: Shape, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(shape.body)]
    pieces = [shape.body[a:b] for a, b in itertools.pairwise(places)]
    assert outcome(pieces) == outcome([shape.body])


@pytest.mark.parametrize("shape", SHORT, ids=lambda shape: shape.name)
def test_a_body_may_come_byte_by_byte(shape: Shape) -> None:
    assert outcome([bytes([byte]) for byte in shape.body]) == outcome([shape.body])


FRAGMENTS = st.sampled_from(
    [
        *BLOCKS,
        *(
            "It is noon. ",
            "\n",
            "the user ",
            "Okay, ",
            "analysis",
            "final",
            "assistant",
            "```",
            "`",
        ),
        *('{"name": "get_time", "arguments": {}}', "{", "}", "[", "]", "get_time(", ")", "json\n"),
        *(
            '"',
            "'",
            "<",
            "|",
            ">",
            "\ud83d",
            "\ude00",
            "x",
            "İ",
            "ſ",
            "K",
            " to=functions.get_time ",
        ),
    ]
)


@given(st.lists(FRAGMENTS, max_size=14), st.lists(st.integers(0, 200), max_size=8))
def test_the_deltas_of_a_text_do_not_matter(fragments: list[str], cuts: list[int]) -> None:
    text = "".join(fragments)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [{"content": text[a:b]} for a, b in itertools.pairwise(places)]
    assert outcome([deltas(*pieces)]) == outcome([deltas({"content": text})])
    letters = [{"content": letter} for letter in text]
    assert outcome([deltas(*letters)]) == outcome([deltas({"content": text})])


KEYS = (
    *("choices", "delta", "content", "tool_calls", "function", "name", "arguments", "index", "id"),
    *("finish_reason", "message", "reasoning", "refusal", "type", "text"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=25,
)


@given(st.lists(st.dictionaries(st.sampled_from(["choices", "message"]), JSON), max_size=4))
def test_whatever_a_server_sends_is_survived(chunks: list[dict[str, Any]]) -> None:
    normaliser = AnswerNormaliser(TOOLS)
    events = [event for chunk in chunks for event in normaliser.feed(chunk)]
    events += normaliser.end()
    assert [type(event) for event in events if isinstance(event, Ended)] == [Ended]
    for event in events:
        assert isinstance(event, AnswerWords | Thought | Unsaid | CallBegun | ModelCall | Ended)
        if isinstance(event, AnswerWords):
            event.text.encode()


def test_without_tools_nothing_is_called() -> None:
    for shape in SHAPES:
        if shape.calls:
            events = list(normalised([shape.body], ()))
            assert not [event for event in events if isinstance(event, ModelCall)]


def test_no_mark_is_the_beginning_of_another() -> None:
    marks = list(BLOCKS)
    assert [(a, b) for a in marks for b in marks if a != b and b.startswith(a)] == []


def test_ids_are_new_and_such_as_every_server_accepts() -> None:
    made = {new_call_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(len(one) == ID_LENGTH and one.isalnum() and one.isascii() for one in made)


def test_the_words_of_a_whole_answer() -> None:
    assert plain_words("<think>Hm.</think>\nNoon.<|im_end|>") == "Noon."
    assert plain_words("Well. </think> Noon.") == "Noon."
