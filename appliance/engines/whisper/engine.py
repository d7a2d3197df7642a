"""Whisper as a transcriber: faster-whisper and CTranslate2, from a directory on disk only.

An utterance is decoded in a window little longer than itself, greedily and in one batch with
whatever else waits, and again with several beams where the text looks doubtful (`window.py`).
"""

import json
import math
import os
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.audio.format import INPUT_RATE
from appliance.audio.split import loudness, pieces
from appliance.engines import Priority, Ticket, Transcript
from appliance.engines.whisper.decoder import AudioWindow, WhisperDecoder
from appliance.engines.whisper.window import (
    BEAMS,
    FULL_WINDOW,
    MIN_WINDOW,
    DecodedWindow,
    better,
    is_hallucinated,
    next_window,
    window_seconds,
)
from appliance.engines.worker import WorkerPool
from appliance.errors import EngineFailed, ModelBroken, ModelMissing

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_LONGEST_PIECE, _CUT_WITHIN = 28.0, 5.0
"""Seconds. Whisper's window is 30 s and would cut longer audio in the middle of a word."""
_SHORTEST: Final = 0.1
"""Seconds. No word is shorter."""
_QUIETEST: Final = 10 ** (-60 / 20)
"""-60 dB of full scale; what is quieter only makes Whisper hallucinate."""
_REQUIRED_FILES: Final = ("config.json", "model.bin", "tokenizer.json")
"""Without tokenizer.json, faster-whisper would ask a hub for one."""
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_SPECIFICATION: Final = b"WhisperSpec"
_DEVICE_FAULTS: Final = ("cuda", "cublas", "cudnn", "compute type", "out of memory")
"""Words of CTranslate2's errors that blame the device, not the file."""


class Whisper:
    """A Transcriber on one Whisper model, which all sessions share."""

    supports_interim = True

    def __init__(
        self,
        workers: WorkerPool,
        decoder: WhisperDecoder,
        name: str,
        min_window: float = MIN_WINDOW,
    ) -> None:
        """Called by `load`."""
        self._workers = workers
        self._decoder: WhisperDecoder | None = decoder
        self._name = name
        self._min_window = min_window

    @classmethod
    async def load(
        cls,
        directory: Path,
        device: str = "auto",
        compute_type: str = "auto",
        threads: int = 0,
        *,
        hot_words: Sequence[str] = (),
        min_window: float = MIN_WINDOW,
    ) -> "Whisper":
        """Loads a model and warms it up with one transcription.

        `device` is cuda, cpu or auto; `compute_type` one of CTranslate2's or auto; `threads` is
        for the CPU (0: CTranslate2's default). `hot_words` are names to expect, the likeliest
        first; those beyond some 50 words are ignored. `min_window` is the shortest encoder window
        in seconds; 30 always uses the full one. Raises ModelMissing or ModelBroken naming the
        file, or EngineFailed where the device cannot run the model.
        """
        workers = WorkerPool("whisper")
        min_window = max(1.0, min(FULL_WINDOW, min_window))
        async with workers.close_on_failure():
            decoder, name = await workers.run(
                load_decoder, directory, device, compute_type, threads, hot_words, min_window
            )
        return cls(workers, decoder, name, min_window)

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_idle(self) -> bool:
        return self._workers.is_idle

    @property
    def stuck_seconds(self) -> float:
        return self._workers.stuck_seconds

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        """Transcribes one utterance; with language "auto" the model detects it.

        Raises EngineFailed.
        """
        asked = None if language == "auto" else language
        decoded = [
            await self._decode_piece(piece, asked, ticket)
            for piece in pieces(audio, _LONGEST_PIECE, _CUT_WITHIN)
            if len(piece) >= _SHORTEST * INPUT_RATE * 2 and loudness(piece) >= _QUIETEST
        ]
        windows = tuple(window for part in decoded for window in part.windows)
        retries = len(windows) - len(decoded)
        spoken = [part for part in decoded if part.text and not is_hallucinated(part)]
        if not spoken:
            return Transcript("", asked or "en", 0.0, windows, retries)
        tokens = sum(part.tokens for part in spoken)
        likelihood = sum(part.likelihood * part.tokens for part in spoken) / tokens
        text = " ".join(part.text for part in spoken)
        confidence = min(1.0, math.exp(likelihood))
        return Transcript(text, spoken[0].language, confidence, windows, retries)

    async def _decode_piece(
        self, audio: bytes, language: str | None, ticket: Ticket | None
    ) -> DecodedWindow:
        length = window_seconds(len(audio) / 2 / INPUT_RATE, self._min_window)
        best = await self._decode_window(AudioWindow(audio, language, length), ticket)
        tried = [length]
        while (window := next_window(best, tried)) is not None:
            if ticket is not None and ticket.priority is Priority.LATER:
                # Another pass takes several times as long, and a partial transcript that is left
                # out does no harm.
                best = replace(best, text="")
                break
            again = await self._decode_window(AudioWindow(audio, language, window, BEAMS), ticket)
            best = better(best, again)
            tried.append(window)
        return replace(best, windows=tuple(tried))

    async def _decode_window(self, window: AudioWindow, ticket: Ticket | None) -> DecodedWindow:
        if window.window_seconds < FULL_WINDOW:
            group = window.window_seconds, window.beams
            return await self._workers.run_batched(self._decode, window, group, ticket)
        # Full windows are no faster in a batch than one by one.
        return (await self._workers.run(self._decode, [window], ticket=ticket))[0]

    def _decode(self, windows: Sequence[AudioWindow]) -> list[DecodedWindow]:
        if self._decoder is None:
            raise EngineFailed(f"{self._name} is closed")
        decoded = self._decoder.decode(windows, self._workers.is_abandoned)
        if any(math.isnan(each.likelihood) for each in decoded):
            # A GPU with corrupted memory decodes everything to "!!!!" without an error.
            raise EngineFailed(f"{self._name} produces no text that makes sense")
        return decoded

    async def close(self) -> None:
        await self._workers.close()
        self._decoder = None


