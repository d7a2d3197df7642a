"""What is passed on to somebody else is what the user said, to the comma."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agents.tools import LONGEST_REQUEST, claude_tools
from appliance.tools.intents.own_words import beginning, own_words
from appliance.tools.registry import ToolRegistry

dispatcher: Any = SimpleNamespace(agents={})
REGISTRY = ToolRegistry(claude_tools(dispatcher))
LONG = "write tests; then run them, please. " * 100


def text_of(said: str) -> str:
    match = REGISTRY.match(said)
    assert match is not None
    assert match.tool.name == "send_to_claude_code"
    return str(match.arguments["text"])


@pytest.mark.parametrize(
    ("said", "passed_on"),
    [
        ("Tell Claude to fix main.py, then run it!", "fix main.py, then run it!"),
        ("tell claude that 5 minutes isn't 10, is it?", "5 minutes isn't 10, is it?"),
        ("Ask Claude Code: why does (a+b)*2 fail? It's odd.", "why does (a+b)*2 fail? It's odd."),
        ("tell claude to say please to him, um, twice", "say please to him, um, twice"),
        ("tell claude to check the well-known e-mail", "check the well-known e-mail"),
        ("Send “the report” to Claude.", "the report”"),
        ("Start a new Claude session to fix two point five bugs.", "fix two point five bugs."),
        (f"tell claude to {LONG}", LONG.strip()),
        (
            "Tell Claude to" + " x," * (LONGEST_REQUEST // 3),
            "x, " * (LONGEST_REQUEST // 3 - 1) + "x,",
        ),
    ],
)
def test_a_task_is_passed_on_as_it_was_said(said: str, passed_on: str) -> None:
    assert text_of(said) == passed_on


@pytest.mark.parametrize(
    "said",
    [
        f"the weather was nice {LONG}",
        f"set a timer called {'tea ' * 100}",
        # A long text that ends differently is not looked at to its end.
        f"send {'a word ' * 60} to claude",
        f"tell claude to {'x ' * LONGEST_REQUEST}",
    ],
)
def test_no_other_long_text_is_a_command(said: str) -> None:
    assert REGISTRY.match(said) is None


@pytest.mark.parametrize(
    ("text", "longest", "head"),
    [("a bc d", 10, "a bc d"), ("a bc d", 4, "a bc"), ("a bc d", 3, "a"), ("abcdef", 3, "abc")],
)
def test_a_long_text_begins_with_whole_words(text: str, longest: int, head: str) -> None:
    assert beginning(text, longest) == head


@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1, max_size=6))
def test_a_value_is_found_where_it_stands(words: list[str]) -> None:
    text = f"Tell it: {', '.join(words)}!"
    assert own_words(text, text, " ".join(words), ()) == f"{', '.join(words)}!"


def test_a_value_that_was_rewritten_stays_as_it_was_matched() -> None:
    assert own_words("wait ½ hour", "wait ½ hour", "and a half hour", ()) == "and a half hour"
