"""Runs the benchmark: each set of engines alone, in one session and in many, or against stock."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.bench import comparison, engine_bench, gpu
from appliance.bench.comparison import ComparisonRun, ComparisonSize
from appliance.bench.contenders import BenchSetup, TimedEngines
from appliance.bench.host_stalls import HostStalls, watch_host
from appliance.bench.machine import describe_machine, gpu_memory_used
from appliance.bench.managed import free_port, managed_model
from appliance.bench.models import RandomModels, planned_models
from appliance.bench.process import DaemonProcess, running_daemon
from appliance.bench.recordings import (
    COMMANDS,
    COMMANDS_BY_KOKORO,
    EVERYTHING,
    LONGEST,
    SENTENCES,
    Recording,
    load_recordings,
)
from appliance.bench.results import (
    EngineResult,
    EngineSetResult,
    LoadResult,
    load_result,
    synthesis_result,
    transcription_result,
)
from appliance.bench.scripted_llm import TokenPace, scripted_llm
from appliance.bench.turns import run_sessions
from appliance.config.layers import PREFIX
from appliance.config.loader import load
from appliance.conversation import EventKind
from appliance.errors import ApplianceError
from appliance.hardware import planner
from appliance.hardware.plan import Plan
from appliance.observability.versions import package_versions
from appliance.store import queries

STARTER = {"STT__ENGINE": "sphinx", "TTS__ENGINE": "espeak", "LLM__PROVIDER": "none"}
_MODEL_OPTIONS = {"STT__MODEL": "stt_model", "TTS__MODEL": "tts_model", "TTS__VOICES": "tts_voices"}
_PASSED = ("turns", "sessions", "turns_each", "speech", "llm", "llm_url", "llm_model")
KINDS = ("starter", "models", "timed", "random")
MAX_COMMANDS = 10
WARM_UP_TURNS = 2  # not counted: the first use of everything, which belongs to no session


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """What to measure.

    `sessions` are numbers of concurrent sessions. The smallest is what the others are compared
    with and runs `turns` turns; the others run `turns_each` a session. `model_settings` name the
    models to measure, keys as in the environment without the prefix. An empty `llm_url` means the
    scripted language model, empty `speech` the recordings that ship. With `against_stock`,
    everything is measured beside stock Pipecat instead, to that size. With `llm` "managed", models
    are measured together with the language model that the appliance runs itself.
    """

    starter: bool = True
    models: bool = False
    timed: bool = False
    random: RandomModels | None = None
    against_stock: ComparisonSize | None = None
    model_settings: Mapping[str, str] = field(default_factory=dict)
    turns: int = 20
    sessions: tuple[int, ...] = (1, 10)
    turns_each: int = 6
    speech: tuple[Path, ...] = ()
    llm: str = "scripted"
    llm_url: str = ""
    llm_model: str = ""
    pace: TokenPace = field(default_factory=TokenPace)


def suite_options(options: Mapping[str, Any], *, has_models: bool) -> SuiteOptions:
    """Translates the options of the command line; `has_models` is whether the plan has any.

    Raises ApplianceError where models are to be measured and there are none.
    """
    model_settings = {
        key: str(path.resolve())
        for key, option in _MODEL_OPTIONS.items()
        if (path := options[option]) is not None
    }
    model_settings |= {"STT__ENGINE": "whisper"} if "STT__MODEL" in model_settings else {}
    if (voice := options["tts_model"]) is not None:
        # A voice of Piper has its settings beside it.
        is_piper = voice.with_name(f"{voice.name}.json").exists()
        model_settings["TTS__ENGINE"] = "piper" if is_piper else "kokoro"
    has_models = has_models or bool(model_settings)
    kinds = set(options["engines"]) or _default_kinds(options["against"], has_models)
    if "models" in kinds and not has_models:
        raise ApplianceError(
            "there are no models to measure",
            advice="Fetch some with `appliance models pull`, or name them with --stt-model.",
        )
    if options["against"] and "starter" in kinds:
        raise ApplianceError(
            "Pipecat has no services of the starter engines to measure against",
            advice="Choose --engines timed, random or models.",
        )
    ramp = tuple(size for size in options["ramp"] if size)
    turns = options["turns"]
    size = ComparisonSize(turns, options["interruptions"], min(turns, MAX_COMMANDS), ramp=ramp)
    random = RandomModels(options["random_dir"], options["random_python"])
    return SuiteOptions(
        starter="starter" in kinds,
        models="models" in kinds,
        timed="timed" in kinds,
        random=random if "random" in kinds else None,
        against_stock=size if options["against"] else None,
        model_settings=model_settings,
        pace=TokenPace(options["llm_first_token"], options["llm_tokens"]),
        **{name: options[name] for name in _PASSED},
    )


def _default_kinds(against: str | None, has_models: bool) -> set[str]:
    if against:
        return {"timed"}
    return {"starter", "models"} if has_models else {"starter"}


@dataclass(frozen=True, slots=True)
class SuiteResults:
    """Everything that goes into benchmark_results.json."""

    machine: Mapping[str, object]
    versions: Mapping[str, str]
    plan: Plan
    engine_sets: tuple[EngineSetResult, ...]
    comparisons: tuple[ComparisonRun, ...] = ()
    gpu: tuple[EngineResult, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def unanswered(self) -> int:
        return sum(measured.unanswered for measured in self.engine_sets) + sum(
            compared.unanswered for compared in self.comparisons
        )

    def as_json(self) -> dict[str, object]:
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "percentiles": "nearest rank; times in milliseconds after the end of speech",
            "plan": self.plan.as_dict(),
            "subjects": [measured.as_json() for measured in self.engine_sets],
            "comparisons": [compared.as_json() for compared in self.comparisons],
            "accelerated": [asdict(engine) for engine in self.gpu],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class _EngineSet:
    """Engines to measure: settings of the appliance, what is said, and whether an LLM answers."""

    name: str
    settings: Mapping[str, str]
    speech: tuple[Path, ...]
    has_llm: bool


async def run_suite(options: SuiteOptions, setup: BenchSetup) -> SuiteResults:
    """Measures for minutes. Raises ApplianceError for what cannot be started or loaded."""
    plan = planner.plan_for(load(setup.files, setup.environ))
    machine = describe_machine(plan.hardware)
    measured: list[EngineSetResult] = []
    compared: list[ComparisonRun] = []
    if options.against_stock:
        compared = await _compare(options, options.against_stock, setup)
    else:
        engine_sets = await _engine_sets(options, setup)
        measured = [await _measure(engines, options, setup) for engines in engine_sets]
    on_gpu, notes = await _measure_gpu(options, plan, setup)
    return SuiteResults(
        machine,
        package_versions(),
        plan,
        tuple(measured),
        tuple(compared),
        tuple(on_gpu),
        tuple(notes),
    )


async def _measure_gpu(
    options: SuiteOptions, plan: Plan, setup: BenchSetup
) -> tuple[list[EngineResult], list[str]]:
    """Results of the large models on the GPU, with random weights; notes on what was left out."""
    if options.random is None:
        return [], []
    if not plan.hardware.gpu:
        names = " and ".join(gpu.MODELS)
        return [], [f"There is no NVIDIA GPU at hand: {names} were not measured."]
    return await gpu.measure_large_models(options.random, setup)


async def _engine_sets(options: SuiteOptions, setup: BenchSetup) -> list[_EngineSet]:
    found = []
    speech = options.speech or EVERYTHING
    if options.starter:
        commands = options.speech or COMMANDS
        found.append(_EngineSet("starter", STARTER, commands, has_llm=False))
    if options.models:
        found.append(_EngineSet("models", options.model_settings, speech, has_llm=True))
    if options.timed:
        settings = TimedEngines().appliance_settings()
        found.append(_EngineSet("timed", settings, speech, has_llm=True))
    if options.random:
        engines = await options.random.engines(setup.progress)
        settings = engines.appliance_settings()
        found.append(_EngineSet("random weights", settings, speech, has_llm=True))
    return found


async def _compare(
    options: SuiteOptions, size: ComparisonSize, setup: BenchSetup
) -> list[ComparisonRun]:
    recordings = load_recordings(options.speech or SENTENCES)
    found = []
    if options.timed:
        [longest] = load_recordings([LONGEST])
        found.append(
            await comparison.compare_timed(TimedEngines(), recordings, longest, size, setup)
        )
    if options.random:
        engines = await options.random.engines(setup.progress)
        found.append(
            # Random weights understand no command.
            await comparison.compare_models(engines, recordings, (), size, options.pace, setup)
        )
    if options.models:
        engines = planned_models(dict(options.model_settings), setup)
        commands = load_recordings(COMMANDS_BY_KOKORO)
        found.append(
            await comparison.compare_models(
                engines, recordings, commands, size, options.pace, setup
            )
        )
    return found


async def _measure(
    engines: _EngineSet, options: SuiteOptions, setup: BenchSetup
) -> EngineSetResult:
    recordings = load_recordings(engines.speech)
    async with AsyncExitStack() as stack:
        settings = dict(engines.settings)
        llm = "none"
        if engines.has_llm:
            script = await stack.enter_async_context(scripted_llm(options.pace))
            llm = options.llm_url or str(options.pace)
            settings |= _llm_settings(options, script.url)
        # Not the plan's limit: the benchmark finds out what more sessions than that cost.
        settings["LIMITS__SESSIONS"] = str(max(options.sessions) + 1)
        setup.progress(f"{engines.name}: loading")
        gpu_before = await asyncio.to_thread(gpu_memory_used)
        daemon = await stack.enter_async_context(
            running_daemon(setup.files, setup.environ, settings)
        )
        daemon.require_first_choice()
        managed = None
        if engines.has_llm and options.llm == "managed":
            setup.progress(f"{engines.name}: loading the language model")
            managed = await managed_model(daemon)
            llm = managed.name
        resident = daemon.resident_bytes()
        stalls = await stack.enter_async_context(watch_host())
        runs = await _run_loads(
            *(engines.name, daemon, recordings, options, setup.progress),
            *(stalls, gpu_before),
        )
        names = daemon.engines
        managed = await managed_model(daemon) if managed else None
    alone = await _measure_alone(engines, recordings, setup)
    return EngineSetResult(engines.name, names, llm, resident, tuple(runs), alone, managed)


def _llm_settings(options: SuiteOptions, script_url: str) -> dict[str, str]:
    """The settings of the language model that answers in a run."""
    model = {"LLM__MODEL": options.llm_model} if options.llm_model else {}
    if options.llm == "managed":
        return {"LLM__PROVIDER": "auto", "LLM__PORT": str(free_port()), **model}
    return {"LLM__PROVIDER": "custom", "LLM__BASE_URL": options.llm_url or script_url, **model}


async def _measure_alone(
    engines: _EngineSet, recordings: Sequence[Recording], setup: BenchSetup
) -> tuple[EngineResult, ...]:
    setup.progress(f"{engines.name}: engines alone")
    overrides = {PREFIX + key: value for key, value in engines.settings.items()}
    config = load(setup.files, {**setup.environ, **overrides})
    plan, texts = planner.plan_for(config), [recording.text for recording in recordings]
    return (
        transcription_result(await engine_bench.measure_stt(plan, config, recordings)),
        synthesis_result(await engine_bench.measure_tts(plan, config, texts)),
    )


async def _run_loads(
    name: str,
    daemon: DaemonProcess,
    recordings: Sequence[Recording],
    options: SuiteOptions,
    progress: Callable[[str], None],
    stalls: HostStalls,
    gpu_before: int | None,
) -> list[LoadResult]:
    """Runs every number of sessions, the smallest first, after a warm-up."""
    await run_sessions(
        *(daemon, recordings, 1, WARM_UP_TURNS),
        lambda done: progress(f"{name}: warming up, {done}"),
    )
    results = []
    smallest = min(options.sessions)
    for sessions in sorted(set(options.sessions)):

        def turn_done(done: str, sessions: int = sessions) -> None:
            progress(f"{name}: {sessions} at once, turn {done}")

        turns = options.turns if sessions == smallest else options.turns_each
        run = await run_sessions(daemon, recordings, sessions, turns, turn_done)
        timings = await asyncio.to_thread(_recorded_timings, daemon.database, run.conversations)
        metrics = await daemon.metrics()
        results.append(load_result(run, timings, metrics, gpu_before, stalls.longest))
    return results


def _recorded_timings(database: Path, conversations: Sequence[str]) -> list[Mapping[str, float]]:
    """The timings of each turn that the appliance recorded for these conversations."""
    with queries.reading(database) as db:
        return [
            event.data["milliseconds"]
            for conversation in conversations
            for event in queries.conversation(db, conversation).events
            if event.kind == EventKind.TURN_TIMINGS
        ]
