"""Measures hearing and turn taking: makes speech, says it to both servers, counts the errors."""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.bench.accuracy.baseline import BaselineModel, transcribe_by_defaults
from appliance.bench.accuracy.direct import hear_directly
from appliance.bench.accuracy.door import HearingEngines, hear_all, running_servers
from appliance.bench.accuracy.results import AccuracyResults, HeardClip
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.bench.accuracy.utterances import (
    CONDITIONS,
    KINDS,
    LANGUAGES,
    Trial,
    load_utterances,
    sample,
)
from appliance.bench.contenders import OURS, STOCK, BenchSetup
from appliance.bench.machine import describe_machine
from appliance.bench.models import kokoro_files
from appliance.bench.process import DaemonProcess, ServerProcess
from appliance.config.layers import PREFIX
from appliance.config.loader import Config, load
from appliance.hardware import planner
from appliance.hardware.plan import Plan
from appliance.observability.versions import package_versions

if TYPE_CHECKING:
    from appliance.bench.accuracy.clips import Clip

EVERYTHING: Final = 0
DEFAULT_UTTERANCES: Final = 240


@dataclass(frozen=True, slots=True)
class AccuracyOptions:
    """What to measure.

    `utterances` are drawn from `seed` out of the texts of `languages` and `kinds`, each put into
    one of `conditions`; EVERYTHING takes every text in every condition. `speech` is a directory of
    recordings that is said instead. Audio and transcripts that never change are kept in `cache`.
    `sessions` clips are said at once. Models are the plan's, unless they are named. With `direct`,
    the daemon's parts hear the clips at audio time, without a server.
    """

    cache: Path
    languages: Sequence[str] = LANGUAGES
    kinds: Sequence[str] = KINDS
    conditions: Sequence[str] = CONDITIONS
    utterances: int = DEFAULT_UTTERANCES
    seed: int = 1
    speech: Path | None = None
    sessions: int = 1
    stt_model: Path | None = None
    tts_model: Path | None = None
    tts_voices: Path | None = None
    baseline: bool = True
    stock: bool = True
    sounds: bool = True
    direct: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            name: value.name if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if name != "cache"
        }


async def measure(options: AccuracyOptions, setup: BenchSetup) -> AccuracyResults:
    """Measures for as long as the clips last, and a little more for each.

    Raises ApplianceError for what cannot be started, loaded or read.
    """
    began = time.monotonic()
    config = load(setup.files, {**setup.environ, **_settings(options)})
    plan = planner.plan_for(config)
    clips = await _clips(options, config, plan, setup)
    by_defaults, notes = await _baseline(options, clips, config, plan, setup)
    if options.direct:
        heard, name = await hear_directly(
            *(plan, config, clips, setup.progress), with_stock=options.stock
        )
        engines: Mapping[str, str] = {"stt": name}
        notes.append("Times are of the audio: engines took none of it.")
    else:
        heard, engines, changes = await _hear_at_the_door(options, clips, setup)
        notes += changes
    rows = [
        _heard_clip(clip, each, by_defaults.get(clip.name))
        for clip, each in zip(clips, heard, strict=True)
    ]
    return AccuracyResults(
        machine=describe_machine(plan.hardware),
        versions=package_versions(),
        engines=engines,
        options=options.as_json(),
        clips=tuple(rows),
        seconds=time.monotonic() - began,
        notes=tuple(notes),
    )


async def _hear_at_the_door(
    options: AccuracyOptions, clips: Sequence["Clip"], setup: BenchSetup
) -> tuple[list[Mapping[str, Heard]], Mapping[str, str], list[str]]:
    """What the servers heard, the engines that the appliance has, and notes."""
    whisper = options.stt_model.resolve() if options.stt_model else None
    async with running_servers(HearingEngines(whisper), setup, with_stock=options.stock) as servers:
        heard = await hear_all(servers, clips, options.sessions, setup.progress)
        engines, notes = await _engines(servers[OURS].server)
    if not options.stock:
        notes.append(f"{STOCK} was left out.")
    return heard, engines, notes


