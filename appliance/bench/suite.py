"""One run of the benchmark: every set of engines, talked to by one client, by many, and alone."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance import planning
from appliance.bench import alone
from appliance.bench.chat import Pace, scripted_chat
from appliance.bench.daemon import Daemon, running
from appliance.bench.machine import machine, versions
from appliance.bench.results import (
    CrowdResult,
    SubjectResult,
    crowd_result,
    engine_results,
)
from appliance.bench.speech import COMMANDS, EVERYTHING, Sentence, sentences
from appliance.bench.talking import crowd
from appliance.config import PREFIX, load
from appliance.conversation import EventKind
from appliance.errors import ApplianceError
from appliance.hardware.plan import Plan
from appliance.store import reading

STARTER = {"STT__ENGINE": "sphinx", "TTS__ENGINE": "espeak", "LLM__PROVIDER": "none"}
_NAMED = {"STT__MODEL": "stt_model", "TTS__MODEL": "tts_model", "TTS__VOICES": "tts_voices"}
_PASSED = ("turns", "sessions", "turns_each", "speech", "llm_url", "llm_model")
SETTLE_TURNS = 2  # not counted: first use of everything, which belongs to no session


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure. `sessions` are the sizes of crowds; the smallest is what the others are
    compared with, and talks for `turns`, the others for `turns_each` a session.

    `named` are settings of the models to measure (keys as in the environment, no prefix); an
    empty `llm_url` means the scripted endpoint; empty `speech` the recordings that ship.
    """

    starter: bool = True
    models: bool = False
    named: Mapping[str, str] = field(default_factory=dict)
    turns: int = 20
    sessions: tuple[int, ...] = (1, 10)
    turns_each: int = 6
    speech: tuple[Path, ...] = ()
    llm_url: str = ""
    llm_model: str = ""
    pace: Pace = field(default_factory=Pace)


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
    if options["engines"] in ("models", "both") and not there:
        raise ApplianceError(
            "there are no models to measure",
            advice="Fetch some with `appliance models pull`, or name them with --stt-model.",
        )
    return Wanted(
        starter=options["engines"] != "models",
        models=options["engines"] != "starter" and there,
        named=named,
        pace=Pace(options["llm_first_token"], options["llm_tokens"]),
        **{name: options[name] for name in _PASSED},
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The configuration that the appliance would have, and who hears about progress."""

    files: tuple[Path, ...]
    environ: Mapping[str, str]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that goes into benchmark_results.json."""

    machine: Mapping[str, object]
    versions: Mapping[str, str]
    plan: Plan
    subjects: tuple[SubjectResult, ...]

    @property
    def unanswered(self) -> int:
        return sum(subject.unanswered for subject in self.subjects)

    def as_json(self) -> dict[str, object]:
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "percentiles": "nearest rank; times in milliseconds after the end of speech",
            "plan": asdict(self.plan),
            "subjects": [subject.as_json() for subject in self.subjects],
        }


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    settings: Mapping[str, str]
    speech: tuple[Path, ...]
    has_llm: bool


async def measure(wanted: Wanted, around: Surroundings) -> Results:
    """Measures for minutes. Raises ApplianceError for what cannot be started or loaded."""
    plan = planning.plan_for(load(around.files, around.environ))
    about = machine(plan.hardware)
    subjects = []
    if wanted.starter:
        subjects.append(_Subject("starter", STARTER, wanted.speech or COMMANDS, has_llm=False))
    if wanted.models:
        settings = wanted.named
        subjects.append(_Subject("models", settings, wanted.speech or EVERYTHING, has_llm=True))
    results = [await _subject(subject, wanted, around) for subject in subjects]
    return Results(about, versions(), plan, tuple(results))


async def _subject(subject: _Subject, wanted: Wanted, around: Surroundings) -> SubjectResult:
    said = sentences(subject.speech)
    async with AsyncExitStack() as stack:
        settings = dict(subject.settings)
        llm = "none"
        if subject.has_llm:
            url = wanted.llm_url or await stack.enter_async_context(scripted_chat(wanted.pace))
            llm = wanted.llm_url or str(wanted.pace)
            settings |= {"LLM__PROVIDER": "custom", "LLM__BASE_URL": url}
            settings |= {"LLM__MODEL": wanted.llm_model} if wanted.llm_model else {}
        # Not the plan's limit: more sessions than it allows is what is to be found out.
        settings["LIMITS__SESSIONS"] = str(max(wanted.sessions) + 1)
        around.tell(f"{subject.name}: loading")
        daemon = await stack.enter_async_context(running(around.files, around.environ, settings))
        _refuse_retreat(subject, daemon)
        resident = daemon.resident_bytes()
        crowds = await _crowds(subject.name, daemon, said, wanted, around.tell)
        engines = daemon.engines
    around.tell(f"{subject.name}: engines alone")
    environ = {**around.environ, **{PREFIX + k: v for k, v in subject.settings.items()}}
    config = load(around.files, environ)
    figures = engine_results(*await alone.measure(planning.plan_for(config), config, said))
    return SubjectResult(subject.name, engines, llm, resident, tuple(crowds), figures)


def _refuse_retreat(subject: _Subject, daemon: Daemon) -> None:
    """Figures of an engine that took over from the one to be measured would mislead."""
    for kind, state in daemon.health["engines"].items():
        wanted = state["ladder"][0]
        if wanted["state"] == "failed":
            raise ApplianceError(
                f"{subject.name}: {kind} engine {wanted['name']} cannot be measured: "
                f"{wanted.get('error')}",
                advice=str(wanted.get("advice", "")),
            )


async def _crowds(
    name: str,
    daemon: Daemon,
    said: Sequence[Sentence],
    wanted: Wanted,
    tell: Callable[[str], None],
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
        results.append(crowd_result(talked, timings, await daemon.metrics()))
    return results


def _timings(database: Path, conversations: Sequence[str]) -> list[Mapping[str, float]]:
    """What the appliance itself wrote down of the turns of these conversations."""
    with reading.reading(database) as db:
        return [
            event.data["milliseconds"]
            for conversation in conversations
            for event in reading.conversation(db, conversation).events
            if event.kind == EventKind.TURN_TIMINGS
        ]
