"""Measures the large models on an NVIDIA GPU, with random weights, without turns."""

from appliance.bench import engine_bench
from appliance.bench.contenders import BenchSetup
from appliance.bench.models import VOICE, RandomModels
from appliance.bench.recordings import SENTENCES, load_recordings
from appliance.bench.results import EngineResult, synthesis_result, transcription_result
from appliance.config.layers import PREFIX
from appliance.config.loader import Config, load
from appliance.hardware import planner
from appliance.hardware.plan import Plan

MODELS = ("large-v3-turbo", "large-v3")
PRECISIONS = ("float16", "int8_float16")


async def measure_large_models(
    models: RandomModels, setup: BenchSetup
) -> tuple[list[EngineResult], list[str]]:
    """Results of Whisper's transcription and Kokoro's synthesis, and notes on what was left out.

    Raises ApplianceError where the models cannot be made or loaded.
    """
    found, notes = [], []
    recordings = load_recordings(SENTENCES)
    for name in MODELS:
        directory = await models.ensure_whisper(name, "float16", setup.progress)
        for precision in PRECISIONS:
            setup.progress(f"whisper {name} {precision} on the GPU")
            settings = {
                "STT__ENGINE": "whisper",
                "STT__MODEL": str(directory),
                "STT__DEVICE": "cuda",
                "STT__COMPUTE_TYPE": precision,
            }
            plan, config = _plan_with(settings, setup)
            if plan.stt.options[0].device == "cuda":
                found.append(
                    transcription_result(await engine_bench.measure_stt(plan, config, recordings))
                )
            else:
                notes.append(f"whisper {name} {precision} was not measured: {plan.accelerator}")
    await models.ensure_kokoro(setup.progress)
    setup.progress("kokoro on the GPU")
    settings = {"TTS__ENGINE": "kokoro", "TTS__MODEL": str(models.kokoro), "TTS__VOICE": VOICE}
    plan, config = _plan_with(settings, setup)
    if plan.tts.options[0].device == "cuda":
        clauses = [recording.text for recording in recordings]
        found.append(synthesis_result(await engine_bench.measure_tts(plan, config, clauses)))
    else:
        notes.append(f"kokoro float32 was not measured: {plan.accelerator}")
    return found, notes


def _plan_with(settings: dict[str, str], setup: BenchSetup) -> tuple[Plan, Config]:
    environ = {**setup.environ, **{PREFIX + key: value for key, value in settings.items()}}
    config = load(setup.files, environ)
    return planner.plan_for(config), config
