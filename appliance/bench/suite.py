"""One run of the benchmark: every set of engines, talked to by one client, by many, and alone;
or, against stock services, beside them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.bench import comparison as against
from appliance.bench import engine_bench, gpu, on_disk
from appliance.bench.comparison import ComparisonRun, Extent
from appliance.bench.contenders import BenchSetup, Timed
from appliance.bench.host_stalls import HostStalls, watched
from appliance.bench.machine import gpu_used, machine, versions
from appliance.bench.models import Workshop
from appliance.bench.process import DaemonProcess, running
from appliance.bench.recordings import COMMANDS, EVERYTHING, LONGEST, SENTENCES, Sentence, sentences
from appliance.bench.results import (
    CrowdResult,
    EngineResult,
    SubjectResult,
    crowd_result,
    heard_result,
    spoken_result,
)
from appliance.bench.scripted_llm import TokenPace, scripted_chat
from appliance.bench.turns import crowd
from appliance.config.loader import PREFIX, load
from appliance.conversation import EventKind
from appliance.errors import ApplianceError
from appliance.hardware import planner
from appliance.hardware.plan import Plan
from appliance.store import queries

STARTER = {"STT__ENGINE": "sphinx", "TTS__ENGINE": "espeak", "LLM__PROVIDER": "none"}
_NAMED = {"STT__MODEL": "stt_model", "TTS__MODEL": "tts_model", "TTS__VOICES": "tts_voices"}
_PASSED = ("turns", "sessions", "turns_each", "speech", "llm_url", "llm_model")
KINDS = ("starter", "models", "timed", "random")
SETTLE_TURNS = 2  # not counted: first use of everything, which belongs to no session


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure. `sessions` are the sizes of crowds; the smallest is what the others are
    compared with, and talks for `turns`, the others for `turns_each` a session.

    `named` are settings of the models to measure (keys as in the environment, no prefix); an
    empty `llm_url` means the scripted endpoint; empty `speech` the recordings that ship. With
    `stock` everything is measured beside Pipecat's stock services instead, to that extent.
    """

    starter: bool = True
    models: bool = False
    timed: bool = False
    random: Workshop | None = None
    stock: Extent | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    turns: int = 20
    sessions: tuple[int, ...] = (1, 10)
    turns_each: int = 6
    speech: tuple[Path, ...] = ()
    llm_url: str = ""
    llm_model: str = ""
    pace: TokenPace = field(default_factory=TokenPace)


def wanted(options: Mapping[str, Any], *, has_models: bool) -> Wanted:
    """What the command line asks for; `has_models` is whether the plan has any.

    Raises ApplianceError where models are to be measured and there are none.
    """
    named = {
        key: str(path.resolve())
        for key, option in _NAMED.items()
        if (path := options[option]) is not None
    }
    named |= {"STT__ENGINE": "whisper"} if "STT__MODEL" in named else {}
    named |= {"TTS__ENGINE": "kokoro"} if "TTS__MODEL" in named else {}
    there = bool(named) or has_models
    kinds = set(options["engines"]) or _usual(against=options["against"], there=there)
    if "models" in kinds and not there:
        raise ApplianceError(
            "there are no models to measure",
            advice="Fetch some with `appliance models pull`, or name them with --stt-model.",
        )
    if options["against"] and "starter" in kinds:
        raise ApplianceError(
            "Pipecat has no services of the starter engines to measure against",
            advice="Choose --engines timed, random or models.",
        )
    crowds = tuple(size for size in options["ramp"] if size)
    extent = Extent(options["turns"], options["interruptions"], crowds=crowds)
    return Wanted(
        starter="starter" in kinds,
        models="models" in kinds,
        timed="timed" in kinds,
        random=Workshop(options["random_dir"], options["random_python"])
        if "random" in kinds
        else None,
        stock=extent if options["against"] else None,
        named=named,
        pace=TokenPace(options["llm_first_token"], options["llm_tokens"]),
        **{name: options[name] for name in _PASSED},
    )


