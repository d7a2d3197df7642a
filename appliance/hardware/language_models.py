"""Language models that the appliance can run itself: memory, speed, place in the plan. Pure.

A model takes its file, a cache of keys and values for every token of its context, and work space.
Its speed is that with which its weights can be read, as every token reads all of them; what a
trial on this very machine has measured counts more than that estimate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.config.loader import Config
from appliance.hardware.detect import Hardware

MB: Final = 10**6
LEAST_TOKENS_PER_SECOND: Final = 10.0
"""Twice what somebody who speaks needs, since ears and voice take their share meanwhile."""
_ESTIMATE_RESERVE: Final = 1.4
"""For what the estimate does not know: other programs, and a memory that is slower than most."""
CONTEXTS: Final = (8192, 4096)
"""Tokens that the server keeps in mind; with fewer, tools and a short conversation do not fit."""

_WORK_SPACE: Final = {"cpu": 300 * MB, "cuda": 550 * MB}
_CORE_BANDWIDTH: Final = {"x86_64": 7.5e9, "aarch64": 3.5e9}
"""Bytes per second that one core reads: 270 M parameters in 253 MB give 60 tokens on two cores."""
_PROCESSOR_BANDWIDTH: Final = {"x86_64": 30e9, "aarch64": 10e9}
"""What all cores of a small machine read together, which is the memory's limit."""
_CARD_BANDWIDTH: Final = 250e9
_JETSON_BANDWIDTH: Final = ((12e9, 38e9), (24e9, 55e9))
"""By the size of the memory, which indicates the class of the board; measured on an Orin Nano."""
_LARGE_JETSON_BANDWIDTH: Final = 110e9
_FEWEST_CORES: Final = 3
"""On two, the model keeps the ears waiting, unless a trial has shown otherwise."""


@dataclass(frozen=True, slots=True)
class KnownLanguageModel:
    """A known model. `token_bytes` is what one token of context takes; a higher quality is better.

    Quality 0 is never chosen by itself. A `reasoning` model thinks before it answers unless it is
    told not to.
    """

    name: str
    bytes: int
    quality: int
    token_bytes: int
    reasoning: bool = False


LANGUAGE_MODELS: Mapping[str, KnownLanguageModel] = {
    model.name: model
    for model in (
        KnownLanguageModel("Qwen3-8B", 5_027_783_488, 40, 147_456, reasoning=True),
        KnownLanguageModel("Qwen3-4B-Instruct-2507", 2_497_280_736, 30, 147_456),
        KnownLanguageModel("Qwen3-1.7B", 1_107_409_472, 20, 114_688, reasoning=True),
        KnownLanguageModel("Qwen3-0.6B", 639_446_688, 10, 114_688, reasoning=True),
        KnownLanguageModel("Qwen2.5-Coder-0.5B-Instruct", 491_400_064, 0, 12_288),
    )
}
_UNKNOWN_TOKEN_BYTES: Final = 147_456


@dataclass(frozen=True, slots=True)
class LanguageModelOption:
    """One way to run a language model; `model` is its name or its path.

    `memory` is an estimate in bytes, `tokens_per_second` one too unless it was `measured`.
    """

    model: str
    device: str
    threads: int
    context: int
    memory: int
    tokens_per_second: float
    measured: bool
    reason: str


def language_model_memory(size: int, token_bytes: int, context: int, device: str) -> int:
    """Estimated bytes that a model of `size` bytes takes with that many tokens of context."""
    return size + token_bytes * context + _WORK_SPACE[device]


def estimated_tokens_per_second(hardware: Hardware, device: str, threads: int, size: int) -> float:
    """Tokens per second of a model of `size` bytes, as far as reading its weights allows."""
    if device == "cuda":
        bandwidth = _CARD_BANDWIDTH
        if hardware.is_jetson:
            total = hardware.memory_total
            limits = (read for limit, read in _JETSON_BANDWIDTH if total < limit)
            bandwidth = next(limits, _LARGE_JETSON_BANDWIDTH)
    else:
        slowest = min(_CORE_BANDWIDTH.values())
        cores = threads * _CORE_BANDWIDTH.get(hardware.architecture, slowest)
        bandwidth = min(cores, _PROCESSOR_BANDWIDTH.get(hardware.architecture, 10e9))
    return bandwidth / size if size else 0.0


def llm_threads(hardware: Hardware) -> int:
    """All cores but one, which is left to the event loop and the ears."""
    return max(1, min(hardware.cores - 1, 8))


