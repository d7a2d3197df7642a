"""The judgements of the checks of engines and of a whole turn. Pure."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.engines.probe import SynthesisProbe, TranscriptionProbe
from appliance.selftest import audio_level, expectations
from appliance.selftest.audio_level import AudioLevel
from appliance.selftest.check import Verdict
from appliance.selftest.checks import stt, tts
from appliance.selftest.checks.full_turn import SENTENCE, FullTurnCheck, SpokenTurn
from appliance.selftest.checks.stt import STTCheck
from appliance.selftest.checks.tts import TTSCheck
from appliance.selftest.context import CheckContext
from appliance.selftest.engine_probe import PlannedEngine
from appliance.selftest.expectations import assess_engine
from appliance.text.word_error_rate import error_rate
from tests.hardware import boards
from tests.selftest.conftest import MakeContext, bad, good

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("what time is it", "What time is it?", 0.0),
        ("what time is it", "what time was it", 0.25),
        ("what time is it", "time is it", 0.25),
        ("what time is it", "so what time is it now", 0.5),
        ("what time is it", "", 1.0),
        ("stop", "please do not stop", 3.0),
        ("", "", 0.0),
    ],
)
def test_the_word_error_rate(said: str, heard: str, rate: float) -> None:
    assert error_rate(said, heard) == rate


def tone(seconds: float, peak: int = 8000) -> bytes:
    wave = [round(peak * math.sin(n / 10)) for n in range(round(seconds * 24_000))]
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in wave)


@pytest.mark.parametrize(
    ("pcm", "fault"),
    [
        (tone(1.0), ""),
        (b"", "no sound"),
        (bytes(48_000), "silence"),
        (tone(0.1), "no plausible length"),
        (tone(9.0), "no plausible length"),
    ],
)
def test_silence_and_implausible_lengths_are_faults(pcm: bytes, fault: str) -> None:
    found = audio_level.measure(pcm).fault("what time is it")
    assert fault in found if fault else not found


def test_an_incomplete_sample_is_left_out() -> None:
    assert audio_level.measure(tone(1.0) + b"x").seconds == 1.0


def test_resampling_keeps_length_and_level() -> None:
    heard = audio_level.resample_to_input(tone(1.0))
    assert abs(len(heard) / 2 / 16_000 - 1.0) < 0.01
    assert audio_level.measure(heard, 16_000).peak > 7000


def test_real_time_factors_by_engine_name() -> None:
    assert expectations.engine_and_device("whisper small.en float16 cuda") == ("whisper", "cuda")
    assert expectations.engine_and_device("sphinx") == ("sphinx", "cpu")
    assert expectations.engine_and_device("") == ("", "cpu")


def test_stage_budgets_grow_and_are_smaller_on_a_gpu() -> None:
    gpu = expectations.stage_budgets("whisper x cuda", "kokoro x cuda", 200)
    cpu = expectations.stage_budgets("whisper x cpu", "kokoro x cpu", 200)
    assert all(gpu[stage] < cpu[stage] for stage in gpu)
    assert list(gpu.values()) == sorted(gpu.values())
    assert expectations.max_real_time_factor("whisper x cuda") < expectations.max_real_time_factor(
        "whisper x cpu"
    )
    assert expectations.max_real_time_factor("something new") > 0


@pytest.mark.parametrize(
    ("taken", "verdict"), [(1.0, OK), (1.01, WARNING), (2.0, WARNING), (2.01, FAILURE)]
)
def test_a_duration_over_twice_the_limit_is_a_failure(taken: float, verdict: Verdict) -> None:
    assert expectations.rate_duration(taken, 1.0) is verdict


GPU = PlannedEngine("whisper", "small.en", "cuda", "Orin GPU", "nothing")
CPU = PlannedEngine("whisper", "small.en", "cpu", "L4T 36.4.7 is bad", "another release")
STARTER = PlannedEngine("sphinx", "", "cpu", "no NVIDIA GPU was found", "base.en needs a pull")


@pytest.fixture
def jetson(tmp_path: Path, make_context: MakeContext) -> CheckContext:
    return make_context(boards.ORIN_NANO_SUPER.lay(tmp_path))


@pytest.mark.parametrize(
    ("planned", "name", "share", "verdict", "message", "advice"),
    [
        (GPU, "whisper small.en float16 cuda", 0.2, OK, "on the GPU", ""),
        (GPU, "whisper small.en float16 cuda", 0.8, WARNING, "slow as a processor", "power mode"),
        (GPU, "whisper small.en float16 cuda", 1.4, FAILURE, "slow as a processor", "GPU builds"),
        (GPU, "whisper small.en int8 cpu", 0.1, FAILURE, "though the plan says GPU", "GPU builds"),
        (
            replace(GPU, error="no CUDA in this build", advice="Install the wheels."),
            "sphinx",
            0.1,
            FAILURE,
            "GPU: no CUDA in this build",
            "Install the wheels.",
        ),
        (replace(CPU, loading=True), "sphinx", 0.1, WARNING, "standing in", "Wait"),
        (
            replace(CPU, error="model.bin is truncated", advice="Pull it."),
            "sphinx",
            0.1,
            WARNING,
            "in place of whisper: model.bin is truncated",
            "Pull it.",
        ),
        (CPU, "whisper small.en int8 cpu", 0.5, WARNING, "GPU is not used (L4T", "another release"),
        (CPU, "whisper small.en int8 cpu", 1.5, WARNING, "slower than", "power mode"),
        (CPU, "whisper small.en int8 cpu", 9.5, WARNING, "slower than", "power mode"),
    ],
)
def test_an_engine_is_assessed_by_plan_device_and_speed(
    jetson: CheckContext,
    planned: PlannedEngine,
    name: str,
    share: float,
    verdict: Verdict,
    message: str,
    advice: str,
) -> None:
    found = assess_engine(planned, name, share, jetson, busy=False)
    assert found.verdict is verdict
    assert message in found.message
    assert advice in found.advice
    assert bool(found.advice) is (verdict is not OK)


def test_on_a_busy_machine_a_slow_gpu_is_a_warning(jetson: CheckContext) -> None:
    assert assess_engine(GPU, "whisper x float16 cuda", 1.4, jetson, busy=True).verdict is WARNING


def test_without_a_gpu_the_processor_is_good(make_context: MakeContext) -> None:
    assert (
        assess_engine(STARTER, "sphinx", 0.1, make_context(), busy=False).message
        == ", on the processor"
    )


def test_a_wrong_transcript_is_a_warning(make_context: MakeContext) -> None:
    heard = TranscriptionProbe("sphinx", "cancel the timer", 0.1, 0.1)
    message, advice = bad(STTCheck().judge(STARTER, heard, make_context()), WARNING)
    assert "'cancel the timer' instead of 'what is the date today'" in message
    assert "better model" in advice
    understood = replace(heard, text=stt.SENTENCE)
    assert "100 ms" in good(STTCheck().judge(STARTER, understood, make_context()))


def test_a_silent_voice_is_a_failure(make_context: MakeContext) -> None:
    said = SynthesisProbe("kokoro x cpu", bytes(96_000), 0.1, 0.05)
    planned = replace(STARTER, engine="kokoro")
    message, advice = bad(TTSCheck().judge(planned, said, make_context()), FAILURE)
    assert "silence" in message
    assert "appliance models verify" in advice
    loud = replace(said, pcm=tone(2.0))
    assert "100 ms for 2.0 s" in good(TTSCheck().judge(planned, loud, make_context()))


def test_a_quicker_voice_is_recommended_where_kokoro_is_slow(make_context: MakeContext) -> None:
    said = SynthesisProbe("kokoro x cpu", tone(2.0), 3.0, 1.5)
    planned = replace(STARTER, engine="kokoro")
    _, advice = bad(TTSCheck().judge(planned, said, make_context()), WARNING)
    assert 'tts.prefer = "speed"' in advice
    slow = replace(said, engine="piper x cpu")
    _, advice = bad(
        TTSCheck().judge(replace(STARTER, engine="piper"), slow, make_context()), WARNING
    )
    assert "tts.prefer" not in advice


def test_the_synthesized_sentences_differ() -> None:
    assert len(set(tts.texts())) == tts.TIMES


STATUS = {
    "plan": {
        "accelerator": "none",
        "stt": {"rungs": [{"engine": "whisper", "model": "m", "device": "cpu"}], "better": "b"},
    },
    "engines": {},
}


@pytest.mark.parametrize(
    ("state", "loading", "error"),
    [
        ({}, True, ""),
        ({"state": "ready", "ladder": [{"state": "ready"}]}, False, ""),
        ({"state": "loading", "ladder": [{"state": "loading"}]}, True, ""),
        (
            {
                "state": "ready",
                "ladder": [{"state": "failed", "error": "broken", "advice": "pull"}],
            },
            False,
            "broken",
        ),
    ],
)
def test_the_state_of_the_planned_engine(
    state: dict[str, object], loading: bool, error: str
) -> None:
    found = PlannedEngine.from_status({**STATUS, "engines": {"stt": state}}, "stt")
    assert (found.engine, found.loading, found.error) == ("whisper", loading, error)
    assert bool(found.advice) is bool(error)


ANSWER = "It is seven minutes past ten in the morning."
TIMES = {"transcription": 400.0, "endpointing": 420.0, "first_audio": 500.0}
ALLOWED = {"transcription": 500.0, "endpointing": 650.0, "first_audio": 800.0}
TURN = SpokenTurn(
    "its own voice (kokoro x cpu)", "What time is it?", ANSWER, AudioLevel(3.0, 9000), TIMES, 510
)
MISHEARD = replace(TURN, heard="want dime his hat")
UNANSWERED = replace(TURN, heard="what time is", answer="Sorry, I did not catch that.")


def test_a_turn_in_order() -> None:
    message = good(FullTurnCheck().judge(TURN, ALLOWED, TURN))
    assert "its own voice" in message
    assert ANSWER in message
    assert "510 ms" in message


def test_a_turn_that_needs_the_recorded_voice() -> None:
    recorded = replace(TURN, voice="a recorded voice")
    message, advice = bad(FullTurnCheck().judge(recorded, ALLOWED, MISHEARD), WARNING)
    assert "a recorded voice" in message
    assert "its own voice (kokoro x cpu) was heard as 'want dime his hat'" in message
    assert "stt.model" in advice
    assert (
        "was heard as 'what time is' and answered 'Sorry,"
        in (bad(FullTurnCheck().judge(recorded, ALLOWED, UNANSWERED), WARNING)[0])
    )
    # eSpeak's voice is known to be hard to understand.
    robot = replace(MISHEARD, voice="its own voice (espeak)")
    assert "heard as 'want dime his hat'" in good(FullTurnCheck().judge(recorded, ALLOWED, robot))


@pytest.mark.parametrize(
    ("turn", "verdict", "message"),
    [
        (MISHEARD, FAILURE, "heard 'want dime his hat'"),
        (UNANSWERED, FAILURE, "heard 'what time is' and answered 'Sorry, I did not catch that.'"),
        (replace(TURN, level=AudioLevel(0.0, 0)), FAILURE, "no sound"),
        (replace(TURN, level=AudioLevel(3.0, 20)), FAILURE, "silence"),
        (replace(TURN, milliseconds=TIMES | {"first_audio": 900.0}), WARNING, "900 of 800 ms"),
        (replace(TURN, milliseconds=TIMES | {"first_audio": 1700.0}), FAILURE, "1700 of 800 ms"),
        (replace(TURN, milliseconds={}), WARNING, "not written down"),
    ],
)
def test_turns_with_faults(turn: SpokenTurn, verdict: Verdict, message: str) -> None:
    assert message in bad(FullTurnCheck().judge(turn, ALLOWED, turn), verdict)[0]


@pytest.mark.parametrize("excuse", ["a busy machine", "a processor"])
def test_a_late_answer_with_an_excuse_is_a_warning(excuse: str) -> None:
    late = replace(TURN, milliseconds=TIMES | {"first_audio": 1700.0})
    message, _ = bad(FullTurnCheck().judge(late, ALLOWED, late, excuse), WARNING)
    assert f"on {excuse}" in message


def test_the_sentence_is_the_one_that_was_said() -> None:
    assert error_rate(SENTENCE, TURN.heard) == 0
