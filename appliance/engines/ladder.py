"""The plan's choices as loaders. Engines are imported when they are loaded, not before."""

from pathlib import Path

from appliance.config import Config
from appliance.engines import Synthesizer, Transcriber
from appliance.engines.roster import Candidate
from appliance.hardware.plan import Plan
from appliance.hardware.rungs import Rung


def transcribers(plan: Plan, config: Config, grammar: str) -> list[Candidate[Transcriber]]:
    """The plan's ladder for hearing; `grammar` is what the starter engine listens for."""
    # Each decoder costs 95 MB; two let a second speaker be heard while the first still is.
    decoders = min(2, plan.hardware.cores)
    return [_transcriber(rung, config, grammar, decoders) for rung in plan.stt.rungs]


def synthesizers(plan: Plan, config: Config) -> list[Candidate[Synthesizer]]:
    """The plan's ladder for speaking."""
    return [_synthesizer(rung, config) for rung in plan.tts.rungs]


def _transcriber(rung: Rung, config: Config, grammar: str, decoders: int) -> Candidate[Transcriber]:
    async def whisper() -> Transcriber:
        from appliance.engines.whisper import Whisper

        directory = _named(rung.model, config.models.directory)
        return await Whisper.load(directory, rung.device, rung.compute_type, rung.threads)

    async def sphinx() -> Transcriber:
        from appliance.engines.sphinx import Sphinx

        return await Sphinx.load(grammar, threads=decoders)

    if rung.engine == "whisper":
        return Candidate(_title(rung), whisper)
    return Candidate("sphinx", sphinx)


def _synthesizer(rung: Rung, config: Config) -> Candidate[Synthesizer]:
    async def kokoro() -> Synthesizer:
        from appliance.engines.kokoro import Kokoro

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
        from appliance.engines.espeak import Espeak

        return await Espeak.load()

    if rung.engine == "kokoro":
        return Candidate(_title(rung), kokoro)
    return Candidate("espeak", espeak)


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


def _title(rung: Rung) -> str:
    name = Path(rung.model).name.removesuffix(".onnx")
    return " ".join(part for part in (rung.engine, name, rung.compute_type, rung.device) if part)
