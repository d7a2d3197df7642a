"""What a language model is shown."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.llm.context import from_history, tokens, trim

message = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "tool", "developer"]),
        "content": st.text(max_size=200),
    }
)


@given(st.lists(message, min_size=1, max_size=40), st.integers(10, 500))
def test_it_keeps_the_newest_and_fits(messages: list[dict[str, Any]], budget: int) -> None:
    kept = trim(messages, budget)
    assert kept == messages[len(messages) - len(kept) :]
    assert kept
    assert len(kept) == 1 or sum(map(tokens, kept)) <= budget


@given(st.lists(message, min_size=2, max_size=40), st.integers(10, 500))
def test_it_never_begins_with_an_answer_or_a_result(
    messages: list[dict[str, Any]], budget: int
) -> None:
    kept = trim(messages, budget)
    assert len(kept) == 1 or kept[0]["role"] in ("user", "developer")


def test_a_large_budget_changes_nothing() -> None:
    messages = from_history([("hello", "hi"), ("how are you", "fine")])
    assert trim(messages, 10_000) == messages


def test_silent_turns_leave_no_empty_messages() -> None:
    assert from_history([("stop", ""), ("", "Your timer is done.")]) == [
        {"role": "user", "content": "stop"},
        {"role": "assistant", "content": "Your timer is done."},
    ]
