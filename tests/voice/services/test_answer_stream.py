"""The opening of a held answer is prepared once, and is what the released answer begins with."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.text.pieces import SpeechCost
from appliance.text.segment import AnswerSegmenter
from appliance.voice.services.answer_stream import HeldOpening

DISCARDED = "(discarded)"


class Voice:
    """A voice that lists what it is to prepare."""

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.opening = HeldOpening(
            self.prepared.append, lambda: self.prepared.append(DISCARDED), SpeechCost
        )


def _spoken(segmenter: AnswerSegmenter, *texts: str) -> list[str]:
    segments = [segment for text in texts for segment in segmenter.feed(text, 0.0)]
    return [text for text, spoken in segments + segmenter.end(0.0) if spoken]


def test_the_first_segment_is_prepared_once() -> None:
    voice = Voice()
    voice.opening.begin()
    for text in ("It is", " noon.", " Time", " to eat.", " Now."):
        voice.opening.feed(text)
    assert voice.prepared == ["It is noon."]
    assert _spoken(voice.opening.release(), "It is noon. Time")[0] == "It is noon."
    assert _spoken(voice.opening.release(), "Well, so it is.")[0] == "Well, so it is."


def test_the_opening_of_a_withdrawn_answer_is_discarded_once() -> None:
    voice = Voice()
    voice.opening.begin()
    voice.opening.feed("It is noon. Time")
    voice.opening.withdraw()
    voice.opening.withdraw()
    assert voice.prepared == ["It is noon.", DISCARDED]
    assert _spoken(voice.opening.release(), "When it rains, we stay.")[0] == "When it rains,"


def test_an_answer_that_is_not_held_is_not_prepared() -> None:
    voice = Voice()
    voice.opening.feed("It is noon. Time")
    assert voice.prepared == []


def test_code_before_the_words_is_shown_and_not_prepared() -> None:
    voice = Voice()
    voice.opening.begin()
    text = "```x = 1```It is noon. Time"
    voice.opening.feed(text)
    assert voice.prepared == ["It is noon."]
    assert _spoken(voice.opening.release(), text)[0] == "It is noon."


@given(st.lists(st.text(alphabet="ab .,!?`\n", max_size=20), max_size=8))
def test_a_released_answer_begins_with_the_prepared_opening(texts: list[str]) -> None:
    voice = Voice()
    voice.opening.begin()
    for text in texts:
        voice.opening.feed(text)
    # A released answer comes all at once.
    spoken = _spoken(voice.opening.release(), *texts)
    assert not voice.prepared or spoken[0] == voice.prepared[0]
