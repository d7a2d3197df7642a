"""Turns phonemes into sound: in one run of the published graph, or in slices of the split model."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from appliance.audio.format import OUTPUT_RATE
from appliance.audio.loudness import gain_for, levelled
from appliance.engines.kokoro.calibration import Calibration, rendered
from appliance.engines.kokoro.generator import SAMPLES_PER_FRAME
from appliance.engines.kokoro.slices import PlayoutBuffer, SilenceTrimmer
from appliance.engines.kokoro.split_model import Sentence, SplitModel
from appliance.errors import EngineFailed

if TYPE_CHECKING:
    import numpy as np
    from kokoro_onnx import Kokoro as PublishedModel
    from kokoro_onnx.tokenizer import Tokenizer

    Array: TypeAlias = np.ndarray[Any, Any]

SHORT_FRAMES: Final = 160
"""2 s, of which 1.3 s are speech. A shorter sentence is done almost as soon as its first slice,
and tells too little about its statistics."""
_SILENCE_UNDER_SPEECH: Final = 52.0
"""dB. The loudest frame is some 8 dB above the level of speech, and silence 60 dB below it."""


class Renderer(Protocol):
    """Renders batches of phonemes that fit into the model."""

    @property
    def voices(self) -> "Mapping[str, Array]":
        """The styles of each voice, one for each number of phonemes."""

    @property
    def tokenizer(self) -> "Tokenizer":
        """Makes the phonemes and tokens that the model knows."""

    @property
    def max_phonemes(self) -> int:
        """How long a batch may be."""

    def render(self, phonemes: str, voice: str, speed: float) -> "Iterator[Array]":
        """Yields float samples of 24 kHz at the target loudness, without silence around them."""


class WholeRenderer:
    """Runs the graph as published, by kokoro-onnx."""

    max_phonemes = 510

    def __init__(self, model: "PublishedModel") -> None:
        self._model = model

    @property
    def voices(self) -> "Mapping[str, Array]":
        return dict(self._model.voices)

    @property
    def tokenizer(self) -> "Tokenizer":
        return self._model.tokenizer

    def render(self, phonemes: str, voice: str, speed: float) -> "Iterator[Array]":
        audio, _ = self._model.create(phonemes, voice, speed, is_phonemes=True)
        yield levelled(finite(audio))


class CalibrationSource(Protocol):
    """Knows the calibrations of the voices that have one already."""

    def get(self, voice: str) -> Calibration | None: ...


class SlicedRenderer:
    """Runs the split model, in slices where the voice is calibrated."""

    max_phonemes = 240
    """Some 15 s of speech. The front and the low stage run before its first sound."""

    def __init__(
        self,
        model: SplitModel,
        tokenizer: "Tokenizer",
        voices: "Mapping[str, Array]",
        calibrations: CalibrationSource,
    ) -> None:
        self._model = model
        self._calibrations = calibrations
        self._slowness = 0.0
        self.tokenizer = tokenizer
        self.voices = voices

    def render(self, phonemes: str, voice: str, speed: float) -> "Iterator[Array]":
        sentence = prepared(self._model, self.tokenizer, phonemes, self.voices[voice], speed)
        calibration = self._calibrations.get(voice)
        if calibration is None or not calibration.is_usable or sentence.frames < SHORT_FRAMES:
            audio, _ = self._model.whole(sentence)
            yield levelled(trimmed(finite(audio)))
            return
        predicted = calibration.predict(sentence)
        silence = SilenceTrimmer(10 ** ((predicted.level - _SILENCE_UNDER_SPEECH) / 20))
        gain = gain_for(predicted.level)
        buffer = PlayoutBuffer(self._slowness)
        done, asked_at = 0, time.monotonic()
        for audio in rendered(self._model, sentence, predicted):
            took, seconds = time.monotonic() - asked_at, audio.size / OUTPUT_RATE
            done += audio.size
            left = sentence.frames * SAMPLES_PER_FRAME - done
            playable = silence.trimmed(finite(audio)) * gain
            yield from buffer.add(playable, seconds, took, left / OUTPUT_RATE)
            asked_at = time.monotonic()
        self._slowness = buffer.slowness


def prepared(
    model: SplitModel, tokenizer: "Tokenizer", phonemes: str, styles: "Array", speed: float
) -> Sentence:
    """A sentence of this voice, ready to be rendered."""
    tokens = tokenizer.tokenize(phonemes)
    return model.sentence(tokens, styles[min(len(tokens), len(styles)) - 1], speed)


def phonemes_of(tokenizer: "Tokenizer", text: str, language: str) -> str:
    """The phonemes of a text, on one line; `language` is a voice of eSpeak NG."""
    return " ".join(tokenizer.phonemize(text, language).split())


def finite(audio: "Array") -> "Array":
    """The same samples. Raises EngineFailed where one is no number."""
    import numpy as np  # imported late, so that importing the package loads nothing heavy

    if not np.isfinite(audio).all():
        raise EngineFailed("the model returned samples that are not finite")
    return audio


def trimmed(audio: "Array") -> "Array":
    """The samples without the silence before and after them, as kokoro-onnx trims them."""
    from kokoro_onnx.trim import trim  # imported late, as it loads kokoro-onnx

    samples: Array = trim(audio)[0]
    return samples
