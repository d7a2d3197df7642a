"""What could listen and speak, best first, before memory is counted. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.config.loader import Config
from appliance.hardware.detect import Hardware
from appliance.hardware.gpu_support import GpuSupport
from appliance.hardware.model_profiles import WHISPER, WhisperModel, kokoro_memory, whisper_memory

_CPU_TYPES = ("int8", "float32")
# float32 is the only Kokoro with GPU kernels throughout. On a CPU int8 saves memory, not time: on
# a Xeon with AVX-512 VNNI, made for int8, 1 s of speech costs 1.03 s of a core, as float32 0.89 s.
# So the order is fixed. Trying both at the first start would take the memory of both, seconds of
# a small board, and a verdict from whatever else was running just then.
_KOKORO_CPU = ("kokoro-v1.0", "kokoro-v1.0.int8", "kokoro-v1.0.fp16")
KOKORO_GPU = "kokoro-v1.0"

_MOST_THREADS = 8  # beyond this the engines gain nothing from a short utterance


@dataclass(frozen=True, slots=True)
class EngineOption:
    """One choice: `device` is cuda or cpu; `memory` is the estimate in bytes.

    `model` and `compute_type` are empty where the engine has no choice of them.
    """

    engine: str
    model: str
    device: str
    compute_type: str
    threads: int
    memory: int
    reason: str


def whisper_rungs(
    hardware: Hardware, config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]
) -> Iterator[EngineOption]:
    """What Whisper could run as: the best model that is fast enough, then ever smaller ones."""
    if config.stt.engine in ("sphinx", "timed"):
        return
    threads = config.stt.threads or _threads(hardware)
    for model, named in _whisper_models(config, on_disk):
        for device, kind in _devices(config, gpu):
            if model.work > capacity(hardware, device) and not named:
                continue
            yield EngineOption(
                engine="whisper",
                model=model.name,
                device=device,
                compute_type=kind,
                threads=threads if device == "cpu" else 1,
                memory=whisper_memory(model.bytes, device, kind),
                reason=named,
            )


def reasoned(
    taken: Sequence[EngineOption], candidates: Sequence[EngineOption]
) -> Iterator[EngineOption]:
    """The rungs that were taken of the candidates, each with its reason if it had none."""
    above: EngineOption | None = None
    for rung in taken:
        why = rung.reason or (_why(rung, above) if above else _why_first(rung, candidates[0]))
        yield replace(rung, reason=why)
        above = rung


def _why_first(rung: EngineOption, best: EngineOption) -> str:
    where = "GPU" if rung.device == "cuda" else "processor"
    if rung != best:
        return f"the best that fits into memory; {_told(best)} does not"
    if rung.engine == "kokoro":
        return f"the natural voice, on the {where}"
    return f"the best on disk with which this {where} answers in time"


def _why(rung: EngineOption, above: EngineOption) -> str:
    """The reason for a rung, given the one above it."""
    if above.device != rung.device and rung.device == "cpu":
        return "if the GPU fails"
    if above.model == rung.model:
        return f"if {above.compute_type} fails"
    # Whisper's follow each other by size; Kokoro's by how fast they are.
    if rung.engine == "whisper" or rung.memory < above.memory:
        return "smaller, for want of memory or time"
    return f"if {_told(above)} fails"


def _told(rung: EngineOption) -> str:
    return f"{rung.model} {rung.compute_type} {rung.device}"


def _whisper_models(
    config: Config, on_disk: Mapping[str, int]
) -> Iterator[tuple[WhisperModel, str]]:
    """The models to consider, with the reason for one that somebody named."""
    named, least = config.stt.model, float("inf")
    if named != "auto" and named in on_disk:
        known = WHISPER.get(named) or WhisperModel(named, on_disk[named], 0, 0.0)
        least = known.work or least
        yield known, "named in the configuration"
    for model in ranked(config.stt.language):
        if model.name in on_disk and model.work < least:
            yield model, ""
            least = model.work


def ranked(language: str) -> list[WhisperModel]:
    """The known models for a language, the best first."""
    fitting = [model for model in WHISPER.values() if language == "en" or not model.english]
    return sorted(fitting, key=lambda model: -model.quality)


def _devices(config: Config, gpu: GpuSupport) -> Iterator[tuple[str, str]]:
    """Devices and compute types, fastest first, as far as the configuration leaves a choice."""
    chosen = config.stt.compute_type
    if gpu.types and config.stt.device != "cpu":
        for kind in gpu.types:
            if chosen in ("auto", kind):
                yield "cuda", kind
    for kind in _CPU_TYPES:
        if chosen in ("auto", kind) or chosen not in _CPU_TYPES:
            yield "cpu", kind


def capacity(hardware: Hardware, device: str) -> float:
    """The most work (see WhisperModel) with which an answer still comes in time: an estimate.

    On Jetson boards the size of the memory tells the class of the GPU.
    """
    if device == "cuda":
        if not hardware.is_jetson:
            return 30.0
        sizes = ((6, 1.0), (12, 3.5), (24, 13.0))
        return next((work for size, work in sizes if hardware.memory_total < size * 1e9), 30.0)
    cores = hardware.cores if hardware.architecture == "x86_64" else hardware.cores / 2
    limits = ((2, 0.5), (6, 1.0), (12, 2.5), (24, 3.5))
    return next((work for count, work in limits if cores < count), 6.0)


def kokoro_rungs(
    hardware: Hardware, config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]
) -> Iterator[EngineOption]:
    """What Kokoro could run as."""
    if config.tts.engine in ("espeak", "timed"):
        return
    threads = config.tts.threads or _threads(hardware)
    named = config.tts.model
    if named != "auto" and named in on_disk:
        why = "named in the configuration"
        if gpu.speaks and ".int8" not in named and ".fp16" not in named:
            yield EngineOption(
                "kokoro", named, "cuda", "float32", 1, kokoro_memory(on_disk[named]), why
            )
        yield EngineOption("kokoro", named, "cpu", "", threads, kokoro_memory(on_disk[named]), why)
        return
    if gpu.speaks and KOKORO_GPU in on_disk:
        memory = kokoro_memory(on_disk[KOKORO_GPU])
        yield EngineOption("kokoro", KOKORO_GPU, "cuda", "float32", 1, memory, "")
    for model in _KOKORO_CPU:
        if model in on_disk:
            memory = kokoro_memory(on_disk[model])
            yield EngineOption("kokoro", model, "cpu", _precision(model), threads, memory, "")


def _precision(model: str) -> str:
    return {"fp16": "float16", "int8": "int8"}.get(model.rpartition(".")[2], "float32")


def _threads(hardware: Hardware) -> int:
    """All cores of a small machine; of a larger one all but one, which turns the event loop."""
    if hardware.cores <= 2:
        return hardware.cores
    return min(hardware.cores - 1, _MOST_THREADS)
