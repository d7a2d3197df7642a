"""A Whisper model from a directory to a device, checked and warm."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audio.format import INPUT_RATE
from appliance.engines.whisper.decoder import AudioWindow, WhisperDecoder
from appliance.engines.whisper.whisper_files import check_directory
from appliance.engines.whisper.window import FULL
from appliance.errors import EngineFailed, ModelBroken, ModelMissing

if TYPE_CHECKING:
    from faster_whisper import WhisperModel


def load(
    directory: Path,
    device: str,
    compute_type: str,
    threads: int,
    hot_words: Sequence[str],
    floor: float,
) -> tuple[WhisperDecoder, str]:
    """The model and what to call it. It has transcribed before this returns.

    Raises ModelMissing or ModelBroken naming the file, or EngineFailed where the device cannot
    run the model.
    """
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
        decoder = WhisperDecoder(model, hot_words)
        # The full window first: what it needs of memory is the most that will be needed.
        for window in (FULL, floor):
            decoder.decode([AudioWindow(_noise(), "en", window)])
    except (RuntimeError, ValueError) as error:
        raise _explained(directory, device, compute_type, error) from error
    return decoder, f"whisper {directory.name} {model.model.compute_type} {device}"


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


def _noise() -> bytes:
    import numpy as np

    noise = np.random.default_rng(0).normal(0, 300, INPUT_RATE)
    return noise.astype("<i2").tobytes()
