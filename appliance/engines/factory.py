"""Engine factory: the options of the plan as loaders, which import their engine when they run."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from appliance.config.loader import Config
from appliance.engines import E, Synthesizer, Transcriber, Voice
from appliance.engines.multilingual import Multilingual, Substitutes
from appliance.engines.slot import EngineLoader
from appliance.hardware import sysfs
from appliance.hardware.candidates import EngineOption, best_piper_voice
from appliance.hardware.memory_pressure import MemoryPool
from appliance.hardware.model_profiles import voice_real_time_factor, whisper_cost
from appliance.hardware.plan import Plan
from appliance.languages import table

_MIN_BYTES_FOR_HINTS = 70_000_000
"""The smallest published Whisper has 75 MB. Smaller ones were never trained with hints and become
less accurate by them."""


def transcriber_loaders(
    plan: Plan, config: Config, grammar: str | Callable[[], str], hot_words: Sequence[str] = ()
) -> list[EngineLoader[Transcriber]]:
    """Loaders of the plan's transcribers, best first.

    `grammar`, or what it returns, is what the starter engine listens for. `hot_words` are names
    that Whisper may expect, the likeliest first.
    """
    # Each decoder takes 95 MB; with two, a second speaker need not wait for the first.
    decoders = min(2, plan.hardware.cores)
    return [
        _with_estimates(
            _transcriber(option, config, grammar, decoders, hot_words), option, plan, config
        )
        for option in plan.stt.options
    ]


def synthesizer_loaders(plan: Plan, config: Config) -> list[EngineLoader[Synthesizer]]:
    """Loaders of the plan's synthesizers, best first."""
    return [
        _with_estimates(_synthesizer(option, config), option, plan, config)
        for option in plan.tts.options
    ]


def _with_estimates(
    loader: EngineLoader[E], option: EngineOption, plan: Plan, config: Config
) -> EngineLoader[E]:
    """The loader with what the plan knows of its engine: memory, device and work."""
    on_card = option.device == "cuda" and plan.hardware.has_own_gpu_memory
    pool = MemoryPool.GPU if on_card else MemoryPool.HOST
    cost = _cost(option, plan.hardware.architecture, config.models.directory)
    return replace(loader, memory=option.memory, pool=pool, cost=cost, device=option.device)


def _cost(option: EngineOption, architecture: str, directory: Path) -> float:
    """The work for a second of speech, to compare engines of one kind; 0 where nobody knows."""
    if option.engine == "whisper":
        weights = sysfs.size(_model_path(option.model, directory) / "model.bin")
        return whisper_cost(option.model, weights, option.compute_type)
    if option.engine in ("kokoro", "piper"):
        return voice_real_time_factor(
            option.engine, option.compute_type, architecture, option.threads
        )
    return 0.0


def _transcriber(
    option: EngineOption,
    config: Config,
    grammar: str | Callable[[], str],
    decoders: int,
    hot_words: Sequence[str],
) -> EngineLoader[Transcriber]:
    async def whisper() -> Transcriber:
        from appliance.engines.whisper.engine import Whisper

        directory = _model_path(option.model, config.models.directory)
        return await Whisper.load(
            *(directory, option.device, option.compute_type, option.threads),
            hot_words=hints(config, directory, hot_words),
        )

    async def sphinx() -> Transcriber:
        from appliance.engines.sphinx.engine import Sphinx

        return await Sphinx.load(grammar, threads=decoders)

    async def simulated() -> Transcriber:
        from appliance.engines.simulated import SimulatedTranscriber, duration

        return SimulatedTranscriber(duration(option.model))

    if option.engine == "whisper":
        return EngineLoader(_engine_name(option), whisper)
    if option.engine == "timed":
        return EngineLoader(f"timed {option.model}", simulated)
    return EngineLoader("sphinx", sphinx)