def _usual(*, against: str | None, there: bool) -> set[str]:
    """What is measured where no engines are named; `there` is whether there are models."""
    return {"timed"} if against else {"starter", "models"} if there else {"starter"}


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that goes into benchmark_results.json."""

    machine: Mapping[str, object]
    versions: Mapping[str, str]
    plan: Plan
    subjects: tuple[SubjectResult, ...]
    comparisons: tuple[ComparisonRun, ...] = ()
    accelerated: tuple[EngineResult, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def unanswered(self) -> int:
        return sum(subject.unanswered for subject in self.subjects) + sum(
            comparison.unanswered for comparison in self.comparisons
        )

    def as_json(self) -> dict[str, object]:
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "percentiles": "nearest rank; times in milliseconds after the end of speech",
            "plan": asdict(self.plan),
            "subjects": [subject.as_json() for subject in self.subjects],
            "comparisons": [comparison.as_json() for comparison in self.comparisons],
            "accelerated": [asdict(engine) for engine in self.accelerated],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    settings: Mapping[str, str]
    speech: tuple[Path, ...]
    has_llm: bool


async def measure(wanted: Wanted, around: BenchSetup) -> Results:
    """Measures for minutes. Raises ApplianceError for what cannot be started or loaded."""
    plan = planner.plan_for(load(around.files, around.environ))
    about = machine(plan.hardware)
    subjects: list[SubjectResult] = []
    comparisons: list[ComparisonRun] = []
    if wanted.stock:
        comparisons = await _comparisons(wanted, wanted.stock, around)
    else:
        wished = await _subjects(wanted, around)
        subjects = [await _subject(subject, wanted, around) for subject in wished]
    on_gpu, notes = await _accelerated(wanted, plan, around)
    return Results(
        about,
        versions(),
        plan,
        tuple(subjects),
        tuple(comparisons),
        tuple(on_gpu),
        tuple(notes),
    )


async def _accelerated(
    wanted: Wanted, plan: Plan, around: BenchSetup
) -> tuple[list[EngineResult], list[str]]:
    """The large models on the GPU, where random weights are wanted; what was not measured."""
    if wanted.random is None:
        return [], []
    if not plan.hardware.gpu:
        names = " and ".join(gpu.MODELS)
        return [], [f"There is no NVIDIA GPU at hand: {names} were not measured."]
    return await gpu.measure(wanted.random, around)


async def _subjects(wanted: Wanted, around: BenchSetup) -> list[_Subject]:
    subjects = []
    everything = wanted.speech or EVERYTHING
    if wanted.starter:
        subjects.append(_Subject("starter", STARTER, wanted.speech or COMMANDS, has_llm=False))
    if wanted.models:
        subjects.append(_Subject("models", wanted.named, everything, has_llm=True))
    if wanted.timed:
        subjects.append(_Subject("timed", Timed().ours(), everything, has_llm=True))
    if wanted.random:
        weights = await wanted.random.weights(around.tell)
        subjects.append(_Subject("random weights", weights.ours(), everything, has_llm=True))
    return subjects


async def _comparisons(wanted: Wanted, extent: Extent, around: BenchSetup) -> list[ComparisonRun]:
    said = sentences(wanted.speech or SENTENCES)
    found = []
    if wanted.timed:
        [longest] = sentences([LONGEST])
        found.append(await against.timed(Timed(), said, longest, extent, around))
    if wanted.random:
        weights = await wanted.random.weights(around.tell)
        found.append(await against.weighty(weights, said, extent, wanted.pace, around))
    if wanted.models:
        weights = on_disk.weights(dict(wanted.named), around)
        found.append(await against.weighty(weights, said, extent, wanted.pace, around))
    return found


async def _subject(subject: _Subject, wanted: Wanted, around: BenchSetup) -> SubjectResult:
    said = sentences(subject.speech)
    async with AsyncExitStack() as stack:
        settings = dict(subject.settings)
        llm = "none"
        if subject.has_llm:
            script = await stack.enter_async_context(scripted_chat(wanted.pace))
            url = wanted.llm_url or script.url
            llm = wanted.llm_url or str(wanted.pace)
            settings |= {"LLM__PROVIDER": "custom", "LLM__BASE_URL": url}
            settings |= {"LLM__MODEL": wanted.llm_model} if wanted.llm_model else {}
        # Not the plan's limit: more sessions than it allows is what is to be found out.
        settings["LIMITS__SESSIONS"] = str(max(wanted.sessions) + 1)
        around.tell(f"{subject.name}: loading")
        gpu_before = await asyncio.to_thread(gpu_used)
        daemon = await stack.enter_async_context(running(around.files, around.environ, settings))
        daemon.refuse_retreat()
        resident = daemon.resident_bytes()
        pauses = await stack.enter_async_context(watched())
        crowds = await _crowds(subject.name, daemon, said, wanted, around.tell, pauses, gpu_before)
        engines = daemon.engines
    around.tell(f"{subject.name}: engines alone")
    environ = {**around.environ, **{PREFIX + k: v for k, v in subject.settings.items()}}
    config = load(around.files, environ)
    plan, texts = planner.plan_for(config), [sentence.text for sentence in said]
    figures = (
        heard_result(await engine_bench.hear(plan, config, said)),
        spoken_result(await engine_bench.speak(plan, config, texts)),
    )
    return SubjectResult(subject.name, engines, llm, resident, tuple(crowds), figures)


async def _crowds(
    name: str,
    daemon: DaemonProcess,
    said: Sequence[Sentence],
    wanted: Wanted,
    tell: Callable[[str], None],
    pauses: HostStalls,
    gpu_before: int | None,
) -> list[CrowdResult]:
    await crowd(daemon, said, 1, SETTLE_TURNS, lambda done: tell(f"{name}: warming up, {done}"))
    results = []
    smallest = min(wanted.sessions)
    for sessions in sorted(set(wanted.sessions)):

        def told(done: str, sessions: int = sessions) -> None:
            tell(f"{name}: {sessions} at once, turn {done}")

        turns = wanted.turns if sessions == smallest else wanted.turns_each
        talked = await crowd(daemon, said, sessions, turns, told)
        timings = await asyncio.to_thread(_timings, daemon.database, talked.conversations)
        metrics = await daemon.metrics()
        results.append(crowd_result(talked, timings, metrics, gpu_before, pauses.longest))
    return results


def _timings(database: Path, conversations: Sequence[str]) -> list[Mapping[str, float]]:
    """What the appliance itself wrote down of the turns of these conversations."""
    with queries.reading(database) as db:
        return [
            event.data["milliseconds"]
            for conversation in conversations
            for event in queries.conversation(db, conversation).events
            if event.kind == EventKind.TURN_TIMINGS
        ]
