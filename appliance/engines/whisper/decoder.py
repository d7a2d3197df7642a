"""Whisper decoder: windows of audio to text, in batches.

faster-whisper's own `transcribe` always encodes 30 s, one window at a time, and encodes twice
where it has to detect the language. This decoder takes its parts (model, features, tokenizer) and
calls CTranslate2 itself, with the same prompt and the same suppressed tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import INPUT_RATE
from appliance.audio.pitch import voiced
from appliance.engines.whisper.window import FULL_WINDOW, DecodedWindow, max_tokens

if TYPE_CHECKING:
    import numpy as np
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

_MAX_HOT_TOKENS: Final = 100
"""Each costs a little time in every window, and the decoder holds 448, with those of the text."""
_SILENT_FEATURE: Final = -1.5
"""The feature of digital silence. Features are cut off at 2 below the loudest."""
_ABANDONED: Final = DecodedWindow("", "en", likelihood=0.0, no_speech=1.0, tokens=0)
"""Stands for a result that nobody reads."""


@dataclass(frozen=True, slots=True)
class AudioWindow:
    """Audio (16 kHz PCM) for one window.

    `window_seconds` is how much the encoder looks at. With `language` None the model detects it.
    `beams` is how many texts are followed at a time; one is the fastest by far.
    """

    audio: bytes
    language: str | None
    window_seconds: float = FULL_WINDOW
    beams: int = 1

    @property
    def audio_seconds(self) -> float:
        return len(self.audio) / 2 / INPUT_RATE


class WhisperDecoder:
    """A loaded Whisper model. Not for two threads at once."""

    def __init__(self, model: "WhisperModel", hot_words: Sequence[str] = ()) -> None:
        self._model = model
        self._tokenizers: dict[str, Tokenizer] = {}
        some = self._tokenizer("en")
        hint = some.encode(" " + ", ".join(hot_words))[:_MAX_HOT_TOKENS] if hot_words else []
        self._before = [some.sot_prev, *hint] if hint else []

    def decode(
        self, windows: Sequence[AudioWindow], is_abandoned: Callable[[], bool] = lambda: False
    ) -> list[DecodedWindow]:
        """Decodes windows of equal length and beams; one result for each, in order.

        Encoding takes about as long as generating the text of a command, and neither can be
        interrupted. Where `is_abandoned` between the two, there is no text to be read.
        A language that this model does not know is detected instead.
        """
        import ctranslate2
        import numpy as np

        features = np.stack([self._features(window) for window in windows])
        model = self._model.model
        encoded = model.encode(ctranslate2.StorageView.from_array(features))
        if is_abandoned():
            return [_ABANDONED] * len(windows)
        languages = self._languages(windows, encoded)
        tokenizers = [self._tokenizer(language) for language in languages]
        prompts = [
            [*self._before, *tokenizer.sot_sequence, tokenizer.no_timestamps]
            for tokenizer in tokenizers
        ]
        limits = [_limit(window) for window in windows]
        results = model.generate(
            encoded,
            prompts,
            beam_size=windows[0].beams,
            max_length=len(prompts[0]) + max(limits),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=_suppressed(tokenizers[0]),
        )
        rows = zip(windows, tokenizers, limits, results, strict=True)
        return [_decoded(*row) for row in rows]

    def _features(self, window: AudioWindow) -> "np.ndarray[Any, Any]":
        """The log mel spectrogram (bands x hundredths of a second), padded with silence.

        The padding equals that of OpenAI's code, with which the models were trained: digital
        silence, added before the spectrogram is taken.
        """
        import numpy as np

        samples = np.frombuffer(window.audio, "<i2").astype(np.float32) / 32768
        frames = round(window.window_seconds * 100)
        features = self._model.feature_extractor(samples)[:, :frames].astype(np.float32)
        silence = max(_SILENT_FEATURE, features.max() - 2)
        missing = frames - features.shape[1]
        return np.pad(features, ((0, 0), (0, missing)), constant_values=silence)

    def _languages(self, windows: Sequence[AudioWindow], encoded: object) -> list[str]:
        if not self._model.model.is_multilingual:
            return ["en"] * len(windows)
        asked = [self._known(window.language) for window in windows]
        if None not in asked:
            return [language for language in asked if language]
        # Every row comes as pairs of a token and its probability, the likeliest first.
        detected = [row[0][0][2:-2] for row in self._model.model.detect_language(encoded)]
        return [given or found for given, found in zip(asked, detected, strict=True)]

    def _known(self, language: str | None) -> str | None:
        """The language where the model has a token for it: the smaller ones have none for yue."""
        token = self._model.hf_tokenizer.token_to_id(f"<|{language}|>")
        return language if token is not None else None

    def _tokenizer(self, language: str) -> "Tokenizer":
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer

            multilingual = self._model.model.is_multilingual
            hugging_face = self._model.hf_tokenizer
            self._tokenizers[language] = Tokenizer(
                hugging_face, multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]


def _limit(window: AudioWindow) -> int:
    return max_tokens(window.audio_seconds, full=window.window_seconds >= FULL_WINDOW)


def _suppressed(tokenizer: "Tokenizer") -> list[int]:
    """Tokens that are no speech: brackets, notes, speaker marks, and the special tokens."""
    from faster_whisper.transcribe import get_suppressed_tokens

    return list(get_suppressed_tokens(tokenizer, [-1]))


def _decoded(
    window: AudioWindow,
    tokenizer: "Tokenizer",
    limit: int,
    result: Any,  # noqa: ANN401  CTranslate2's, which is untyped
) -> DecodedWindow:
    """The result of one window of a batch.

    In a batch a text may grow beyond its own limit, at which it would have been cut alone.
    """
    tokens = result.sequences_ids[0]
    # CTranslate2's mean leaves out the end token, which counts; without text it is not a number.
    likelihood = result.scores[0] * len(tokens) / (len(tokens) + 1) if tokens else 0.0
    text = tokenizer.decode(tokens[:limit]).strip()
    return DecodedWindow(
        text=text,
        language=tokenizer.language_code,
        likelihood=likelihood,
        no_speech=result.no_speech_prob,
        tokens=len(tokens),
        cut=len(tokens) >= limit,
        voiced=not text or voiced(window.audio),
        seconds=window.audio_seconds,
    )
