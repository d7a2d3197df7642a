from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from appliance.engines.sphinx import decoder as sphinx_decoder
from appliance.engines.sphinx.decoder import Search, SphinxDecoder, dictionary_words
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from tests.engines.conftest import GRAMMAR
from tests.engines.sound import noise, recording, silence

GRAPH = """FSG_BEGIN commands
NUM_STATES 5
START_STATE 0
FINAL_STATE 4
TRANSITION 0 1 1.0 what
TRANSITION 1 2 0.5 time
TRANSITION 1 2 0.5 day
TRANSITION 2 3 1.0 is
TRANSITION 3 4 1.0 it
FSG_END
"""
PHONES = ("W", "AH", "T", "T", "AY", "M", "IH", "Z", "IH", "T")
TIME = recording("speech", "what_time_is_it.wav")


@pytest.fixture(scope="module")
def decoder() -> Iterator[SphinxDecoder]:
    decoder = SphinxDecoder(GRAMMAR)
    yield decoder
    decoder.close()


def test_each_search_has_its_own_result(decoder: SphinxDecoder) -> None:
    heard = {search: decoder.decode(search, TIME) for search in Search}
    assert heard[Search.GRAMMAR].text == heard[Search.NGRAM].text == "what time is it"
    assert decoder.phones(heard[Search.GRAMMAR]) == PHONES
    assert {"T", "AY"} <= set(decoder.phones(heard[Search.PHONES]))
    for found in heard.values():
        assert found.score < 0
        assert 0 < found.frames <= len(TIME) / 320 + 2 * len(found.words)


def test_scores_of_different_searches_can_be_compared(decoder: SphinxDecoder) -> None:
    best = decoder.decode(Search.PHONES, TIME).score
    said = decoder.decode(Search.GRAMMAR, TIME).score
    other = decoder.decode(Search.GRAMMAR, recording("speech", "tell_me_a_joke.wav"))
    joke = decoder.decode(Search.PHONES, recording("speech", "tell_me_a_joke.wav")).score
    assert 0 < best - said < joke - other.score


def test_earlier_audio_does_not_affect_a_result(decoder: SphinxDecoder) -> None:
    first = [decoder.decode(search, TIME) for search in Search]
    for between in (noise(8000), recording("audio", "jfk.wav")[:64000], silence(1)):
        decoder.decode(Search.GRAMMAR, between)
    assert [decoder.decode(search, TIME) for search in Search] == first


def test_empty_audio_has_no_words(decoder: SphinxDecoder) -> None:
    for audio in (b"", b"\0\0", silence(0.02)):
        assert decoder.decode(Search.NGRAM, audio).words == ()


def test_a_grammar_may_be_a_graph() -> None:
    decoder = SphinxDecoder(GRAPH)
    assert decoder.decode(Search.GRAMMAR, TIME).text == "what time is it"
    decoder.close()


@pytest.mark.parametrize(
    "grammar",
    ["", "nonsense", "#JSGF V1.0; grammar x; public <x> = qwrtzx;", "FSG_BEGIN\n"],
)
def test_a_broken_grammar_raises(grammar: str) -> None:
    with pytest.raises(EngineFailed, match="grammar"):
        SphinxDecoder(grammar)


def test_a_closed_decoder_raises() -> None:
    decoder = SphinxDecoder(GRAPH)
    decoder.close()
    decoder.close()
    with pytest.raises(EngineFailed, match="closed"):
        decoder.decode(Search.GRAMMAR, TIME)


def test_dictionary_words() -> None:
    words = dictionary_words()
    assert {"what", "time", "today's"} <= words
    assert not any("(" in word for word in words)
    assert "qwrtzx" not in words


def test_missing_and_foreign_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sphinx_decoder, "_package", lambda: tmp_path)
    for load in (lambda: SphinxDecoder(GRAPH), dictionary_words):
        with pytest.raises(ModelMissing, match=str(tmp_path)):
            load()
    suffix = EXTENSION_SUFFIXES[0]
    (tmp_path / f"_pocketsphinx{suffix}").write_bytes(b"no library")
    with pytest.raises(ModelBroken, match="cannot be used"):
        SphinxDecoder(GRAPH)


def test_a_missing_or_damaged_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sphinx_decoder._package()
    for file in real.glob("_pocketsphinx*"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.setattr(sphinx_decoder, "_package", lambda: tmp_path)
    with pytest.raises(ModelMissing, match="mdef"):
        SphinxDecoder(GRAPH)
    model = tmp_path / "model" / "en-us"
    (model / "en-us").mkdir(parents=True)
    for file in (real / "model" / "en-us" / "en-us").iterdir():
        (model / "en-us" / file.name).symlink_to(file)
    (model / "cmudict-en-us.dict").symlink_to(real / "model" / "en-us" / "cmudict-en-us.dict")
    (model / "en-us.lm.bin").write_bytes(b"no language model")
    with pytest.raises(ModelBroken, match=r"lm\.bin"):
        SphinxDecoder(GRAPH)
