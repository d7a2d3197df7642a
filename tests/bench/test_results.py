"""From measurements to results, tables and JSON."""

import json
from io import StringIO

from rich.console import Console

from appliance.bench import report
from appliance.bench.engine_bench import SynthesisTiming, TranscriptionTiming
from appliance.bench.machine import machine, versions
from appliance.bench.process import samples
from appliance.bench.results import SubjectResult, crowd_result, heard_result, spoken_result
from appliance.bench.suite import Results
from appliance.bench.turns import Crowd, MeasuredTurn
from appliance.config.loader import load
from appliance.hardware.planner import plan_for

METRICS = """# HELP appliance_turn_stage_seconds From the true end of speech
# TYPE appliance_turn_stage_seconds histogram
appliance_turn_stage_seconds_count{stage="first_audio"} 4.0
appliance_turn_stage_seconds_sum{stage="first_audio"} 2.0
appliance_dropped_total{what="output"} 3.0
appliance_dropped_total{what="input"} 1.0
appliance_loop_lag_max_seconds 0.0125
"""
MB = 1 << 20


def turn(first_audio: float | None) -> MeasuredTurn:
    after = {"transcript": 0.25} | ({"first_audio": first_audio} if first_audio else {})
    return MeasuredTurn("what time is it", "what time is it" if first_audio else "", after)


def crowd(sessions: int, resident: int, *first_audio: float | None) -> Crowd:
    turns = tuple(turn(value) for value in first_audio)
    return Crowd(sessions, turns, ("c",), 10.0, 5.0, resident, 0.5)


def subject() -> SubjectResult:
    timings = [{"transcription": 200.0, "first_audio": 300.0}, {"transcription": 210.0}]
    crowds = (
        crowd_result(crowd(1, 100 * MB, 0.25, 0.5), timings, samples(METRICS), machine_pause=0.25),
        crowd_result(crowd(10, 145 * MB, 0.5, 0.75, None), timings, samples(METRICS)),
    )
    alone = (
        heard_result(TranscriptionTiming("sphinx", (0.1, 0.2), (0.05, 0.1))),
        spoken_result(SynthesisTiming("espeak", (0.01,), (0.02,), (0.02,))),
    )
    return SubjectResult("starter", {"stt": "sphinx"}, "none", 90 * MB, crowds, alone)


def results() -> Results:
    plan = plan_for(load([], {}))
    return Results(machine(plan.hardware), versions(), plan, (subject(),))


def test_a_crowd_is_summed_up_in_milliseconds() -> None:
    one, ten = subject().crowds
    assert one.client["first_audio"] is not None
    assert (one.client["first_audio"].p50, one.client["first_audio"].most) == (250, 500)
    assert one.client["first_token"] is None
    assert one.server["transcription"] is not None
    assert one.server["transcription"].count == 2
    assert one.server_mean["first_audio"] == 500
    assert (one.loop_lag_max, one.cpu, one.dropped_audio) == (12.5, 0.5, 4)
    assert (one.machine_pause_max, ten.machine_pause_max) == (250, 0)
    assert (ten.turns, ten.unanswered, ten.understood) == (3, 1, 2)


def test_the_crowd_is_compared_with_one_alone() -> None:
    [comparison] = subject().comparisons()
    assert comparison.first_audio is not None
    assert (comparison.first_audio.p50, comparison.first_audio.most) == (2, 1.5)
    assert comparison.bytes_per_session == 5 * MB


def test_everything_is_kept_as_json() -> None:
    kept = json.loads(json.dumps(results().as_json()))
    assert {"machine", "versions", "percentiles", "plan", "subjects"} < set(kept)
    assert kept["versions"]["pipecat-ai"] != "not installed"
    assert kept["machine"]["cores"] >= 1
    [starter] = kept["subjects"]
    assert starter["crowds"][1]["unanswered"] == 1
    assert starter["comparisons"][0]["bytes_per_session"] == 5 * MB
    assert starter["alone"][0]["figures"]["transcribe"]["p95"] == 200


def test_people_read_tables() -> None:
    console = Console(record=True, width=100, file=StringIO())
    report.show(results(), console)
    shown = console.export_text()
    for words in ("first audio", "10 sessions, 3 turns", "real-time factor", "1/3", "2.00", "5.0"):
        assert words in shown
    assert "1 turns stayed unanswered" in shown
