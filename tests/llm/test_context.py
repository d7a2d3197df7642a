"""The context of a language model: trimmed to its budget, and built from earlier turns."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.llm.context import from_history, history_budget, tokens, trim

message = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "tool", "developer"]),
        "content": st.text(max_size=200),
    }
)


@given(st.lists(message, min_size=1, max_size=40), st.integers(10, 500))
def test_trim_keeps_the_newest_messages_within_the_budget(
    messages: list[dict[str, Any]], budget: int
) -> None:
    kept = trim(messages, budget)
    assert kept == messages[len(messages) - len(kept) :]
    assert kept
    assert len(kept) == 1 or sum(map(tokens, kept)) <= budget


@given(st.lists(message, min_size=2, max_size=40), st.integers(10, 500))
def test_a_trimmed_context_begins_with_the_user(
    messages: list[dict[str, Any]], budget: int
) -> None:
    kept = trim(messages, budget)
    assert len(kept) == 1 or kept[0]["role"] in ("user", "developer")


@given(st.lists(message, min_size=1, max_size=40), st.integers(50, 500))
def test_a_trimmed_context_stays_for_a_while(messages: list[dict[str, Any]], budget: int) -> None:
    """The beginning moves in big steps, so that a model need not compute it in every turn."""
    kept = trim(messages, budget)
    whole = sum(map(tokens, messages)) <= budget
    assert whole or len(kept) == 1 or sum(map(tokens, kept)) <= 0.6 * budget
    assert trim(kept, budget) == kept


@given(st.integers(512, 100_000), st.integers(0, 100_000), st.integers(1, 4_000))
def test_the_budget_leaves_room_for_prompt_and_answer(window: int, fixed: int, answer: int) -> None:
    budget = history_budget(window, fixed, answer)
    assert budget >= window // 4
    assert budget + fixed + answer <= window or budget == window // 4


def test_a_large_budget_changes_nothing() -> None:
    messages = from_history([("hello", "hi"), ("how are you", "fine")])
    assert trim(messages, 10_000) == messages


def test_silent_turns_leave_no_empty_messages() -> None:
    assert from_history([("stop", ""), ("", "Your timer is done.")]) == [
        {"role": "user", "content": "stop"},
        {"role": "assistant", "content": "Your timer is done."},
    ]
