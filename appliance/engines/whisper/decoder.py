"""One Whisper model: windows of audio to text, several at once, greedily.

faster-whisper's own `transcribe` always looks at 30 s, at one utterance at a time, and encodes
twice where it has to tell the language. This takes its parts (model, features, tokenizer) and
calls CTranslate2 itself, with the same prompt and the same suppressed tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import INPUT_RATE
from appliance.audio.pitch import voiced
from appliance.engines.whisper.window import FULL, Decoded, token_bound

if TYPE_CHECKING:
    import numpy as np
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

_MOST_HOT_TOKENS: Final = 100
"""Each costs a little time for every utterance; and the decoder holds 448, the text's included."""
_FLOOR: Final = -1.5
"""What digital silence comes to as a feature; 2 below the loudest is where features are cut."""


@dataclass(frozen=True, slots=True)
class AudioWindow:
    """Audio (16 kHz PCM) for one window of so many seconds; `language` None: the model tells."""

    audio: bytes
    language: str | None
    window: float = FULL

    @property
    def seconds(self) -> float:
        return len(self.audio) / 2 / INPUT_RATE


class WhisperDecoder:
    """Not for two threads at once."""

    def __init__(self, model: "WhisperModel", hot_words: Sequence[str] = ()) -> None:
        self._model = model
        self._tokenizers: dict[str, Tokenizer] = {}
        some = self._tokenizer("en")
        hint = some.encode(" " + ", ".join(hot_words))[:_MOST_HOT_TOKENS] if hot_words else []
        self._before = [some.sot_prev, *hint] if hint else []

    def decode(self, utterances: Sequence[AudioWindow]) -> list[Decoded]:
        """What each comes to, in their order. All have the same window.

        Raises ValueError for a language that Whisper does not know.
        """
        import ctranslate2
        import numpy as np

        features = np.stack([self._features(utterance) for utterance in utterances])
        model = self._model.model
        encoded = model.encode(ctranslate2.StorageView.from_array(features))
        languages = self._languages(utterances, encoded)
        tokenizers = [self._tokenizer(language) for language in languages]
        prompts = [
            [*self._before, *tokenizer.sot_sequence, tokenizer.no_timestamps]
            for tokenizer in tokenizers
        ]
        bounds = [_bound(utterance) for utterance in utterances]
        results = model.generate(
            encoded,
            prompts,
            beam_size=1,
            max_length=len(prompts[0]) + max(bounds),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=_suppressed(tokenizers[0]),
        )
        rows = zip(utterances, tokenizers, bounds, results, strict=True)
        return [_decoded(*row) for row in rows]

    def _features(self, utterance: AudioWindow) -> "np.ndarray[Any, Any]":
        """The log mel spectrogram (bands x hundredths of a second), silent after the audio.

        Silent as OpenAI's code makes it, on which the models were trained: filled up with
        digital silence before the spectrogram is taken.
        """
        import numpy as np

        samples = np.frombuffer(utterance.audio, "<i2").astype(np.float32) / 32768
        frames = round(utterance.window * 100)
        features = self._model.feature_extractor(samples)[:, :frames].astype(np.float32)
        silence = max(_FLOOR, features.max() - 2)
        missing = frames - features.shape[1]
        return np.pad(features, ((0, 0), (0, missing)), constant_values=silence)

    def _languages(self, utterances: Sequence[AudioWindow], encoded: object) -> list[str]:
        if not self._model.model.is_multilingual:
            return ["en"] * len(utterances)
        asked = [utterance.language for utterance in utterances]
        if None not in asked:
            return [language for language in asked if language]
        # Every row comes as pairs of a token and its probability, the likeliest first.
        told = [row[0][0][2:-2] for row in self._model.model.detect_language(encoded)]
        return [language or heard for language, heard in zip(asked, told, strict=True)]

    def _tokenizer(self, language: str) -> "Tokenizer":
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer

            multilingual = self._model.model.is_multilingual
            hugging_face = self._model.hf_tokenizer
            self._tokenizers[language] = Tokenizer(
                hugging_face, multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]


def _bound(utterance: AudioWindow) -> int:
    return token_bound(utterance.seconds, full=utterance.window >= FULL)


def _suppressed(tokenizer: "Tokenizer") -> list[int]:
    """What is no speech: brackets, notes, speaker marks; and the special tokens."""
    from faster_whisper.transcribe import get_suppressed_tokens

    return list(get_suppressed_tokens(tokenizer, [-1]))


def _decoded(
    utterance: AudioWindow,
    tokenizer: "Tokenizer",
    bound: int,
    result: Any,  # noqa: ANN401  CTranslate2's, which is untyped
) -> Decoded:
    """In a batch a text may have grown beyond its own bound; alone it would have been cut."""
    tokens = result.sequences_ids[0]
    # CTranslate2 gives the mean over the text (of nothing, not a number); the end counts as well.
    likelihood = result.scores[0] * len(tokens) / (len(tokens) + 1) if tokens else 0.0
    text = tokenizer.decode(tokens[:bound]).strip()
    return Decoded(
        text=text,
        language=tokenizer.language_code,
        likelihood=likelihood,
        no_speech=result.no_speech_prob,
        tokens=len(tokens),
        cut=len(tokens) >= bound,
        voiced=not text or voiced(utterance.audio),
    )
