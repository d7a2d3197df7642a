"""Model profiles: quality, cost and memory of the known Whisper, Kokoro and Piper models.

Whisper weights are stored as float16, so the file's size is that of the float16 weights, and half
of it that of int8. The rest (CUDA context and libraries, work space) is an estimate until it is
measured on a board, and errs on the large side.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MB = 10**6

# Runtime libraries and work space, on top of the weights.
_GPU_OVERHEAD = 550 * MB
_CPU_OVERHEAD = 200 * MB
# Bytes of memory for each byte of float16 weights, by compute type; work space grows with them.
_WEIGHTS = {"float32": 2.4, "float16": 1.25, "int8_float16": 0.7, "int8_float32": 0.75, "int8": 0.7}


@dataclass(frozen=True, slots=True)
class WhisperModel:
    """A Whisper variant; an `english` one knows no other language.

    Higher `quality` is preferred; turbo stands above large-v3, as it is nearly as accurate in half
    the time. `work` is the cost of a transcription relative to base.
    """

    name: str
    bytes: int
    quality: int
    work: float
    english: bool = False


@dataclass(frozen=True, slots=True)
class KokoroModel:
    """A Kokoro file. All precisions sound nearly alike; they differ in where they are fast."""

    name: str
    bytes: int
    memory: int


# `work` follows the number of parameters in the encoder and of decoder layers; turbo and the
# distilled models have a large encoder with a small decoder, and cost little per word.
WHISPER: Mapping[str, WhisperModel] = {
    model.name: model
    for model in (
        WhisperModel("tiny", 75_538_270, 10, 0.5),
        WhisperModel("tiny.en", 75_537_502, 12, 0.5, english=True),
        WhisperModel("base", 145_217_532, 20, 1.0),
        WhisperModel("base.en", 145_216_508, 22, 1.0, english=True),
        WhisperModel("small", 483_546_902, 30, 3.5),
        WhisperModel("distil-small.en", 332_308_257, 31, 2.5, english=True),
        WhisperModel("small.en", 483_545_366, 32, 3.5, english=True),
        WhisperModel("medium", 1_527_906_378, 40, 12.0),
        WhisperModel("distil-medium.en", 788_826_555, 41, 6.0, english=True),
        WhisperModel("medium.en", 1_527_904_330, 42, 12.0, english=True),
        WhisperModel("distil-large-v3", 1_512_927_867, 50, 12.0, english=True),
        WhisperModel("distil-large-v3.5", 1_512_927_867, 51, 12.0, english=True),
        WhisperModel("large-v3-turbo", 1_617_884_929, 61, 13.0),
        WhisperModel("large-v3", 3_087_284_237, 60, 30.0),
    )
}

KOKORO: Mapping[str, KokoroModel] = {
    model.name: model
    for model in (
        KokoroModel("kokoro-v1.0", 325_532_387, 1000 * MB),
        KokoroModel("kokoro-v1.0.fp16", 177_464_787, 950 * MB),
        KokoroModel("kokoro-v1.0.int8", 92_361_271, 800 * MB),
    )
}


def whisper_memory(weights: int, device: str, compute_type: str) -> int:
    """Estimated bytes that a Whisper model takes at work; `weights` is its size on disk."""
    overhead = _GPU_OVERHEAD if device == "cuda" else _CPU_OVERHEAD
    return overhead + round(weights * _WEIGHTS[compute_type])


def kokoro_memory(size: int) -> int:
    """Estimated bytes that any Kokoro model takes at work; `size` is that of its file."""
    known = next((model.memory for model in KOKORO.values() if model.bytes == size), 0)
    return known or 600 * MB + round(size * 1.25)


_PIPER_NAME: Final = re.compile(r"([a-z]{2,3})_[A-Z]{2}-\w+-(x_low|low|medium|high)")
"""Piper voices are named by language, country, speaker and quality: "en_US-joe-medium"."""


def piper_language(name: str) -> str:
    """The language of a Piper voice ("en"); "" where the name is not that of a Piper voice."""
    named = _PIPER_NAME.fullmatch(name)
    return named[1] if named else ""


def piper_memory(size: int) -> int:
    """Estimated bytes that a Piper voice takes at work; `size` is that of its file.

    A process with the 63 MB of en_US-joe-medium takes 380 MB after a sentence of ten seconds.
    """
    return 285 * MB + round(size * 1.5)


_KOKORO_CORE_SECONDS: Final = {"x86_64": 1.1, "aarch64": 4.1}
"""What one second of Kokoro's speech takes of one core: measured on a Xeon (0.68 on two cores),
and derived from the 1.54 that four cores of a Raspberry Pi 5 take."""
_SPEED_UP: Final = 0.7
"""With n threads it runs n to this power times as fast."""


def kokoro_real_time_factor(architecture: str, threads: int) -> float:
    """Estimated time that Kokoro takes on a processor, as a share of its speech's length."""
    cost = _KOKORO_CORE_SECONDS.get(architecture, max(_KOKORO_CORE_SECONDS.values()))
    return float(cost / threads**_SPEED_UP)


# Time by compute type, relative to the fastest on the same device. Kokoro's are those of a Xeon on
# which int8 takes 0.75 to 0.83 of the processor time of float32; on others it saves less.
_WHISPER_TIME = {
    "float16": 1.0, "int8_float16": 1.1, "int8_float32": 1.2, "int8": 1.0, "float32": 1.5,
}  # fmt: skip
_KOKORO_TIME = {"int8": 1.0, "float32": 1.25, "float16": 1.35}
_PIPER_SHARE: Final = 0.15
"""Piper's time for a second of speech as a share of Kokoro's: 0.17 of a core on the same Xeon."""


def whisper_cost(name: str, weights: int, compute_type: str) -> float:
    """Estimated work of a transcription, to compare models and types on one device.

    The unit is base on a GPU in float16 or on a processor in int8. Of an unknown model the size on
    disk, `weights`, is all there is to go by.
    """
    known = WHISPER.get(name)
    work = known.work if known else weights / WHISPER["base"].bytes
    return work * _WHISPER_TIME.get(compute_type, 1.0)


def voice_real_time_factor(
    engine: str, compute_type: str, architecture: str, threads: int, size: int = 0
) -> float:
    """Estimated time of Kokoro or Piper on a processor, as a share of its speech's length.

    `size` is that of the model's file: a smaller one than any released Kokoro takes less.
    """
    kokoro = kokoro_real_time_factor(architecture, threads)
    if engine == "piper":
        return kokoro * _PIPER_SHARE
    share = min(1.0, size / KOKORO["kokoro-v1.0.int8"].bytes) if size else 1.0
    return kokoro * _KOKORO_TIME.get(compute_type, 1.0) * share
