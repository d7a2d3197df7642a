"""What is prepared of an answer that is held is what it begins with when it is let go."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.voice.services.answer_stream import HeldOpening, Pieces


class Voice:
    def __init__(self) -> None:
        self.told: list[str] = []
        self.opening = HeldOpening(
            self.told.append, lambda: self.told.append("never mind"), lambda: False
        )


def _all(pieces: Pieces, *texts: str) -> list[str]:
    cut = [piece for text in texts for piece in pieces.feed(text)]
    return [text for text, spoken in cut + pieces.end() if spoken]


def test_the_first_piece_is_prepared_once() -> None:
    voice = Voice()
    voice.opening.begin()
    for text in ("It is", " noon.", " Time", " to eat.", " Now."):
        voice.opening.held(text)
    assert voice.told == ["It is noon."]
    assert _all(voice.opening.let_go(), "It is noon. Time")[0] == "It is noon."
    assert _all(voice.opening.let_go(), "Well, so it is.")[0] == "Well, so it is."


def test_an_answer_that_is_withdrawn_is_not_needed() -> None:
    voice = Voice()
    voice.opening.begin()
    voice.opening.held("It is noon. Time")
    voice.opening.forget()
    voice.opening.forget()
    assert voice.told == ["It is noon.", "never mind"]
    assert _all(voice.opening.let_go(), "At noon, we")[0] == "At noon,"


def test_what_is_not_held_is_not_prepared() -> None:
    voice = Voice()
    voice.opening.held("It is noon. Time")
    assert voice.told == []


def test_code_before_the_words_is_shown_and_not_prepared() -> None:
    voice = Voice()
    voice.opening.begin()
    text = "```x = 1```It is noon. Time"
    voice.opening.held(text)
    assert voice.told == ["It is noon."]
    assert _all(voice.opening.let_go(), text)[0] == "It is noon."


@given(st.lists(st.text(alphabet="ab .,!?`\n", max_size=20), max_size=8))
def test_what_was_prepared_is_said_first(texts: list[str]) -> None:
    voice = Voice()
    voice.opening.begin()
    for text in texts:
        voice.opening.held(text)
    # Let go, the same text comes in one rush.
    spoken = _all(voice.opening.let_go(), *texts)
    assert not voice.told or spoken[0] == voice.told[0]