def language_model_options(
    hardware: Hardware,
    config: Config,
    device: str,
    on_disk: Mapping[str, int],
    measured: Mapping[str, float],
) -> Iterator[LanguageModelOption]:
    """The options, best first: each model with a long context, then with a short one.

    `on_disk` maps models to the bytes of their files, `measured` those with a trial to their
    tokens per second. A model that is too slow is left out unless `llm.model` names it.
    """
    if config.llm.provider != "auto":
        return
    threads = config.llm.threads or llm_threads(hardware)
    for model, named in _models(config, on_disk):
        speed = measured.get(model.name)
        estimate = estimated_tokens_per_second(hardware, device, threads, model.bytes)
        if not named and not _is_quick_enough(hardware, device, speed, estimate):
            continue
        for context in CONTEXTS:
            yield LanguageModelOption(
                model=model.name,
                device=device,
                threads=threads,
                context=context,
                memory=language_model_memory(model.bytes, model.token_bytes, context, device),
                tokens_per_second=round(speed if speed is not None else estimate, 1),
                measured=speed is not None,
                reason="named in the configuration" if named else "",
            )


def _models(
    config: Config, on_disk: Mapping[str, int]
) -> Iterator[tuple[KnownLanguageModel, bool]]:
    named = config.llm.model
    if named:
        if named in on_disk:
            unknown = KnownLanguageModel(
                named, on_disk[named], 0, _UNKNOWN_TOKEN_BYTES, reasoning=True
            )
            yield LANGUAGE_MODELS.get(named, unknown), True
        return
    for model in models_by_quality():
        if model.name in on_disk:
            yield model, False


def models_by_quality() -> list[KnownLanguageModel]:
    """The models that may be chosen, best first."""
    chosen = [model for model in LANGUAGE_MODELS.values() if model.quality]
    return sorted(chosen, key=lambda model: -model.quality)


def _is_quick_enough(
    hardware: Hardware, device: str, measured: float | None, estimate: float
) -> bool:
    if measured is not None:
        return measured >= LEAST_TOKENS_PER_SECOND
    if device == "cpu" and hardware.cores < _FEWEST_CORES:
        return False
    return estimate >= _ESTIMATE_RESERVE * LEAST_TOKENS_PER_SECOND


@dataclass(frozen=True, slots=True)
class LanguageServer:
    """What can run a model here: llama.cpp's program, or `xllamacpp` in this environment.

    `command` is the path of llama-server, or "xllamacpp"; empty where there is neither. `gpu` says
    whether it is built for the GPU of this machine. `measured` are the tokens per second that
    models had in their trials with it.
    """

    command: str = ""
    gpu: bool = False
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedLanguageModel:
    """The options for the managed model, best first; none where there is none to run.

    `better` says in one line what a model, or a better one, would need.
    """

    options: tuple[LanguageModelOption, ...] = ()
    better: str = 'llm.provider = "auto"'


def plan_language_model(
    hardware: Hardware,
    config: Config,
    on_disk: Mapping[str, int],
    server: LanguageServer,
    room: Callable[[str], int],
) -> PlannedLanguageModel:
    """Plans the managed model with what ears and voice leave: `room` gives the bytes by device."""
    if config.llm.provider != "auto":
        return PlannedLanguageModel()
    device = "cuda" if server.gpu else "cpu"
    options = [
        option
        for option in language_model_options(hardware, config, device, on_disk, server.measured)
        if option.memory <= room(device) and server.command
    ]
    better = _better(hardware, config, on_disk, server, options, room(device))
    return PlannedLanguageModel(tuple(_with_reasons(options)), better)


def _with_reasons(options: Sequence[LanguageModelOption]) -> Iterator[LanguageModelOption]:
    above: LanguageModelOption | None = None
    for option in options:
        reason = option.reason or "the best on disk that fits and is quick enough"
        if above:
            shorter = above.model == option.model
            reason = "with less context" if shorter else "a smaller model"
            reason += ", if memory is short"
        yield replace(option, reason=reason)
        above = option


def _better(
    hardware: Hardware,
    config: Config,
    on_disk: Mapping[str, int],
    server: LanguageServer,
    chosen: Sequence[LanguageModelOption],
    room: int,
) -> str:
    """What a language model, or a better one, would need."""
    named = config.llm.model
    if named and named not in on_disk:
        return f"{named} needs `appliance models pull {named}`"
    device = "cuda" if server.gpu else "cpu"
    available = {model.name: model.bytes for model in models_by_quality()} | dict(on_disk)
    possible = list(language_model_options(hardware, config, device, available, server.measured))
    if not possible:
        return (
            "a language model needs a usable GPU or more processor cores to answer in time;"
            " llm.model names one all the same"
        )
    if not server.command:
        return "a language model needs a server: xllamacpp in this environment, or llama-server"
    fitting = [option for option in possible if option.memory <= room]
    if not fitting:
        least = min(possible, key=lambda option: option.memory)
        return f"{least.model} needs {(least.memory - room) // MB + 1} MB more memory"
    best = fitting[0]
    if best.model not in on_disk:
        return f"{best.model} needs `appliance models pull {best.model}`"
    return "nothing: it is the best that fits here" if chosen else "a model on disk"
