"""A session keeps its slot while it talks, and takes none from a session that does."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.llm.slots import SlotLeases


def test_a_session_keeps_its_slot() -> None:
    slots = SlotLeases(2)
    assert [slots.for_question(session) for session in "abab"] == [0, 1, 0, 1]


def test_the_slot_of_a_session_that_ended_is_given_first() -> None:
    slots = SlotLeases(3)
    for session in "abc":
        slots.for_question(session)
    slots.release("a")
    slots.release("c")
    slots.release("nobody")
    assert slots.for_question("d") == 0


def test_a_question_takes_the_slot_of_the_session_that_was_silent_longest() -> None:
    slots = SlotLeases(2)
    for session in "aba":
        slots.for_question(session)
    assert slots.for_question("c") == 1
    assert slots.for_question("a") == 0


def test_a_session_that_only_opens_takes_no_slot_away() -> None:
    slots = SlotLeases(1)
    slots.for_question("a")
    assert slots.for_computing_ahead("b") is None
    slots.release("a")
    assert slots.for_computing_ahead("b") == 0


def test_a_session_that_has_asked_nothing_loses_its_slot_first() -> None:
    slots = SlotLeases(2)
    slots.for_question("a")
    slots.for_computing_ahead("b")
    assert slots.for_question("c") == 1
    assert slots.for_computing_ahead("a") == 0


@given(st.lists(st.tuples(st.sampled_from("qpr"), st.sampled_from("abcd")), max_size=30))
def test_no_two_sessions_have_one_slot(steps: list[tuple[str, str]]) -> None:
    slots = SlotLeases(2)
    held: dict[str, int] = {}
    for step, session in steps:
        if step == "r":
            slots.release(session)
            held.pop(session, None)
            continue
        given = slots.for_question(session) if step == "q" else slots.for_computing_ahead(session)
        if given is None:
            assert len(held) == 2
            continue
        assert held.get(session, given) == given
        held = {other: slot for other, slot in held.items() if slot != given}
        held[session] = given