async def _engines(server: ServerProcess) -> tuple[Mapping[str, str], list[str]]:
    """The engines that heard, and a note where another one answers now than at the start."""
    if not isinstance(server, DaemonProcess):
        return {}, []
    first = server.engines
    await server.refresh_health()
    changes = [
        f"The {kind} engine changed from {first[kind]} to {name}: too little of the processors?"
        for kind, name in server.engines.items()
        if name != first[kind]
    ]
    return first, changes


def _settings(options: AccuracyOptions) -> dict[str, str]:
    """The configuration's environment with the models that the command line names."""
    named = {
        "STT__MODEL": options.stt_model,
        "TTS__MODEL": options.tts_model,
        "TTS__VOICES": options.tts_voices,
    }
    found = {PREFIX + key: str(path.resolve()) for key, path in named.items() if path}
    found |= {f"{PREFIX}STT__ENGINE": "whisper"} if options.stt_model else {}
    return found | ({f"{PREFIX}TTS__ENGINE": "kokoro"} if options.tts_model else {})


async def _clips(
    options: AccuracyOptions, config: Config, plan: Plan, setup: BenchSetup
) -> list["Clip"]:
    from appliance.bench.accuracy.clips import no_speech_clips, recorded_clips

    if options.speech is not None:
        found = await asyncio.to_thread(recorded_clips, options.speech)
        # In steps through the whole directory, whose files are often sorted by speaker.
        step = max(1, len(found) // options.utterances) if options.utterances else 1
        found = found[::step][: options.utterances or None]
    else:
        found = await _spoken_clips(options, config, plan, setup)
    return found + (list(no_speech_clips(options.seed)) if options.sounds else [])


async def _spoken_clips(
    options: AccuracyOptions, config: Config, plan: Plan, setup: BenchSetup
) -> list["Clip"]:
    from appliance.bench.accuracy.clips import MOST_OTHERS, speech_clip
    from appliance.bench.accuracy.speakers import Speakers

    trials = _trials(options)
    kokoro = kokoro_files(config, plan)
    async with Speakers(options.cache, kokoro, config.models.directory) as speakers:
        spoken = []
        for number, trial in enumerate(trials, 1):
            setup.progress(f"making speech: {number} of {len(trials)}")
            language = trial.utterance.language
            voice = speakers.voice(language, trial.voice)
            parts = [
                await speakers.speak(part, language, voice)
                for part in trial.utterance.spoken_parts()
            ]
            spoken.append((trial, voice, parts))
    # What the people in the babble say is the same for every clip, and known before the first.
    others = [parts[0] for _, _, parts in spoken[:MOST_OTHERS]]
    return [
        speech_clip(f"{number:04} {voice}", trial, voice, parts, others, options.seed)
        for number, (trial, voice, parts) in enumerate(spoken, 1)
    ]


def _trials(options: AccuracyOptions) -> list[Trial]:
    utterances = load_utterances(options.languages, options.kinds)
    if options.utterances != EVERYTHING:
        return sample(utterances, options.conditions, options.utterances, options.seed)
    return [
        Trial(utterance, condition, number)
        for number, utterance in enumerate(utterances)
        for condition in options.conditions
    ]


async def _baseline(
    options: AccuracyOptions,
    clips: Sequence["Clip"],
    config: Config,
    plan: Plan,
    setup: BenchSetup,
) -> tuple[Mapping[str, str], list[str]]:
    """Transcripts by faster-whisper's defaults, and a note where there are none."""
    first = plan.stt.options[0]
    if not options.baseline or first.engine != "whisper":
        return {}, ["faster-whisper's defaults were not measured."]
    directory = config.models.directory / first.model  # an absolute path stays one
    model = BaselineModel(directory, first.device, first.compute_type)
    stopped = threading.Event()
    options.cache.mkdir(parents=True, exist_ok=True)
    try:
        return await asyncio.to_thread(
            transcribe_by_defaults, model, clips, options.cache, setup.progress, stopped
        ), []
    finally:
        stopped.set()


def _heard_clip(clip: "Clip", heard: Mapping[str, Heard], baseline: str | None) -> HeardClip:
    return HeardClip(
        *(clip.name, clip.text, clip.language, clip.kind, clip.condition, clip.voice),
        *(clip.begin, clip.end, clip.pauses, clip.is_finished, clip.may_end),
        heard=heard,
        baseline=baseline,
    )
