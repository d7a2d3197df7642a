"""Measures the end of turn by voice and words beside smart-turn alone, on speech made by Kokoro.

    python -m tests.voice.turns.end_of_turn_report [--listen [--part 1/2]] [--audio DIR]

With --listen the utterances of fixtures/end_of_turn are spoken, an unfinished one as if more were
to follow, judged by smart-turn and heard by Whisper, which takes half an hour on two cores; what
was found is kept in fixtures/end_of_turn/evidence.json. Without it, the kept evidence is used.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.audio.format import INPUT_RATE
from appliance.engines import Voice
from appliance.text.endings import ending
from appliance.voice.turns.end_of_turn import TurnEvidence, TurnLimits, pause_seconds
from appliance.voice.turns.shared_models import TurnModels
from appliance.voice.turns.smart_turn import AGAIN_AFTER_MS, AHEAD_AFTER_MS
from tests.released import cache_directory
from tests.voice.turns.end_of_turn_texts import FIXTURES, Utterance, utterances

EVIDENCE = FIXTURES / "evidence.json"
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

Samples = npt.NDArray[np.float32]


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


def kept_evidence() -> list[Heard]:
    """What was found when the utterances were spoken last."""
    rows = json.loads(EVIDENCE.read_text(encoding="utf-8"))
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


async def listen(directory: Path, part: slice) -> None:
    """Has the utterances of a part spoken, judged and transcribed, each into a file of its own."""
    from appliance.engines.kokoro.engine import Kokoro
    from appliance.engines.whisper.engine import Whisper

    models = cache_directory()
    kokoro = await Kokoro.load(
        models / "kokoro-v1.0.int8.onnx", models / "voices-v1.0.bin", "cpu", 1
    )
    whisper = await Whisper.load(models / "base", "cpu", "int8", 1)
    turn_models = TurnModels.load()
    for number, one, voice in _spoken()[part]:
        audio, found = directory / f"{number:03}.npy", directory / f"{number:03}.json"
        if found.exists():
            continue
        if not audio.exists():
            np.save(audio, await _speak(kokoro, one, voice))
        speech = _ending_with_speech(np.load(audio))
        noise = np.random.default_rng(number)
        looks = [turn_models.smart_turn.predict(_paused(speech, each, noise)) for each in LOOKS]
        pcm = (_paused(speech, STOP_SECONDS, noise) * 32767).astype("<i2").tobytes()
        heard = await whisper.transcribe(pcm, one.language)
        probabilities = tuple(round(look["probability"], 3) for look in looks)
        row = Heard(**asdict(one), voice=voice, heard=heard.text, probabilities=probabilities)
        found.write_text(json.dumps(asdict(row), ensure_ascii=False), encoding="utf-8")
    await kokoro.close()
    await whisper.close()
    turn_models.close()


def _spoken() -> list[tuple[int, Utterance, str]]:
    """The utterances of the languages that Kokoro speaks, numbered, each with its voice."""
    voices = {language: cycle(names) for language, names in VOICES.items()}
    return [
        (number, one, next(voices[one.language]))
        for number, one in enumerate(utterances())
        if one.language in voices
    ]


async def _speak(kokoro: object, one: Utterance, voice: str) -> Samples:
    """The utterance at 16 kHz. A comma makes the voice go on; it is not spoken."""
    import soxr

    text = one.text if one.finished else one.text.rstrip(",") + ","
    spoken = [c async for c in kokoro.synthesize(text, Voice(voice, one.language))]  # type: ignore[attr-defined]
    samples = np.frombuffer(b"".join(spoken), "<i2").astype(np.float32) / 32768
    resampled: Samples = soxr.resample(samples, 24_000, INPUT_RATE)
    return resampled


def _ending_with_speech(samples: Samples) -> Samples:
    """The samples up to the last that are louder than 36 dB below the loudest part."""
    frame = INPUT_RATE // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
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
    parser.add_argument("--listen", action="store_true")
    parser.add_argument("--part", default="1/1", help="of the utterances, for several processes")
    parser.add_argument("--audio", type=Path, default=Path("end_of_turn_audio"))
    options = parser.parse_args()
    if options.listen:
        options.audio.mkdir(parents=True, exist_ok=True)
        first, step = map(int, options.part.split("/"))
        asyncio.run(listen(options.audio, slice(first - 1, None, step)))
        rows = [path.read_text(encoding="utf-8") for path in sorted(options.audio.glob("*.json"))]
        lines = ",\n".join(rows)
        EVIDENCE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print("\n".join(report(kept_evidence())))  # noqa: T201


if __name__ == "__main__":
    main()
