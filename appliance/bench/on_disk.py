"""The models that the plan would choose, as files that anybody can load."""

from pathlib import Path

from appliance.bench.contenders import BenchSetup, Weights
from appliance.config.loader import PREFIX, load
from appliance.errors import ApplianceError
from appliance.hardware import planner


def weights(named: dict[str, str], around: BenchSetup) -> Weights:
    """The first choices for hearing and speaking, with `named` settings over the configuration.

    Raises ApplianceError where one of them is no Whisper or no Kokoro.
    """
    config = load(around.files, {**around.environ, **{PREFIX + k: v for k, v in named.items()}})
    plan = planner.plan_for(config)
    ear, mouth = plan.stt.rungs[0], plan.tts.rungs[0]
    if (ear.engine, mouth.engine) != ("whisper", "kokoro"):
        raise ApplianceError(
            "a Whisper and a Kokoro are needed to measure against Pipecat's services",
            advice="Fetch them with `appliance models pull`, or name them with --stt-model, "
            "--tts-model and --tts-voices.",
        )
    directory = config.models.directory
    model = directory / mouth.model  # an absolute path stays one
    model = model if model.suffix == ".onnx" else model.with_name(f"{model.name}.onnx")
    return Weights(
        whisper=directory / ear.model,
        kokoro=model,
        voices=_voices(model, directory, config.tts.voices),
        voice=config.tts.voice,
        device=ear.device,
        compute_type=ear.compute_type,
    )


def _voices(model: Path, directory: Path, configured: str) -> Path:
    if configured != "auto":
        return directory / configured
    return next(iter(sorted(model.parent.glob("voices*.bin"))), model.with_name("voices-v1.0.bin"))
