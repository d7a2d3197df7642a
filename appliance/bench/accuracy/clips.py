"""Puts together what is said to the appliance: parts, the pauses between them, a condition.

This module needs numpy and is imported late.
"""

import random
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from appliance.audio.format import INPUT_RATE
from appliance.bench.accuracy import sound
from appliance.bench.accuracy.sound import Signal
from appliance.bench.accuracy.utterances import Trial
from appliance.errors import ApplianceError

LEAD_SECONDS: Final = 0.6
TAIL_SECONDS: Final = 2.5
"""Longer than the silence that ends an unfinished sentence."""
PAUSES: Final[Mapping[str, tuple[float, float]]] = {
    "digits": (0.35, 0.8),
    "address": (0.35, 0.8),
}
"""Seconds, from and to: groups of a number follow each other faster than second thoughts."""
LONG_PAUSES: Final = (0.5, 1.1)
NO_SPEECH_SECONDS: Final = 6.0
NO_SPEECH_LEVELS: Final = (-40.0, -30.0, -20.0)
MOST_OTHERS: Final = 6


@dataclass(frozen=True, slots=True)
class Clip:
    """16 kHz PCM of one utterance, or of a sound in which there is no speech (`text` is empty).

    Speech lasts from `begin` to `end`, with `pauses` within it, all in seconds. After an
    utterance that `is_finished`, the turn should end, and it `may_end` in the pauses; `kind` and
    `condition` say what it is.
    """

    name: str
    text: str
    language: str
    kind: str
    condition: str
    voice: str
    pcm: bytes
    begin: float
    end: float
    pauses: tuple[tuple[float, float], ...] = ()
    is_finished: bool = True
    may_end: bool = False

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / INPUT_RATE

    @property
    def spoken_pcm(self) -> bytes:
        """Without most of the time in which the end of the turn is waited for."""
        return self.pcm[: 2 * int((self.end + LEAD_SECONDS) * INPUT_RATE)]


def speech_clip(
    name: str,
    trial: Trial,
    voice: str,
    parts: Sequence[Signal],
    others: Sequence[Signal],
    seed: int,
) -> Clip:
    """The clip of a trial from its spoken parts, which have no silence around them."""
    utterance = trial.utterance
    chance = random.Random(f"{seed} {utterance.language} {utterance.text}")
    shortest, longest = PAUSES.get(utterance.kind, LONG_PAUSES)
    pieces, pauses, length = [_silence(LEAD_SECONDS)], [], int(LEAD_SECONDS * INPUT_RATE)
    for number, part in enumerate(parts):
        if number:
            pause = _silence(chance.uniform(shortest, longest))
            pauses.append((length / INPUT_RATE, (length + len(pause)) / INPUT_RATE))
            pieces.append(pause)
            length += len(pause)
        pieces.append(part)
        length += len(part)
    clean = np.concatenate([*pieces, _silence(TAIL_SECONDS)])
    noisy = sound.in_condition(clean, trial.condition, others, _generator(seed, name))
    return Clip(
        name=name,
        text=utterance.text,
        language=utterance.language,
        kind=utterance.kind,
        condition=trial.condition,
        voice=voice,
        pcm=sound.signal_pcm(noisy),
        begin=LEAD_SECONDS,
        end=length / INPUT_RATE,
        pauses=tuple(pauses),
        is_finished=utterance.is_finished,
        may_end=utterance.may_end,
    )


def no_speech_clips(seed: int) -> Iterator[Clip]:
    """Every sound without speech, at every level."""
    for kind in sound.NO_SPEECH:
        for level in NO_SPEECH_LEVELS:
            name = f"{kind} {level:g} dB"
            signal = sound.no_speech(kind, NO_SPEECH_SECONDS, level, _generator(seed, name))
            pcm = sound.signal_pcm(np.concatenate([signal, _silence(TAIL_SECONDS)]))
            yield Clip(name, "", "en", kind, f"{level:g} dB", "", pcm, 0.0, NO_SPEECH_SECONDS)


def recorded_clips(directory: Path) -> list[Clip]:
    """The recordings below a directory, each with its words: FILE.txt beside FILE.wav, or its name.

    The name of the directory that a recording lies in is its language, where it has two letters,
    else its kind. Raises ApplianceError where there is none, or one cannot be read.
    """
    files = sorted(directory.rglob("*.wav"))
    if not files:
        raise ApplianceError(
            f"there are no .wav files in {directory}",
            advice="Put the words of FILE.wav into FILE.txt, or name it after them.",
        )
    return [_recorded_clip(file, directory) for file in files]


def _recorded_clip(file: Path, directory: Path) -> Clip:
    beside = file.with_suffix(".txt")
    text = beside.read_text(encoding="utf-8") if beside.exists() else file.stem.replace("_", " ")
    folders = file.relative_to(directory).parts[:-1]
    language = next((name for name in folders if len(name) == 2), "en")
    kind = next((name for name in reversed(folders) if len(name) != 2), "recording")
    speech = read_recording(file)
    voiced = sound.without_silence(speech)
    lead = int(np.argmax(np.abs(speech) > 0.01 * np.abs(speech).max(initial=0.0)))
    whole = np.concatenate([_silence(LEAD_SECONDS), speech, _silence(TAIL_SECONDS)])
    begin = LEAD_SECONDS + lead / INPUT_RATE
    return Clip(
        name=str(file.relative_to(directory)),
        text=text.strip(),
        language=language,
        kind=kind,
        condition="recorded",
        voice="",
        pcm=sound.signal_pcm(whole),
        begin=begin,
        end=begin + len(voiced) / INPUT_RATE,
    )


def read_recording(file: Path) -> Signal:
    """A recording of 16 bits, of any rate and number of channels. Raises ApplianceError."""
    try:
        with wave.open(str(file)) as recording:
            rate, channels = recording.getframerate(), recording.getnchannels()
            width, pcm = recording.getsampwidth(), recording.readframes(recording.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise ApplianceError(f"{file} cannot be read: {error}") from error
    if width != 2:
        raise ApplianceError(f"{file} has {8 * width} bits", advice="Convert it to 16 bits.")
    mono = sound.pcm_signal(pcm).reshape(-1, channels).mean(axis=1, dtype=np.float32)
    return resampled(mono, rate)


def resampled(signal: Signal, rate: int) -> Signal:
    """The signal at 16 kHz."""
    import soxr

    return signal if rate == INPUT_RATE else np.asarray(soxr.resample(signal, rate, INPUT_RATE))


def _silence(seconds: float) -> Signal:
    return np.zeros(int(seconds * INPUT_RATE), np.float32)


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])
