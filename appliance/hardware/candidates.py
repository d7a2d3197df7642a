"""Engine options: each way to run Whisper, Kokoro and Piper on a machine, best first. Pure.

Memory is not counted here; `plan.py` takes of the options those that fit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance.config.loader import Config
from appliance.hardware.detect import Hardware
from appliance.hardware.gpu_support import GpuSupport
from appliance.hardware.model_profiles import (
    WHISPER,
    WhisperModel,
    kokoro_memory,
    kokoro_real_time_factor,
    piper_language,
    piper_memory,
    whisper_memory,
)
from appliance.languages import table

_CPU_TYPES = ("int8", "float32")
# float32 is the only Kokoro with GPU kernels throughout. On a CPU, int8 comes first: its published
# graph can be split, so that a sentence is heard before it is finished, and in parts it takes half
# the time of the whole graph. As published, it takes a fifth to a third less than float32 on one
# Xeon with AVX-512 VNNI, and a seventh more on another.
# So the order is fixed. Timing both at the first start would take the memory of both and seconds
# of a small board, and the result would depend on whatever else runs at that moment.
_KOKORO_CPU = ("kokoro-v1.0.int8", "kokoro-v1.0", "kokoro-v1.0.fp16")
KOKORO_GPU = "kokoro-v1.0"

_TOO_SLOW: Final = 0.9
"""A voice with this real-time factor or more cannot keep up: what else runs needs a tenth."""
_PIPER_QUALITIES: Final = ("medium", "high", "low", "x_low")
"""Best first: "high" sounds little better than "medium" and takes several times as long."""

_MAX_THREADS = 8  # more of them gain nothing for a short utterance


@dataclass(frozen=True, slots=True)
class EngineOption:
    """One way to run an engine.

    `device` is cuda or cpu; `memory` is an estimate in bytes; `reason` says why it was taken.
    `model` and `compute_type` are empty where the engine has only one.
    """

    engine: str
    model: str
    device: str
    compute_type: str
    threads: int
    memory: int
    reason: str


def whisper_options(
    hardware: Hardware, config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]
) -> Iterator[EngineOption]:
    """The options for Whisper: the best model that is fast enough, then ever smaller ones.

    `on_disk` maps models to bytes of weights.
    """
    if config.stt.engine in ("sphinx", "timed"):
        return
    threads = config.stt.threads or _threads(hardware)
    for model, reason in _whisper_models(config, on_disk):
        for device, kind in _devices(config, gpu):
            if model.work > capacity(hardware, device) and not reason:
                continue
            yield EngineOption(
                engine="whisper",
                model=model.name,
                device=device,
                compute_type=kind,
                threads=threads if device == "cpu" else 1,
                memory=whisper_memory(model.bytes, device, kind),
                reason=reason,
            )


def with_reasons(
    taken: Sequence[EngineOption], options: Sequence[EngineOption]
) -> Iterator[EngineOption]:
    """The options that were taken of all `options`, each with a reason."""
    above: EngineOption | None = None
    for option in taken:
        reason = option.reason or (
            _reason(option, above) if above else _reason_for_first(option, options[0])
        )
        yield replace(option, reason=reason)
        above = option


def _reason_for_first(first: EngineOption, best: EngineOption) -> str:
    where = "GPU" if first.device == "cuda" else "processor"
    if first != best:
        return f"the best that fits into memory; {_label(best)} does not"
    if first.engine == "kokoro":
        return f"the natural voice, on the {where}"
    if first.engine == "piper":
        return f"the best voice on disk, on the {where}"
    return f"the best on disk with which this {where} answers in time"


def _reason(option: EngineOption, above: EngineOption) -> str:
    """The reason for an option, given the one above it."""
    if above.device != option.device and option.device == "cpu":
        return "if the GPU fails"
    if above.model == option.model:
        return f"if {above.compute_type} fails"
    if option.engine == "piper":
        return "a quicker voice, if Kokoro fails"
    # Whisper's options are in the order of their size, Kokoro's in that of their speed.
    if option.engine == "whisper" or option.memory < above.memory:
        return "smaller, if memory or time is short"
    return f"if {_label(above)} fails"


def _label(option: EngineOption) -> str:
    return " ".join(filter(None, (option.model, option.compute_type, option.device)))


def _whisper_models(
    config: Config, on_disk: Mapping[str, int]
) -> Iterator[tuple[WhisperModel, str]]:
    """The models to consider, each with its reason if the configuration names it."""
    named, least_work = config.stt.model, float("inf")
    if named != "auto" and named in on_disk:
        known = WHISPER.get(named) or WhisperModel(named, on_disk[named], 0, 0.0)
        least_work = known.work or least_work
        yield known, "named in the configuration"
    for model in models_by_quality(config.stt.language):
        if model.name in on_disk and model.work < least_work:
            yield model, ""
            least_work = model.work


def models_by_quality(language: str) -> list[WhisperModel]:
    """The known models for a language, best first."""
    fitting = [model for model in WHISPER.values() if language == "en" or not model.english]
    return sorted(fitting, key=lambda model: -model.quality)


def _devices(config: Config, gpu: GpuSupport) -> Iterator[tuple[str, str]]:
    """Devices and compute types, fastest first, that the configuration allows."""
    chosen = config.stt.compute_type
    if gpu.stt_types and config.stt.device != "cpu":
        for kind in gpu.stt_types:
            if chosen in ("auto", kind):
                yield "cuda", kind
    for kind in _CPU_TYPES:
        if chosen in ("auto", kind) or chosen not in _CPU_TYPES:
            yield "cpu", kind


def capacity(hardware: Hardware, device: str) -> float:
    """The most work (see WhisperModel) with which an answer still comes in time: an estimate.

    On Jetson boards the size of the memory indicates the class of the GPU.
    """
    if device == "cuda":
        if not hardware.is_jetson:
            return 30.0
        sizes = ((6, 1.0), (12, 3.5), (24, 13.0))
        return next((work for size, work in sizes if hardware.memory_total < size * 1e9), 30.0)
    cores = hardware.cores if hardware.architecture == "x86_64" else hardware.cores / 2
    limits = ((2, 0.5), (6, 1.0), (12, 2.5), (24, 3.5))
    return next((work for count, work in limits if cores < count), 6.0)


def voice_options(
    hardware: Hardware, config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]
) -> Iterator[EngineOption]:
    """The options for Kokoro and Piper, best first. `on_disk` maps models to bytes of weights.

    Piper comes behind Kokoro; it comes before a Kokoro that cannot keep up, where tts.prefer is
    "speed", and where Kokoro does not speak the configured language. A model that the configuration
    names is the only one.
    """
    named = config.tts.model
    if named != "auto" and named in on_disk:
        on_disk = {named: on_disk[named]}
    kokoro = list(kokoro_options(hardware, config, gpu, on_disk))
    first, reason = kokoro, ""
    if config.tts.prefer == "speed":
        first, reason = [], "the quicker voice, as tts.prefer says"
    elif not table.kokoro_speaks(spoken_language(config)):
        first, reason = [], "Kokoro does not speak the language"
    elif not kokoro_keeps_up(hardware, config):
        first = [option for option in kokoro if option.device == "cuda"]
        reason = "the quicker voice: Kokoro cannot keep up on this processor"
    yield from first
    yield from piper_options(hardware, config, on_disk, reason if kokoro else "")
    yield from (option for option in kokoro if option not in first)


def kokoro_keeps_up(hardware: Hardware, config: Config) -> bool:
    """Whether Kokoro, on the processor, speaks quickly enough: an estimate."""
    threads = _voice_threads(hardware, config)
    return kokoro_real_time_factor(hardware.architecture, threads) < _TOO_SLOW


def kokoro_options(
    hardware: Hardware, config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]
) -> Iterator[EngineOption]:
    """The options for Kokoro, fastest first. `on_disk` maps models to bytes of weights."""
    if config.tts.engine not in ("auto", "kokoro"):
        return
    threads = _voice_threads(hardware, config)
    named = config.tts.model
    if named != "auto" and named in on_disk:
        if config.tts.engine == "auto" and _piper_language(named):
            return
        reason = "named in the configuration"
        if gpu.tts and ".int8" not in named and ".fp16" not in named:
            yield EngineOption(
                "kokoro", named, "cuda", "float32", 1, kokoro_memory(on_disk[named]), reason
            )
        yield EngineOption(
            "kokoro", named, "cpu", "", threads, kokoro_memory(on_disk[named]), reason
        )
        return
    if gpu.tts and KOKORO_GPU in on_disk:
        memory = kokoro_memory(on_disk[KOKORO_GPU])
        yield EngineOption("kokoro", KOKORO_GPU, "cuda", "float32", 1, memory, "")
    for model in _KOKORO_CPU:
        if model in on_disk:
            memory = kokoro_memory(on_disk[model])
            yield EngineOption("kokoro", model, "cpu", _precision(model), threads, memory, "")


def piper_options(
    hardware: Hardware, config: Config, on_disk: Mapping[str, int], reason: str
) -> Iterator[EngineOption]:
    """The option for Piper, with the `reason`, if a voice for the language is on disk.

    A voice speaks one language, the one in its name; without a setting that is English.
    """
    if config.tts.engine not in ("auto", "piper"):
        return
    named = config.tts.model
    if named != "auto" and named in on_disk:
        voices = [named] if config.tts.engine == "piper" or _piper_language(named) else []
        reason = "named in the configuration"
    else:
        best = best_piper_voice(on_disk, spoken_language(config))
        voices = [best] if best else []
    # The others are no help where one fails, and a change of the voice.
    for voice in sorted(voices, key=_piper_preference)[:1]:
        threads = _voice_threads(hardware, config)
        memory = piper_memory(on_disk[voice])
        yield EngineOption("piper", voice, "cpu", "", threads, memory, reason)


def spoken_language(config: Config) -> str:
    """The language of a session that asks for none, English where it is detected."""
    return table.ENGLISH if config.stt.language == table.AUTO else config.stt.language


def best_piper_voice(names: Iterable[str], language: str) -> str:
    """The best of these Piper voices for a language; "" where none is for it."""
    fitting = [name for name in names if piper_language(name) == language]
    return min(fitting, key=_piper_preference, default="")


def _piper_preference(name: str) -> tuple[int, str]:
    quality = name.rpartition("-")[2]
    place = _PIPER_QUALITIES.index(quality) if quality in _PIPER_QUALITIES else 0
    return place, name


def _piper_language(model: str) -> str:
    """The language of a Piper voice that the configuration gives as a name or a path."""
    return piper_language(Path(model).name.removesuffix(".onnx"))


def _voice_threads(hardware: Hardware, config: Config) -> int:
    return config.tts.threads or _threads(hardware)


def _precision(model: str) -> str:
    return {"fp16": "float16", "int8": "int8"}.get(model.rpartition(".")[2], "float32")


def _threads(hardware: Hardware) -> int:
    """All cores of a small machine; on a larger one, one is left to the event loop."""
    if hardware.cores <= 2:
        return hardware.cores
    return min(hardware.cores - 1, _MAX_THREADS)
