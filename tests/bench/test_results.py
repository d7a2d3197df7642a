"""Measurements summed up to results, tables and JSON."""

import json
from io import StringIO

from rich.console import Console

from appliance.bench import report
from appliance.bench.engine_bench import SynthesisTiming, TranscriptionTiming
from appliance.bench.machine import describe_machine
from appliance.bench.process import parse_samples
from appliance.bench.results import (
    EngineSetResult,
    load_result,
    synthesis_result,
    transcription_result,
)
from appliance.bench.suite import SuiteResults
from appliance.bench.turns import LoadRun, MeasuredTurn
from appliance.config.loader import load
from appliance.hardware.planner import plan_for
from appliance.observability.versions import package_versions

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


def load_run(sessions: int, resident: int, *first_audio: float | None) -> LoadRun:
    turns = tuple(turn(value) for value in first_audio)
    return LoadRun(sessions, turns, ("c",), 10.0, 5.0, resident, 0.5)


def engine_set() -> EngineSetResult:
    timings = [{"transcription": 200.0, "first_audio": 300.0}, {"transcription": 210.0}]
    runs = (
        load_result(
            load_run(1, 100 * MB, 0.25, 0.5), timings, parse_samples(METRICS), machine_pause=0.25
        ),
        load_result(load_run(10, 145 * MB, 0.5, 0.75, None), timings, parse_samples(METRICS)),
    )
    alone = (
        transcription_result(TranscriptionTiming("sphinx", (0.1, 0.2), (0.05, 0.1))),
        synthesis_result(SynthesisTiming("espeak", (0.01,), (0.02,), (0.02,))),
    )
    return EngineSetResult("starter", {"stt": "sphinx"}, "none", 90 * MB, runs, alone)


def results() -> SuiteResults:
    plan = plan_for(load([], {}))
    return SuiteResults(describe_machine(plan.hardware), package_versions(), plan, (engine_set(),))


def test_a_run_is_summed_up_in_milliseconds() -> None:
    one, ten = engine_set().runs
    assert one.client["first_audio"] is not None
    assert (one.client["first_audio"].p50, one.client["first_audio"].most) == (250, 500)
    assert one.client["first_token"] is None
    assert one.server["transcription"] is not None
    assert one.server["transcription"].count == 2
    assert one.server_mean["first_audio"] == 500
    assert one.holes is not None
    assert (one.holes.count, one.holes.most) == (2, 0)
    assert (one.loop_lag_max, one.cpu, one.dropped_audio) == (12.5, 0.5, 4)
    assert (one.machine_pause_max, ten.machine_pause_max) == (250, 0)
    assert (ten.turns, ten.unanswered, ten.understood) == (3, 1, 2)


def test_runs_are_compared_with_the_smallest() -> None:
    [comparison] = engine_set().comparisons()
    assert comparison.first_audio is not None
    assert (comparison.first_audio.p50, comparison.first_audio.most) == (2, 1.5)
    assert comparison.bytes_per_session == 5 * MB


def test_the_results_as_json() -> None:
    kept = json.loads(json.dumps(results().as_json()))
    assert {"machine", "versions", "percentiles", "plan", "subjects"} < set(kept)
    assert "pipecat-ai" in kept["versions"]
    assert kept["machine"]["cores"] >= 1
    [starter] = kept["subjects"]
    assert starter["crowds"][1]["unanswered"] == 1
    assert starter["comparisons"][0]["bytes_per_session"] == 5 * MB
    assert starter["alone"][0]["figures"]["transcribe"]["p95"] == 200


def test_the_results_as_tables() -> None:
    console = Console(record=True, width=100, file=StringIO())
    report.show(results(), console)
    shown = console.export_text()
    for words in ("first audio", "10 sessions, 3 turns", "real-time factor", "1/3", "2.00", "5.0"):
        assert words in shown
    assert "1 turns stayed unanswered" in shown
