"""The trace of a turn survives JSON, and a line of it says where the time went."""

import json

from appliance.observability.turn_trace import (
    PauseStep,
    PieceStep,
    SpeculationStep,
    TranscriptionStep,
    TurnTrace,
    UnderrunStep,
    VerdictStep,
    relative,
)

TRACE = TurnTrace(
    stages={"transcription": 480.0, "endpointing": 480.5, "first_audio": 1240.0},
    pauses=(PauseStep(-900.0, -880.0, -700.0), PauseStep(0.0, 20.0)),
    verdicts=(VerdictStep(95.0, 0.42, ahead=True), VerdictStep(260.0, 0.93, ahead=False)),
    transcriptions=(
        TranscriptionStep("whisper", "interim", -600.0, -600.0, -500.0, 1.1, done=False),
        TranscriptionStep("whisper", "ahead", 20.0, 140.0, 480.0, 1.9, (8.0, 30.0), 1),
    ),
    speculations=(SpeculationStep(270.0, False, 480.0, "used"),),
    pieces=(
        PieceStep("kokoro", 30, 700.0, 703.0, 1235.0, 1235.0, 1.6, ahead=True),
        PieceStep("kokoro", 12, 900.0, None, 901.0, 901.0, 0.7, cached=True),
    ),
    underruns=(UnderrunStep(3000.0, 0.18), UnderrunStep(4000.0, 0.05)),
    cpu_pressure=0.34,
)


def test_times_become_milliseconds_after_the_end_of_speech() -> None:
    step = TranscriptionStep("whisper", "ahead", 100.25, None, 100.75, 1.9)
    assert relative(step, 100.5) == TranscriptionStep("whisper", "ahead", -250.0, None, 250.0, 1.9)


def test_a_trace_survives_json() -> None:
    assert TurnTrace.from_json(json.loads(json.dumps(TRACE.as_json()))) == TRACE


def test_what_another_release_recorded_is_read_as_far_as_it_is_known() -> None:
    data = TRACE.as_json()
    data["weather"] = "fine"
    data["pauses"][0]["depth"] = 3
    del data["underruns"], data["cpu_pressure"]
    read = TurnTrace.from_json(json.loads(json.dumps(data)))
    assert (read.pauses, read.underruns, read.cpu_pressure) == (TRACE.pauses, (), None)


def test_a_line_names_what_took_the_time() -> None:
    assert TRACE.line() == (
        "first audio 1240 ms; pause noticed +20; verdict 0.42 at +95, 0.93 at +260; "
        "1.9 s heard ahead +20 to +480, window 8 + 30 s, queued 120 ms; "
        "transcription +480; endpointing +480; speculation +270 used; "
        "1.6 s voiced +700 to +1235, ahead, queued 3 ms; "
        "0.7 s voiced +900 to +901, from the cache; "
        "2 underruns, longest 180 ms; processor pressure 34 %"
    )


def test_a_turn_without_audio_says_so() -> None:
    assert TurnTrace({"endpointing": 200.0}).line() == "no audio; endpointing +200"
