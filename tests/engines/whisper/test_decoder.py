from typing import Any

import numpy as np
import pytest

from appliance.engines.whisper.decoder import AudioWindow, WhisperDecoder
from appliance.engines.whisper.engine import load_decoder
from appliance.engines.whisper.window import FULL_WINDOW, MIN_WINDOW
from tests.engines.sound import noise, silence
from tests.engines.whisper.test_engine import MODEL, TEXTS, utterance


class Spy:
    """Wraps CTranslate2's model and records its calls; a compiled class cannot be patched."""

    def __init__(self, model: object) -> None:
        self._model = model
        self.calls: list[str] = []
        self.features: list[Any] = []
        self.prompts: list[list[int]] = []
        self.options: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the model has
        return getattr(self._model, name)

    def encode(self, features: object) -> object:
        self.calls.append("encode")
        self.features.append(np.array(features))
        return self._model.encode(features)  # type: ignore[attr-defined]

    def detect_language(self, encoded: object) -> object:
        self.calls.append("detect_language")
        return self._model.detect_language(encoded)  # type: ignore[attr-defined]

    def generate(self, encoded: object, prompts: list[list[int]], **options: Any) -> object:  # noqa: ANN401
        self.calls.append("generate")
        self.prompts, self.options = prompts, options
        return self._model.generate(encoded, prompts, **options)  # type: ignore[attr-defined]


def load_spied(*hot_words: str) -> tuple[WhisperDecoder, Spy]:
    decoder, _ = load_decoder(MODEL, "cpu", "int8", 1, hot_words, MIN_WINDOW)
    spy = Spy(decoder._model.model)
    decoder._model.model = spy
    return decoder, spy


@pytest.fixture(scope="module")
def shared() -> tuple[WhisperDecoder, Spy]:
    return load_spied()


@pytest.fixture
def decoder(shared: tuple[WhisperDecoder, Spy]) -> WhisperDecoder:
    shared[1].calls.clear()
    shared[1].features.clear()
    return shared[0]


@pytest.fixture
def spy(shared: tuple[WhisperDecoder, Spy]) -> Spy:
    return shared[1]


def test_a_batch_has_the_results_of_each_window_alone(decoder: WhisperDecoder, spy: Spy) -> None:
    asked = [AudioWindow(utterance(name), "en", 8.0) for name in TEXTS]
    asked.insert(3, AudioWindow(noise(1000), "en", 8.0))
    together = decoder.decode(asked)
    assert spy.calls == ["encode", "generate"]
    alone = [decoder.decode([one])[0] for one in asked]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.text for one in together if one.text] == list(TEXTS.values())
    for one, other in zip(together, alone, strict=True):
        assert one.likelihood == pytest.approx(other.likelihood, abs=0.01)
        assert one.no_speech == pytest.approx(other.no_speech, abs=0.01)
        assert (one.tokens, one.cut) == (other.tokens, other.cut)


def test_no_text_is_generated_for_windows_that_were_abandoned(
    decoder: WhisperDecoder, spy: Spy
) -> None:
    windows = [AudioWindow(utterance(name), "en", 8.0) for name in TEXTS]
    texts = [one.text for one in decoder.decode(windows, lambda: True)]
    assert (spy.calls, texts) == (["encode"], [""] * len(TEXTS))


@pytest.mark.parametrize("name", TEXTS)
def test_a_short_window_has_the_result_of_the_full_one(decoder: WhisperDecoder, name: str) -> None:
    for window in (4.0, 8.0, 12.0, FULL_WINDOW):
        assert decoder.decode([AudioWindow(utterance(name), "en", window)])[0].text == TEXTS[name]


def test_the_language_is_detected_from_the_same_encoding(decoder: WhisperDecoder, spy: Spy) -> None:
    audio = utterance("stop.wav")
    detected, given = decoder.decode([AudioWindow(audio, None, 8.0), AudioWindow(audio, "de", 8.0)])
    assert spy.calls == ["encode", "detect_language", "generate"]
    assert given.language == "de"
    assert detected.text == "stop"
    codes = [row[1] for row in spy.prompts]
    tokenizer = decoder._model.hf_tokenizer
    assert codes == [tokenizer.token_to_id(f"<|{one.language}|>") for one in (detected, given)]


def test_it_decodes_greedily_without_special_tokens_and_within_limits(
    decoder: WhisperDecoder, spy: Spy
) -> None:
    decoder.decode([AudioWindow(utterance("stop.wav"), "en", 8.0)])
    assert spy.options["beam_size"] == 1
    assert len(spy.prompts[0]) < spy.options["max_length"] < 40
    tokenizer = decoder._model.hf_tokenizer
    assert spy.prompts[0][-1] == tokenizer.token_to_id("<|notimestamps|>")
    marks = {tokenizer.token_to_id(mark) for mark in ("<|transcribe|>", "<|startoftranscript|>")}
    assert marks <= set(spy.options["suppress_tokens"])


def test_features_end_in_silence_as_in_training(decoder: WhisperDecoder, spy: Spy) -> None:
    audio = utterance("what_time_is_it.wav")
    decoder.decode([AudioWindow(audio, "en", 8.0)])
    given = spy.features[0][0]
    samples = np.frombuffer(audio + silence(8), "<i2").astype(np.float32) / 32768
    wanted = decoder._model.feature_extractor(samples)[:, :800]
    assert given.shape == wanted.shape
    # The last frame of the audio lacks the silence after it.
    differ = np.abs(given - wanted).max(axis=0) > 1e-4
    assert differ.sum() <= 4


def test_hot_words_are_in_the_prompt() -> None:
    decoder, spy = load_spied("Claude", "kitchen")
    decoder.decode([AudioWindow(utterance("stop.wav"), "en", 8.0)])
    tokenizer = decoder._model.hf_tokenizer
    hint = tokenizer.encode(" Claude, kitchen", add_special_tokens=False).ids
    before = [tokenizer.token_to_id("<|startofprev|>"), *hint]
    assert spy.prompts[0][: len(before)] == before
    assert spy.prompts[0][len(before)] == tokenizer.token_to_id("<|startoftranscript|>")


def test_too_many_hot_words_leave_room_for_the_text() -> None:
    decoder, spy = load_spied(*["kitchen"] * 500)
    decoder.decode([AudioWindow(utterance("stop.wav"), "en", 8.0)])
    assert len(spy.prompts[0]) <= 105


def test_a_text_at_its_limit_is_cut_alone_and_in_a_batch(
    decoder: WhisperDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = "appliance.engines.whisper.decoder.max_tokens"
    monkeypatch.setattr(limit, lambda seconds, *, full: 3 if seconds < 2 else 40)
    short = AudioWindow(utterance("turn_on_the_kitchen_light.wav")[: 2 * 31_000], "en", 8.0)
    long = AudioWindow(utterance("turn_on_the_kitchen_light.wav") + silence(1), "en", 8.0)
    alone = decoder.decode([short])[0]
    cut, whole = decoder.decode([short, long])
    assert alone.cut
    assert cut.cut
    assert not whole.cut
    assert cut.text == alone.text
    assert whole.text == "turn on the kitchen light"
