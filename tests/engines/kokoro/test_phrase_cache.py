from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.kokoro.phrase_cache import Phrase, PhraseCache


def phrase(text: str) -> Phrase:
    return Phrase(text, "af_sarah", 1.0, "kokoro")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40)), max_size=40))
def test_the_cache_never_exceeds_its_capacity(steps: list[tuple[str, int]]) -> None:
    phrases = PhraseCache(100)
    last: dict[str, bytes] = {}
    for text, size in steps:
        phrases.put(phrase(text), (bytes(size),))
        if 0 < size <= 12:
            last[text] = bytes(size)
        assert phrases.size <= 100
        cached = {text: phrases.get(phrase(text)) for text in "abcdef"}
        assert phrases.size == sum(len(chunks[0]) for chunks in cached.values() if chunks)
        assert all(chunks == (last[text],) for text, chunks in cached.items() if chunks)


def test_the_least_recently_used_phrase_is_evicted() -> None:
    phrases = PhraseCache(80)
    for text in "abcdefgh":
        phrases.put(phrase(text), (bytes(10),))
    assert phrases.get(phrase("a"))
    phrases.put(phrase("i"), (bytes(10),))
    assert phrases.get(phrase("a"))
    assert phrases.get(phrase("b")) is None
    phrases.clear()
    assert (phrases.size, phrases.get(phrase("a"))) == (0, None)


def test_text_voice_speed_and_model_make_the_key() -> None:
    phrases = PhraseCache(1000)
    yes = Phrase("yes", "af_sarah", 1.0, "kokoro")
    phrases.put(yes, (b"ab", b"cd"))
    assert phrases.get(Phrase("yes", "af_sarah", 1.0, "kokoro")) == (b"ab", b"cd")
    for other in (
        Phrase("yes", "bf_emma", 1.0, "kokoro"),
        Phrase("yes", "af_sarah", 1.1, "kokoro"),
        Phrase("yes", "af_sarah", 1.0, "kokoro int8"),
        Phrase("Yes", "af_sarah", 1.0, "kokoro"),
    ):
        assert phrases.get(other) is None


def test_a_long_answer_evicts_nothing_and_no_capacity_stores_nothing() -> None:
    phrases = PhraseCache(800)
    phrases.put(phrase("short"), (bytes(100),))
    phrases.put(phrase("long"), (bytes(50), bytes(51)))
    assert phrases.get(phrase("short"))
    assert phrases.get(phrase("long")) is None
    none = PhraseCache(0)
    none.put(phrase("short"), (bytes(2),))
    assert none.get(phrase("short")) is None