def _synthesizer(option: EngineOption, config: Config) -> EngineLoader[Synthesizer]:
    async def kokoro() -> Synthesizer:
        from appliance.engines.kokoro.engine import Kokoro

        model = _onnx_file(_model_path(option.model, config.models.directory))
        engine = await Kokoro.load(
            model,
            _voices(model, config),
            option.device,
            option.threads,
            phrase_bytes=config.tts.phrase_cache_mb * 1_000_000,
            calibrations=_cache_directory() / "kokoro",
            voice=first_voice(config),
        )
        return Multilingual(engine, table.kokoro_speaks, _substitutes(option, config))

    async def piper() -> Synthesizer:
        from appliance.engines.piper.engine import Piper

        model = _onnx_file(_model_path(option.model, config.models.directory))
        engine = await Piper.load(model, option.threads)
        return Multilingual(
            engine, lambda code: engine.language in ("", code), _substitutes(option, config)
        )

    async def espeak() -> Synthesizer:
        from appliance.engines.espeak.engine import Espeak

        return await Espeak.load()

    async def simulated() -> Synthesizer:
        from appliance.engines.simulated import SimulatedSynthesizer, duration

        return SimulatedSynthesizer(duration(option.model))

    if option.engine == "kokoro":
        return EngineLoader(_engine_name(option), kokoro)
    if option.engine == "piper":
        return EngineLoader(_engine_name(option), piper)
    if option.engine == "timed":
        return EngineLoader(f"timed {option.model}", simulated)
    return EngineLoader("espeak", espeak)


def first_voice(config: Config) -> Voice:
    """The voice of a session that asks for none, in the language that it begins with."""
    language = config.stt.language if config.stt.language != table.AUTO else table.ENGLISH
    name = config.tts.named_voice
    return Voice(name if table.fits(name, language) else "", language, config.tts.speed)


def _substitutes(option: EngineOption, config: Config) -> Substitutes:
    """The voices that speak the languages which the planned engine does not."""

    async def load_piper(model: Path) -> Synthesizer:
        from appliance.engines.piper.engine import Piper

        return await Piper.load(model, option.threads)

    async def load_espeak() -> Synthesizer:
        from appliance.engines.espeak.engine import Espeak

        return await Espeak.load()

    def find_piper(language: str) -> Path | None:
        directory = config.models.directory
        files = {
            file.name.removesuffix(".onnx"): file for file in sysfs.entries(directory, "*.onnx")
        }
        best = best_piper_voice(files, language)
        return files[best] if best else None

    return Substitutes(find_piper, load_piper, load_espeak)


def hints(config: Config, directory: Path, hot_words: Sequence[str]) -> Sequence[str]:
    """The hot words for a Whisper model: none where it is too small for them or they are off."""
    large = sysfs.size(directory / "model.bin") >= _MIN_BYTES_FOR_HINTS
    return hot_words if config.stt.hot_words and large else ()


def _model_path(model: str, directory: Path) -> Path:
    """The path of a model that the configuration gives as a path, or as a name."""
    path = Path(model)
    return path if path.is_absolute() else directory / model


def _onnx_file(model: Path) -> Path:
    return model if model.suffix == ".onnx" else model.with_name(f"{model.name}.onnx")


def _voices(model: Path, config: Config) -> Path:
    """The configured file of voices, or the one beside the model."""
    if config.tts.voices != "auto":
        return _model_path(config.tts.voices, config.models.directory)
    beside = sorted(model.parent.glob("voices*.bin"))
    return beside[0] if beside else model.with_name("voices-v1.0.bin")


def _cache_directory() -> Path:
    """Where what can be computed again is kept: the service's cache, else the user's."""
    if service := os.environ.get("CACHE_DIRECTORY"):
        return Path(service)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "voice-appliance"


def _engine_name(option: EngineOption) -> str:
    name = Path(option.model).name.removesuffix(".onnx")
    return " ".join(
        part for part in (option.engine, name, option.compute_type, option.device) if part
    )
