"""Measures the end of turn by voice and words beside smart-turn alone, on speech made by Kokoro.

    python -m tests.voice.turns.end_of_turn_report [--fresh] [--listen [--part 1/2]] [--audio DIR]

With --listen the utterances of fixtures/end_of_turn are spoken, an unfinished one as if more were
to follow, judged by smart-turn and heard by Whisper, which takes half an hour on two cores; what
was found is kept in fixtures/end_of_turn/evidence.json. Without it, the kept evidence is used.

With --fresh the utterances are those of fresh.txt, English by a voice of Piper. An unfinished one
is spoken with what follows and ends at its pause, so that nothing sounds like an end that is none.
The rules may be made by every second one; the report is of the others.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.engines import Synthesizer, Voice
from appliance.text.endings import ending
from appliance.voice.turns.end_of_turn import TurnEvidence, TurnLimits, pause_seconds
from appliance.voice.turns.shared_models import TurnModels
from appliance.voice.turns.smart_turn import AGAIN_AFTER_MS, AHEAD_AFTER_MS
from tests.released import cache_directory
from tests.voice.turns.end_of_turn_texts import (
    FIXTURES,
    Utterance,
    fresh_utterances,
    utterances,
)

EVIDENCE, FRESH_EVIDENCE = FIXTURES / "evidence.json", FIXTURES / "fresh_evidence.json"
STOP_SECONDS, INCOMPLETE_SECONDS = 0.2, 1.5
STOCK_INCOMPLETE_SECONDS = 3.0
# The silences at which smart-turn looks: twice ahead, at the end of speech, and again after it.
LOOKS = (
    *(each / 1000 for each in AHEAD_AFTER_MS),
    STOP_SECONDS,
    *(STOP_SECONDS + each / 1000 for each in AGAIN_AFTER_MS),
)
# Pauses within an utterance, each as often as the others.
PAUSES = (0.3, 0.45, 0.6, 0.75, 0.9)
LATE_SECONDS = 0.6
VOICES = {
    "en": (
        *("af_heart", "am_michael", "bf_emma", "am_puck", "af_bella", "bm_george", "am_fenrir"),
        *("af_sarah", "bm_daniel", "af_nicole"),
    ),
    "es": ("ef_dora", "em_alex"),
    "fr": ("ff_siwis",),
    "it": ("if_sara", "im_nicola"),
    "pt": ("pf_dora", "pm_alex"),
}
PIPER = "en_US-joe-medium"
FRESH_VOICES = {**VOICES, "en": (PIPER,)}
SHORTEST_PAUSE = 0.06
"""Seconds of silence between two words that are taken for a pause."""

Samples = npt.NDArray[np.float32]
Spoken = tuple[int, Utterance, str]
"""An utterance with its number and its voice."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance as it was heard: the words, and smart-turn's verdicts at LOOKS."""

    finished: bool
    language: str
    kind: str
    text: str
    voice: str
    heard: str
    probabilities: tuple[float, ...]


def kept_evidence(file: Path = EVIDENCE) -> list[Heard]:
    """What was found when the utterances were spoken last."""
    rows = json.loads(file.read_text(encoding="utf-8"))
    return [Heard(**{**row, "probabilities": tuple(row["probabilities"])}) for row in rows]


def waited(one: Heard) -> float:
    """The silence after which the turn ends, by voice and words."""
    limits = TurnLimits(STOP_SECONDS, INCOMPLETE_SECONDS)
    verdict = ending(one.heard, one.language)
    for count, after in enumerate(LOOKS, start=1):
        if after < STOP_SECONDS:
            continue
        known = TurnEvidence(one.probabilities[:count], verdict)
        until = pause_seconds(known, limits)
        following = LOOKS[count] if count < len(LOOKS) else limits.longest
        if until <= following:
            return max(after, until)
    return limits.longest


def waited_by_voice(one: Heard) -> float:
    """The same by smart-turn alone, with all its looks."""
    for probability, after in zip(one.probabilities, LOOKS, strict=True):
        if probability >= 0.5:
            return max(after, STOP_SECONDS)
    return INCOMPLETE_SECONDS


