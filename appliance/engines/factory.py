"""The plan's choices as loaders. Engines are imported when they are loaded, not before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from appliance.config.loader import Config
from appliance.engines import E, Synthesizer, Transcriber
from appliance.engines.ladder import EngineLoader
from appliance.hardware import sysfs
from appliance.hardware.candidates import EngineOption
from appliance.hardware.memory_pressure import MemoryPool
from appliance.hardware.plan import Plan

# The smallest published Whisper has 75 MB. What is smaller never learnt to take a hint, and hears
# worse for it.
_LEAST_TO_TAKE_HINTS = 70_000_000


def transcribers(
    plan: Plan, config: Config, grammar: str | Callable[[], str], hot_words: Sequence[str] = ()
) -> list[EngineLoader[Transcriber]]:
    """The plan's ladder for hearing; `grammar` is, or tells, what the starter engine listens for.

    `hot_words` are names that the others may expect, the likeliest first.
    """
    # Each decoder costs 95 MB; two let a second speaker be heard while the first still is.
    decoders = min(2, plan.hardware.cores)
    return [
        _placed(_transcriber(rung, config, grammar, decoders, hot_words), rung, plan)
        for rung in plan.stt.rungs
    ]


def synthesizers(plan: Plan, config: Config) -> list[EngineLoader[Synthesizer]]:
    """The plan's ladder for speaking."""
    return [_placed(_synthesizer(rung, config), rung, plan) for rung in plan.tts.rungs]


def _placed(candidate: EngineLoader[E], rung: EngineOption, plan: Plan) -> EngineLoader[E]:
    """With the memory that it will take, and where."""
    own = rung.device == "cuda" and plan.hardware.gpu_memory is not None
    return replace(candidate, memory=rung.memory, pool=MemoryPool.GPU if own else MemoryPool.HOST)


def _transcriber(
    rung: EngineOption,
    config: Config,
    grammar: str | Callable[[], str],
    decoders: int,
    hot_words: Sequence[str],
) -> EngineLoader[Transcriber]:
    async def whisper() -> Transcriber:
        from appliance.engines.whisper.engine import Whisper

        directory = _named(rung.model, config.models.directory)
        return await Whisper.load(
            *(directory, rung.device, rung.compute_type, rung.threads),
            hot_words=hints(config, directory, hot_words),
        )

    async def sphinx() -> Transcriber:
        from appliance.engines.sphinx.engine import Sphinx

        return await Sphinx.load(grammar, threads=decoders)

    async def timed() -> Transcriber:
        from appliance.engines.simulated import SimulatedTranscriber, duration

        return SimulatedTranscriber(duration(rung.model))

    if rung.engine == "whisper":
        return EngineLoader(_title(rung), whisper)
    if rung.engine == "timed":
        return EngineLoader(f"timed {rung.model}", timed)
    return EngineLoader("sphinx", sphinx)


def _synthesizer(rung: EngineOption, config: Config) -> EngineLoader[Synthesizer]:
    async def kokoro() -> Synthesizer:
        from appliance.engines.kokoro.engine import Kokoro

        model = _named(rung.model, config.models.directory)
        model = model if model.suffix == ".onnx" else model.with_name(f"{model.name}.onnx")
        return await Kokoro.load(
            model,
            _voices(model, config),
            rung.device,
            rung.threads,
            phrase_bytes=config.tts.phrase_cache_mb * 1_000_000,
        )

    async def espeak() -> Synthesizer:
        from appliance.engines.espeak.engine import Espeak

        return await Espeak.load()

    async def timed() -> Synthesizer:
        from appliance.engines.simulated import SimulatedSynthesizer, duration

        return SimulatedSynthesizer(duration(rung.model))

    if rung.engine == "kokoro":
        return EngineLoader(_title(rung), kokoro)
    if rung.engine == "timed":
        return EngineLoader(f"timed {rung.model}", timed)
    return EngineLoader("espeak", espeak)


def hints(config: Config, directory: Path, hot_words: Sequence[str]) -> Sequence[str]:
    """The hot words that a Whisper model is given: none where it is too small to use them, or
    where they are not wanted."""
    large = sysfs.size(directory / "model.bin") >= _LEAST_TO_TAKE_HINTS
    return hot_words if config.stt.hot_words and large else ()


def _named(model: str, directory: Path) -> Path:
    """A model is a path of its own, or a name in the models directory."""
    path = Path(model)
    return path if path.is_absolute() else directory / model


def _voices(model: Path, config: Config) -> Path:
    """The configured voices file, or the one beside the model."""
    if config.tts.voices != "auto":
        return _named(config.tts.voices, config.models.directory)
    beside = sorted(model.parent.glob("voices*.bin"))
    return beside[0] if beside else model.with_name("voices-v1.0.bin")


def _title(rung: EngineOption) -> str:
    name = Path(rung.model).name.removesuffix(".onnx")
    return " ".join(part for part in (rung.engine, name, rung.compute_type, rung.device) if part)
