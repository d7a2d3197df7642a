"""The large engines on an NVIDIA GPU, of random weights, alone: what a turn waits for there."""

from appliance.bench import engine_bench
from appliance.bench.contenders import BenchSetup
from appliance.bench.models import VOICE, Workshop
from appliance.bench.recordings import SENTENCES, sentences
from appliance.bench.results import EngineResult, heard_result, spoken_result
from appliance.config.loader import PREFIX, Config, load
from appliance.hardware import planner
from appliance.hardware.plan import Plan

MODELS = ("large-v3-turbo", "large-v3")
PRECISIONS = ("float16", "int8_float16")


async def measure(workshop: Workshop, around: BenchSetup) -> tuple[list[EngineResult], list[str]]:
    """Whisper's time to a transcript and Kokoro's to its first clause; and what was not measured.

    Raises ApplianceError where the models cannot be made or loaded.
    """
    found, notes = [], []
    said = sentences(SENTENCES)
    for name in MODELS:
        directory = await workshop.need_whisper(name, "float16", around.tell)
        for precision in PRECISIONS:
            around.tell(f"whisper {name} {precision} on the GPU")
            settings = {
                "STT__ENGINE": "whisper",
                "STT__MODEL": str(directory),
                "STT__DEVICE": "cuda",
                "STT__COMPUTE_TYPE": precision,
            }
            plan, config = _planned(settings, around)
            if plan.stt.rungs[0].device == "cuda":
                found.append(heard_result(await engine_bench.hear(plan, config, said)))
            else:
                notes.append(f"whisper {name} {precision} was not measured: {plan.accelerator}")
    await workshop.need_kokoro(around.tell)
    around.tell("kokoro on the GPU")
    settings = {"TTS__ENGINE": "kokoro", "TTS__MODEL": str(workshop.kokoro), "TTS__VOICE": VOICE}
    plan, config = _planned(settings, around)
    if plan.tts.rungs[0].device == "cuda":
        clauses = [sentence.text for sentence in said]
        found.append(spoken_result(await engine_bench.speak(plan, config, clauses)))
    else:
        notes.append(f"kokoro float32 was not measured: {plan.accelerator}")
    return found, notes


def _planned(settings: dict[str, str], around: BenchSetup) -> tuple[Plan, Config]:
    environ = {**around.environ, **{PREFIX + key: value for key, value in settings.items()}}
    config = load(around.files, environ)
    return planner.plan_for(config), config
