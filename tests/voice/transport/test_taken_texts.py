"""A text that comes a second time is known, for as long as anybody would send it again."""

from appliance.voice.transport.taken_texts import KEPT, TakenTexts


def test_a_text_is_known_in_its_conversation_once_it_became_a_turn() -> None:
    texts = TakenTexts()
    first, second = texts.of("c1"), texts.of("c2")
    assert not first.knows("a")
    first.add("a")
    assert texts.of("c1").knows("a")
    assert not first.knows("b")
    assert not second.knows("a")


def test_only_the_latest_are_kept() -> None:
    texts = TakenTexts().of("c")
    for number in range(KEPT + 1):
        texts.add(str(number))
    assert texts.knows("1")
    assert not texts.knows("0")
