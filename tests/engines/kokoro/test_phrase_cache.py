from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.kokoro.phrase_cache import Phrase, PhraseCache


def phrase(text: str) -> Phrase:
    return Phrase(text, "af_sarah", 1.0, "kokoro")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40)), max_size=40))
def test_it_never_keeps_more_than_it_has_room_for(steps: list[tuple[str, int]]) -> None:
    phrases = PhraseCache(100)
    last: dict[str, bytes] = {}
    for text, size in steps:
        phrases.keep(phrase(text), (bytes(size),))
        if 0 < size <= 12:
            last[text] = bytes(size)
        assert phrases.size <= 100
        kept = {text: phrases.get(phrase(text)) for text in "abcdef"}
        assert phrases.size == sum(len(chunks[0]) for chunks in kept.values() if chunks)
        assert all(chunks == (last[text],) for text, chunks in kept.items() if chunks)


def test_what_was_asked_for_lately_stays() -> None:
    phrases = PhraseCache(80)
    for text in "abcdefgh":
        phrases.keep(phrase(text), (bytes(10),))
    assert phrases.get(phrase("a"))
    phrases.keep(phrase("i"), (bytes(10),))
    assert phrases.get(phrase("a"))
    assert phrases.get(phrase("b")) is None
    phrases.clear()
    assert (phrases.size, phrases.get(phrase("a"))) == (0, None)


def test_voice_speed_and_model_are_part_of_it() -> None:
    phrases = PhraseCache(1000)
    kept = Phrase("yes", "af_sarah", 1.0, "kokoro")
    phrases.keep(kept, (b"ab", b"cd"))
    assert phrases.get(Phrase("yes", "af_sarah", 1.0, "kokoro")) == (b"ab", b"cd")
    for other in (
        Phrase("yes", "bf_emma", 1.0, "kokoro"),
        Phrase("yes", "af_sarah", 1.1, "kokoro"),
        Phrase("yes", "af_sarah", 1.0, "kokoro int8"),
        Phrase("Yes", "af_sarah", 1.0, "kokoro"),
    ):
        assert phrases.get(other) is None


def test_a_long_answer_pushes_nothing_out_and_without_room_nothing_is_kept() -> None:
    phrases = PhraseCache(800)
    phrases.keep(phrase("short"), (bytes(100),))
    phrases.keep(phrase("long"), (bytes(50), bytes(51)))
    assert phrases.get(phrase("short"))
    assert phrases.get(phrase("long")) is None
    none = PhraseCache(0)
    none.keep(phrase("short"), (bytes(2),))
    assert none.get(phrase("short")) is None
