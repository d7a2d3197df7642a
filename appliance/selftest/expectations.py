"""Judges an engine by the plan: is it the planned one, on the planned device, fast enough?

The real-time factors (time taken as a share of the length of the speech) are upper bounds, from
published figures of Orin boards (Whisper small 0.44 s and Kokoro 0.6 s for a sentence on the GPU,
three to five times that on its processor) and from x86 measurements. A GPU that is slower than
this is most likely a processor under another name.
"""

from dataclasses import dataclass

from appliance.selftest.check import Verdict
from appliance.selftest.context import CheckContext
from appliance.selftest.engine_probe import PlannedEngine

MAX_REAL_TIME_FACTOR = {
    ("whisper", "cuda"): 0.5,
    ("whisper", "cpu"): 1.0,
    ("kokoro", "cuda"): 0.5,
    ("kokoro", "cpu"): 1.0,
    ("piper", "cpu"): 0.5,
    ("sphinx", "cpu"): 0.5,
    ("espeak", "cpu"): 0.2,
}
DEFAULT_REAL_TIME_FACTOR = 1.0  # of an engine that is not in the table

# Milliseconds that each engine may take of a turn, beside the silence that ends the turn.
STT_BUDGET_MS = {
    ("whisper", "cuda"): 500,
    ("whisper", "cpu"): 1200,
    ("sphinx", "cpu"): 300,
}
TTS_BUDGET_MS = {
    ("kokoro", "cuda"): 500,
    ("kokoro", "cpu"): 1500,
    ("piper", "cpu"): 700,
    ("espeak", "cpu"): 150,
}
DEFAULT_STT_BUDGET_MS, DEFAULT_TTS_BUDGET_MS = 1200, 1500
DECISION_BUDGET_MS = 150  # to decide that the turn has ended and that a tool answers it

_SLOW_ADVICE = (
    "Test again when nobody talks to it and nothing else runs. If it stays slow, choose a faster"
    " power mode or a smaller model; `appliance plan` shows the choices."
)
_QUICKER_VOICE_ADVICE = (
    "Test again when nobody talks to it and nothing else runs. If it stays slow, let Piper speak:"
    ' `appliance models pull en_US-joe-medium`, and tts.prefer = "speed" in the configuration.'
)
_NO_GPU_ADVICE = (
    "The GPU builds of the engines are missing or were overwritten by those for the processor"
    " (any `pip install -U` may do that). Install them again with the installer, restart the"
    " appliance and look for errors in `journalctl -u voice-appliance`."
)


@dataclass(frozen=True, slots=True)
class EngineAssessment:
    """The verdict on an engine. `message` continues a sentence that names it and its time."""

    verdict: Verdict = Verdict.OK
    message: str = ""
    advice: str = ""

    @property
    def is_problem(self) -> bool:
        return self.verdict is not Verdict.OK


def assess_engine(
    planned: PlannedEngine, name: str, factor: float, context: CheckContext, *, busy: bool
) -> EngineAssessment:
    """Compares the engine `name`, which ran at the real-time factor `factor`, with the plan.

    On a `busy` machine, a slow engine is a warning and no failure.
    """
    engine, device = engine_and_device(name)
    if planned.device == "cuda" and device != "cuda":
        reason = f": {planned.error}" if planned.error else ""
        return EngineAssessment(
            Verdict.FAILURE,
            f", on the processor though the plan says GPU{reason}",
            planned.advice or _NO_GPU_ADVICE,
        )
    if planned.loading:
        return EngineAssessment(
            Verdict.WARNING,
            f", standing in while {planned.engine} {planned.model} loads",
            "Wait a minute and test again; a large model from a slow disk takes that long.",
        )
    if engine != planned.engine or planned.error:
        return EngineAssessment(
            Verdict.WARNING,
            f", in place of {planned.engine}: {planned.error or 'it failed'}",
            planned.advice or "See `journalctl -u voice-appliance` for why it failed.",
        )
    return _assess_speed(planned, name, factor, context, busy)


def _assess_speed(
    planned: PlannedEngine, name: str, factor: float, context: CheckContext, busy: bool
) -> EngineAssessment:
    _, device = engine_and_device(name)
    limit = max_real_time_factor(name)
    # A slow processor is merely slow; a GPU that is slow is not at work.
    verdict = rate_duration(factor, limit, excused=device == "cpu" or busy)
    if verdict is not Verdict.OK and device == "cuda":
        return EngineAssessment(
            verdict,
            f", as slow as a processor: a GPU takes {limit:.0%} at most",
            f"The GPU may not do the work. {_NO_GPU_ADVICE}"
            if verdict is Verdict.FAILURE
            else _SLOW_ADVICE,
        )
    if verdict is not Verdict.OK:
        return EngineAssessment(
            verdict,
            f", slower than the {limit:.0%} that keep a talk going",
            _QUICKER_VOICE_ADVICE if planned.engine == "kokoro" else _SLOW_ADVICE,
        )
    if device == "cpu" and context.hardware.gpu and planned.device == "cpu":
        return EngineAssessment(
            Verdict.WARNING,
            f", and the GPU is not used ({planned.accelerator})",
            f"For the next better choice: {planned.better}. `appliance plan` says more.",
        )
    return EngineAssessment(message=", on the processor" if device == "cpu" else ", on the GPU")


def engine_and_device(name: str) -> tuple[str, str]:
    """("whisper", "cuda") of "whisper small.en float16 cuda"; starter engines name no device."""
    parts = name.split()
    device = parts[-1] if parts and parts[-1] in ("cuda", "cpu") else "cpu"
    return (parts[0] if parts else "", device)


def max_real_time_factor(name: str) -> float:
    """The real-time factor that the engine of that name may reach."""
    return MAX_REAL_TIME_FACTOR.get(engine_and_device(name), DEFAULT_REAL_TIME_FACTOR)


def stage_budgets(stt: str, tts: str, hold_ms: float) -> dict[str, float]:
    """Milliseconds from the end of speech to the end of each stage, at most, for two engines.

    `hold_ms` is the silence after which a turn may end; every turn spends it. The stages are
    those of the turn_timings event; a tool answers, so the model's first token is not among them.
    """
    transcription = hold_ms + STT_BUDGET_MS.get(engine_and_device(stt), DEFAULT_STT_BUDGET_MS)
    endpointing = transcription + DECISION_BUDGET_MS
    synthesis = TTS_BUDGET_MS.get(engine_and_device(tts), DEFAULT_TTS_BUDGET_MS)
    return {
        "transcription": transcription,
        "endpointing": endpointing,
        "first_audio": endpointing + synthesis,
    }


def rate_duration(taken: float, limit: float, *, excused: bool = False) -> Verdict:
    """A warning above the limit; a failure above twice the limit, unless `excused`."""
    if taken <= limit:
        return Verdict.OK
    return Verdict.WARNING if excused or taken <= 2 * limit else Verdict.FAILURE