def load_decoder(
    directory: Path,
    device: str,
    compute_type: str,
    threads: int,
    hot_words: Sequence[str],
    min_window: float,
) -> tuple[WhisperDecoder, str]:
    """The decoder of a model, warmed up, and its name for the user. Blocks for seconds.

    Arguments and errors are those of `Whisper.load`.
    """
    check_directory(directory)
    # All files are there, so nothing would be fetched; this makes sure of it.
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
        _check_mel_bands(directory, model)
        decoder = WhisperDecoder(model, hot_words)
        # The full window first: it needs as much memory as there will ever be needed.
        for window in (FULL_WINDOW, min_window):
            decoder.decode([AudioWindow(_noise(), "en", window)])
    except (RuntimeError, ValueError) as error:
        raise _translate(directory, device, compute_type, error) from error
    return decoder, f"whisper {directory.name} {model.model.compute_type} {device}"


def _translate(
    directory: Path, device: str, compute_type: str, error: Exception
) -> EngineFailed | ModelBroken:
    cause = str(error)
    if any(word in cause.lower() for word in _DEVICE_FAULTS):
        return EngineFailed(
            f"Whisper cannot run as {compute_type} on {device}: {cause}",
            advice='Set stt.device = "cpu" or another stt.compute_type, or a smaller stt.model.',
        )
    return ModelBroken(f"{directory / 'model.bin'} cannot be loaded: {cause}")


def _check_mel_bands(directory: Path, model: "WhisperModel") -> None:
    """Checks the number of mel bands: a large-v3 needs 128, and the small file that says so is
    easily left out of a copy."""
    wanted, given = model.model.n_mels, model.feature_extractor.mel_filters.shape[0]
    if wanted == given:
        return
    file = directory / "preprocessor_config.json"
    if not file.is_file():
        raise ModelMissing(f"{file} is missing, and this model cannot do without it")
    raise ModelBroken(f"{file} promises {given} mel bands, the model hears {wanted}")


def _noise() -> bytes:
    import numpy as np

    noise = np.random.default_rng(0).normal(0, 300, INPUT_RATE)
    return noise.astype("<i2").tobytes()


def check_directory(directory: Path) -> None:
    """Checks that faster-whisper can load the directory without fetching anything.

    Reads the small files and the head of the large one, in milliseconds. Raises ModelMissing or
    ModelBroken, naming the file and what is wrong with it.
    """
    if not directory.is_dir():
        raise ModelMissing(f"there is no Whisper model in {directory}")
    for name in _REQUIRED_FILES:
        if not (directory / name).is_file():
            raise ModelMissing(f"{directory / name} is missing")
    if not any((directory / name).is_file() for name in _VOCABULARIES):
        raise ModelMissing(f"{directory} has neither {' nor '.join(_VOCABULARIES)}")
    for file in sorted(directory.glob("*.json")):
        _check_json(file)
    _check_tokenizer(directory / "tokenizer.json")
    _check_weights(directory / "model.bin")


def _check_json(file: Path) -> None:
    try:
        json.loads(file.read_bytes())
    except OSError as error:
        raise ModelBroken(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelBroken(f"{file} is not JSON: {error}") from error


def _check_tokenizer(file: Path) -> None:
    import tokenizers  # here, because importing the package loads nothing heavy

    try:
        tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception, and nothing else
        raise ModelBroken(f"{file} is no tokenizer: {error}") from error


def _check_weights(file: Path) -> None:
    """Checks the head of a CTranslate2 file: a version and the name of the kind of model."""
    try:
        with file.open("rb") as opened:
            head = opened.read(64)
    except OSError as error:
        raise ModelBroken(f"{file} cannot be read: {error.strerror}") from error
    if len(head) < 6:
        raise ModelBroken(f"{file} is cut off after {len(head)} bytes")
    _version, length = struct.unpack_from("<IH", head)
    name = head[6 : 6 + length].rstrip(b"\0")
    if name != _SPECIFICATION:
        raise ModelBroken(f"{file} is no Whisper model in CTranslate2's form")
