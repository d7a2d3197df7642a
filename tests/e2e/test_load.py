"""Ten sessions at once on two cores, and the benchmark that measures them."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from appliance.bench import suite
from appliance.bench.contenders import BenchSetup
from appliance.bench.results import EngineSetResult, LoadResult
from appliance.bench.suite import SuiteOptions
from tests.daemon import FIXTURES, MICRO_MODELS

pytestmark = pytest.mark.load

MB = 1 << 20
MOST_SLOWDOWN = 2.0
MOST_LAG_MS = 20.0
# A measurement says nothing of the appliance while the machine has other work, so it is repeated.
TRIES = 3


async def measured() -> EngineSetResult:
    options = SuiteOptions(turns=8, sessions=(1, 10), turns_each=3)
    results = await suite.run_suite(options, BenchSetup((), os.environ, lambda message: None))
    return results.engine_sets[0]


@pytest.mark.timeout(600)
async def test_ten_sessions_hardly_slow_each_other_down() -> None:
    found = []
    for _ in range(TRIES):
        subject = await measured()
        assert subject.unanswered == 0
        assert subject.comparisons()[0].bytes_per_session <= 15 * MB
        found.append((slowdown(subject), lag(subject.runs)))
        if is_fine(*found[-1]):
            return
    pytest.fail(f"times slower, and milliseconds of stall, in {TRIES} tries: {found}")


def is_fine(slower: float, stalled: float) -> bool:
    return slower <= MOST_SLOWDOWN and stalled <= MOST_LAG_MS


def slowdown(subject: EngineSetResult) -> float:
    """Returns how many times longer answers take than with one session, at the 95th percentile."""
    [comparison] = subject.comparisons()
    assert comparison.first_audio is not None
    return comparison.first_audio.p95


def lag(runs: tuple[LoadResult, ...]) -> float:
    """Returns the longest stall of the event loop during a session, in milliseconds.

    Stalls of the whole machine are subtracted.
    """
    return max(max(0.0, run.loop_lag_max - run.machine_pause_max) for run in runs)


def bench(output: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "appliance", "bench", "--json", str(output), *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.timeout(300)
def test_the_small_models_are_measured_with_a_scripted_language_model(tmp_path: Path) -> None:
    models = MICRO_MODELS
    output = tmp_path / "results.json"
    ran = bench(
        output,
        *("--engines", "models", "--stt-model", models["APPLIANCE__STT__MODEL"]),
        *("--tts-model", models["APPLIANCE__TTS__MODEL"]),
        *("--tts-voices", models["APPLIANCE__TTS__VOICES"]),
        *("--speech", str(FIXTURES / "micro_whisper" / "utterances" / "good_morning.wav")),
        *("--turns", "2", "--sessions", "1", "--sessions", "2", "--turns-each", "1"),
        *("--llm-first-token", "0.1", "--llm-tokens", "200"),
    )
    assert ran.returncode == 0, ran.stderr
    assert "scripted, first token after 100 ms" in ran.stdout
    [subject] = json.loads(output.read_text(encoding="utf-8"))["subjects"]
    assert "whisper" in subject["engines"]["stt"]
    assert "kokoro" in subject["engines"]["tts"]
    one, two = subject["crowds"]
    assert (one["understood"], one["unanswered"], two["turns"]) == (2, 0, 2)
    for side, stage in (("client", "first_token"), ("server", "first_audio")):
        assert one[side][stage]["count"] == 2
    assert [engine["engine"].split()[0] for engine in subject["alone"]] == ["whisper", "kokoro"]


@pytest.mark.timeout(300)
def test_a_turn_without_an_answer_fails_the_benchmark(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "silence.wav"), "wb") as recording:
        recording.setparams((1, 2, 16_000, 0, "NONE", ""))
        recording.writeframes(bytes(16_000))
    ran = bench(
        tmp_path / "results.json", "--speech", str(tmp_path), "--turns", "1", "--sessions", "1"
    )
    assert ran.returncode == 1, ran.stderr
    assert "1 turns stayed unanswered" in ran.stdout


def test_a_model_that_cannot_be_loaded_is_not_measured(tmp_path: Path) -> None:
    ran = bench(
        tmp_path / "results.json",
        "--engines",
        "models",
        "--stt-model",
        str(tmp_path),
        "--turns",
        "1",
    )
    assert ran.returncode == 1
    assert "cannot be measured" in ran.stderr
