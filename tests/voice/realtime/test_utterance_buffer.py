"""The audio of a question is kept until its words are known, and within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.audio.format import INPUT_RATE
from appliance.voice.realtime.connection import LEAD_IN_SECONDS, MAX_SECONDS, UtteranceBuffer

LEAD_IN = 2 * int(LEAD_IN_SECONDS * INPUT_RATE)
MOST = 2 * int(MAX_SECONDS * INPUT_RATE)


def test_audio_without_speech_is_no_question() -> None:
    utterance = UtteranceBuffer()
    utterance.append(b"\1\0" * 100)
    assert utterance.audio == b""


def test_a_question_has_a_lead_in() -> None:
    utterance = UtteranceBuffer()
    utterance.append(b"\1\0")
    utterance.open()
    utterance.append(b"\2\0")
    assert utterance.audio == b"\1\0\2\0"
    utterance.close()
    assert utterance.audio == b""


def test_a_question_of_another_route_is_kept() -> None:
    assert UtteranceBuffer(b"\1\0").audio == b"\1\0"


@given(st.lists(st.tuples(st.sampled_from(["append", "open", "close"]), st.integers(0, LEAD_IN))))
def test_the_buffer_is_bounded(steps: list[tuple[str, int]]) -> None:
    utterance = UtteranceBuffer()
    for step, size in steps:
        if step == "append":
            utterance.append(bytes(2 * size))
        else:
            getattr(utterance, step)()
    assert len(utterance.audio) <= MOST
