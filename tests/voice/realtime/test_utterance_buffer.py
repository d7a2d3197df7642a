"""The sound of a question, until its words are known."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.audio.format import INPUT_RATE
from appliance.voice.realtime.utterance_buffer import LEAD_IN_SECONDS, MOST_SECONDS, UtteranceBuffer

LEAD_IN = 2 * int(LEAD_IN_SECONDS * INPUT_RATE)
MOST = 2 * int(MOST_SECONDS * INPUT_RATE)


def test_what_nobody_asked_is_no_question() -> None:
    utterance = UtteranceBuffer()
    utterance.hear(b"\1\0" * 100)
    assert utterance.sound == b""


def test_a_question_begins_before_it_is_noticed() -> None:
    utterance = UtteranceBuffer()
    utterance.hear(b"\1\0")
    utterance.begin()
    utterance.hear(b"\2\0")
    assert utterance.sound == b"\1\0\2\0"
    utterance.known()
    assert utterance.sound == b""


def test_one_that_was_asked_elsewhere_is_a_question_already() -> None:
    assert UtteranceBuffer(b"\1\0").sound == b"\1\0"


@given(st.lists(st.tuples(st.sampled_from(["hear", "begin", "known"]), st.integers(0, LEAD_IN))))
def test_it_never_grows_without_bound(steps: list[tuple[str, int]]) -> None:
    utterance = UtteranceBuffer()
    for step, size in steps:
        if step == "hear":
            utterance.hear(bytes(2 * size))
        else:
            getattr(utterance, step)()
    assert len(utterance.sound) <= MOST