def waited_by_stock(one: Heard) -> float:
    """The same by smart-turn as Pipecat's defaults use it: one look, and a long silence."""
    complete = one.probabilities[LOOKS.index(STOP_SECONDS)] > 0.5
    return STOP_SECONDS if complete else STOCK_INCOMPLETE_SECONDS


@dataclass(frozen=True, slots=True)
class Errors:
    """The share of finished utterances that wait, and that of unfinished ones that are cut off."""

    late: float
    cut: float


def errors(rows: Sequence[Heard], wait: Callable[[Heard], float]) -> Errors:
    """Both kinds of error. Each unfinished utterance counts once for every one of PAUSES."""
    finished = [wait(one) > LATE_SECONDS for one in rows if one.finished]
    cut = [wait(one) < pause for one in rows if not one.finished for pause in PAUSES]
    return Errors(sum(finished) / max(1, len(finished)), sum(cut) / max(1, len(cut)))


METHODS: dict[str, Callable[[Heard], float]] = {
    "voice and words": waited,
    "smart-turn, all looks": waited_by_voice,
    "stock Pipecat": waited_by_stock,
}


def report(rows: Sequence[Heard]) -> Iterator[str]:
    """The table, and what each method got wrong."""
    finished = sum(one.finished for one in rows)
    yield f"{finished} finished, {len(rows) - finished} unfinished utterances"
    yield f"{'':24} wait over {LATE_SECONDS} s   cut off"
    for name, wait in METHODS.items():
        found = errors(rows, wait)
        yield f"{name:24} {found.late:13.1%} {found.cut:9.1%}"
    for language in VOICES:
        some = errors([one for one in rows if one.language == language], waited)
        yield f"  {language:22} {some.late:13.1%} {some.cut:9.1%}"
    for one in rows:
        until = waited(one)
        if until > LATE_SECONDS if one.finished else until < max(PAUSES):
            looks = " ".join(f"{each:.2f}" for each in one.probabilities)
            state = "late" if one.finished else "cut"
            yield f"{state} {until:.2f} [{one.language} {one.kind}] {one.heard!r}: {looks}"


async def listen(spoken: Sequence[Spoken], directory: Path) -> None:
    """Has utterances spoken, judged and transcribed, each into a file of its own."""
    from appliance.engines.whisper.engine import Whisper

    whisper = await Whisper.load(cache_directory() / "base", "cpu", "int8", 1)
    turn_models = TurnModels.load()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(whisper.close)
        stack.callback(turn_models.close)
        for number, one, voice in spoken:
            audio, found = directory / f"{number:03}.npy", directory / f"{number:03}.json"
            if found.exists():
                continue
            if not audio.exists():
                np.save(audio, await _speak(await _speaker(voice, stack), one, voice))
            speech = _ending_with_speech(np.load(audio))
            noise = np.random.default_rng(number)
            looks = [turn_models.smart_turn.predict(_paused(speech, each, noise)) for each in LOOKS]
            pcm = (_paused(speech, STOP_SECONDS, noise) * 32767).astype("<i2").tobytes()
            heard = await whisper.transcribe(pcm, one.language)
            row = Heard(
                *(one.finished, one.language, one.kind, one.text, voice, heard.text),
                tuple(round(look["probability"], 3) for look in looks),
            )
            found.write_text(json.dumps(asdict(row), ensure_ascii=False), encoding="utf-8")


def spoken_by(some: Sequence[Utterance], voices: Mapping[str, Sequence[str]]) -> list[Spoken]:
    """The utterances of the languages that have voices, numbered, each with its voice."""
    following = {language: cycle(names) for language, names in voices.items()}
    return [
        (number, one, next(following[one.language]))
        for number, one in enumerate(some)
        if one.language in following
    ]


_SPEAKERS: dict[str, Synthesizer] = {}


