"""Whisper through faster-whisper and CTranslate2, from a directory on disk, never from a hub."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.engines import INPUT_RATE, Transcript
from appliance.engines.pieces import loudness, pieces
from appliance.engines.whisper_files import check_directory
from appliance.engines.worker import Lane
from appliance.errors import EngineFailed, ModelBroken, ModelMissing

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_LONGEST_PIECE, _CUT_WITHIN = 28.0, 5.0
"""Seconds; Whisper's window is 30, and it would cut there in the middle of a word."""
_SHORTEST: Final = 0.1
"""Seconds; nobody says anything in less."""
_QUIETEST: Final = 10 ** (-60 / 20)
"""Full scale is 1; below this, Whisper has nothing to hear and a lot to imagine."""
_TOKENS_A_SECOND, _MOST_TOKENS = 10, 300
"""Twice as many as the fastest speakers need; it bounds what a repeating model costs."""
_NO_SPEECH, _UNLIKELY, _REPETITIVE = 0.6, -0.8, 2.4
"""A segment that is probably no speech and unlikely as text, or that compresses like a loop, is
imagined. OpenAI's own bounds, but for the likelihood (-1), which lets "Thank you." through."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one window came to; `weight` is its number of tokens."""

    text: str
    language: str
    likelihood: float
    weight: int


class Whisper:
    """A Transcriber on one Whisper model, which all sessions share."""

    def __init__(self, lane: Lane, model: "WhisperModel", name: str) -> None:
        """Made by `load`."""
        self._lane = lane
        self._model: WhisperModel | None = model
        self._name = name

    @classmethod
    async def load(
        cls, directory: Path, device: str = "auto", compute_type: str = "auto", threads: int = 0
    ) -> "Whisper":
        """The engine, warm: it has transcribed before this returns.

        `device` is cuda, cpu or auto; `compute_type` one of CTranslate2's or auto; `threads` is
        for the CPU (0: CTranslate2's default). Raises ModelMissing or ModelBroken naming the
        file, or EngineFailed where the device cannot run the model.
        """
        lane = Lane("whisper")
        try:
            model, name = await lane.run(_load, directory, device, compute_type, threads)
        except BaseException:
            await lane.close()
            raise
        return cls(lane, model, name)

    @property
    def name(self) -> str:
        return self._name

    async def transcribe(self, audio: bytes, language: str = "en") -> Transcript:
        """One utterance to text; `language` "auto" lets the model tell. Raises EngineFailed."""
        heard = [
            await self._lane.run(self._decode, piece, None if language == "auto" else language)
            for piece in pieces(audio, _LONGEST_PIECE, _CUT_WITHIN)
            if len(piece) >= _SHORTEST * INPUT_RATE * 2 and loudness(piece) >= _QUIETEST
        ]
        spoken = [piece for piece in heard if piece.text]
        if not spoken:
            return Transcript("", "en" if language == "auto" else language, 0.0)
        weight = sum(piece.weight for piece in spoken)
        likelihood = sum(piece.likelihood * piece.weight for piece in spoken) / weight
        text = " ".join(piece.text for piece in spoken)
        return Transcript(text, spoken[0].language, min(1.0, math.exp(likelihood)))

    def _decode(self, audio: bytes, language: str | None) -> _Piece:
        if self._model is None:
            raise EngineFailed(f"{self._name} is closed")
        return _transcribe(self._model, audio, language)

    async def close(self) -> None:
        await self._lane.close()
        self._model = None


def _load(
    directory: Path, device: str, compute_type: str, threads: int
) -> "tuple[WhisperModel, str]":
    check_directory(directory)
    # Every file is there, so nothing would be fetched; this makes sure of it.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Imported here: these libraries take a second and 100 MB, and importing does nothing.
    import ctranslate2
    from faster_whisper import WhisperModel

    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    try:
        model = WhisperModel(
            str(directory), device=device, compute_type=compute_type, cpu_threads=threads
        )
        _check_bands(directory, model)
        _transcribe(model, _warm_up_noise(), "en")
    except (RuntimeError, ValueError) as error:
        raise _explained(directory, device, compute_type, error) from error
    return model, f"whisper {directory.name} {model.model.compute_type} {device}"


def _explained(
    directory: Path, device: str, compute_type: str, error: Exception
) -> EngineFailed | ModelBroken:
    what = str(error)
    blamed = ("cuda", "cublas", "cudnn", "compute type", "out of memory")
    if any(word in what.lower() for word in blamed):
        return EngineFailed(
            f"Whisper cannot run as {compute_type} on {device}: {what}",
            advice='Set stt.device = "cpu" or another stt.compute_type, or a smaller stt.model.',
        )
    return ModelBroken(f"{directory / 'model.bin'} cannot be loaded: {what}")


def _check_bands(directory: Path, model: "WhisperModel") -> None:
    """A large-v3 hears 128 mel bands, and says so in a file that is easily left behind."""
    wanted, given = model.model.n_mels, model.feature_extractor.mel_filters.shape[0]
    if wanted == given:
        return
    file = directory / "preprocessor_config.json"
    if not file.is_file():
        raise ModelMissing(f"{file} is missing, and this model cannot do without it")
    raise ModelBroken(f"{file} promises {given} mel bands, the model hears {wanted}")


def _warm_up_noise() -> bytes:
    import numpy as np

    noise = np.random.default_rng(0).normal(0, 300, INPUT_RATE)
    return noise.astype("<i2").tobytes()


def _transcribe(model: "WhisperModel", audio: bytes, language: str | None) -> _Piece:
    """One window of at most 30 s, greedily, on an engine thread."""
    import numpy as np

    samples = np.frombuffer(audio, dtype="<i2").astype(np.float32) / 32768
    tokens = 8 + round(_TOKENS_A_SECOND * samples.size / INPUT_RATE)
    segments, info = model.transcribe(
        samples,
        language=language,
        beam_size=1,
        best_of=1,
        temperature=0.0,
        without_timestamps=True,
        condition_on_previous_text=False,
        max_new_tokens=min(tokens, _MOST_TOKENS),
        log_prob_threshold=None,
        compression_ratio_threshold=None,
        no_speech_threshold=None,
    )
    # The work happens while the generator is consumed.
    believed = [segment for segment in segments if not _imagined(segment)]
    return _Piece(
        text=" ".join(segment.text.strip() for segment in believed).strip(),
        language=info.language,
        likelihood=_mean([segment.avg_logprob for segment in believed]),
        weight=max(1, sum(len(segment.tokens) for segment in believed)),
    )


def _imagined(segment: Any) -> bool:  # noqa: ANN401  faster-whisper's Segment, which is untyped
    silent = segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _UNLIKELY
    return bool(silent or segment.compression_ratio > _REPETITIVE)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