async def _speaker(voice: str, stack: AsyncExitStack) -> Synthesizer:
    """The engine that has a voice, loaded when it is first needed."""
    from appliance.engines.kokoro.engine import Kokoro
    from appliance.engines.piper.engine import Piper

    models = cache_directory()
    model = PIPER if voice == PIPER else "kokoro-v1.0.int8"
    if model not in _SPEAKERS:
        file = models / f"{model}.onnx"
        engine: Synthesizer = (
            await Piper.load(file, threads=1)
            if voice == PIPER
            else await Kokoro.load(file, models / "voices-v1.0.bin", "cpu", 1)
        )
        stack.push_async_callback(engine.close)
        _SPEAKERS[model] = engine
    return _SPEAKERS[model]


async def _speak(engine: Synthesizer, one: Utterance, voice: str) -> Samples:
    """The utterance at 16 kHz. A comma makes the voice go on; it is not spoken."""
    import soxr

    going_on = one.text.rstrip(",") + ","
    text = one.text if one.finished else f"{going_on} {one.then}".strip()
    spoken = [c async for c in engine.synthesize(text, Voice(voice, one.language))]
    samples = np.frombuffer(b"".join(spoken), "<i2").astype(np.float32) / 32768
    resampled: Samples = soxr.resample(samples, OUTPUT_RATE, INPUT_RATE)
    if one.then:
        pause = _pause_near(resampled, len(going_on) / len(text))
        if pause is None:  # the voice made none
            return await _speak(engine, replace(one, then=""), voice)
        return resampled[:pause]
    return resampled


def _pause_near(samples: Samples, share: float) -> int | None:
    """Where the pause begins that is nearest to a share of the samples."""
    level, frame = _levels(samples)
    is_silent = [*(level < level.max() * 10 ** (-36 / 20)), False]
    runs, begin = [], None
    for at, silent in enumerate(is_silent):
        if silent and begin is None:
            begin = at
        elif not silent and begin is not None:
            runs.append((begin, at))
            begin = None
    inner = [
        (begin, end)
        for begin, end in runs
        if begin and end < len(level) and (end - begin) * frame >= SHORTEST_PAUSE * INPUT_RATE
    ]
    wanted = share * len(level)
    nearest = min(inner, key=lambda run: abs(run[0] - wanted), default=None)
    if nearest is None or abs(nearest[0] - wanted) > 0.25 * len(level):
        return None
    return nearest[0] * frame


def _levels(samples: Samples) -> tuple[Samples, int]:
    """The loudness of frames of 10 ms, and their length in samples."""
    frame = INPUT_RATE // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.sqrt(np.mean(np.square(frames), axis=1)), frame


def _ending_with_speech(samples: Samples) -> Samples:
    """The samples up to the last that are louder than 36 dB below the loudest part."""
    level, frame = _levels(samples)
    last = int(np.flatnonzero(level > level.max() * 10 ** (-36 / 20))[-1])
    return samples[: (last + 1) * frame]


def _paused(speech: Samples, silence: float, noise: np.random.Generator) -> Samples:
    """The last eight seconds of it with half a second before and `silence` after, in a room."""
    around = np.concatenate(
        [np.zeros(INPUT_RATE // 2), speech, np.zeros(round(silence * INPUT_RATE))]
    )
    room = noise.normal(0, 10 ** (-66 / 20), len(around))
    return (around + room).astype(np.float32)[-8 * INPUT_RATE :]


def main() -> None:
    """Prints the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--listen", action="store_true")
    parser.add_argument("--part", default="1/1", help="of the utterances, for several processes")
    parser.add_argument("--audio", type=Path, default=Path("end_of_turn_audio"))
    options = parser.parse_args()
    evidence = FRESH_EVIDENCE if options.fresh else EVIDENCE
    if options.listen:
        options.audio.mkdir(parents=True, exist_ok=True)
        first, step = map(int, options.part.split("/"))
        some = fresh_utterances() if options.fresh else utterances()
        spoken = spoken_by(some, FRESH_VOICES if options.fresh else VOICES)
        asyncio.run(listen(spoken[first - 1 :: step], options.audio))
        rows = [path.read_text(encoding="utf-8") for path in sorted(options.audio.glob("*.json"))]
        lines = ",\n".join(rows)
        evidence.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    kept = kept_evidence(evidence)
    print("\n".join(report(kept[1::2] if options.fresh else kept)))  # noqa: T201


if __name__ == "__main__":
    main()
