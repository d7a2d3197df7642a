"""Measures the streaming voice against the published graph, over voices and sentences.

    python -m tests.engines.kokoro.stream_report [--models DIR] [--voices A,B] [--every N] [--words]

The directory holds the released int8 Kokoro model, its voices and, for --words, Whisper base; it
is that of the released tests if none is given. For each voice, the report gives the spectral
distance and the difference of level between slices and the published graph, the steps of level at
the seams, how loud sentences are, how many are heard as other words, and processor and wall time
relative to the published graph in the same run. A machine that does other work at the same time
spoils wall time more than processor time.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
import soxr
from kokoro_onnx.tokenizer import Tokenizer

from appliance.audio.loudness import gain_for, speech_level
from appliance.audio.spectrum import spectral_distance
from appliance.engines.kokoro.calibration import SENTENCES, Calibration, calibrate, rendered
from appliance.engines.kokoro.generator import SAMPLES_PER_FRAME
from appliance.engines.kokoro.renderers import SHORT_FRAMES, phonemes_of, prepared
from appliance.engines.kokoro.slices import slice_bounds
from appliance.engines.kokoro.split_model import Sentence, SplitModel
from appliance.engines.onnx_session import session_options
from appliance.engines.whisper.engine import Whisper
from appliance.languages import table
from appliance.text.word_error_rate import error_rate, words
from tests.released import cache_directory

MODEL, VOICES = "kokoro-v1.0.int8.onnx", "voices-v1.0.bin"
TEN_VOICES = (
    *("af_heart", "af_sarah", "af_bella", "af_nicole", "am_michael", "am_adam", "bf_emma"),
    *("bm_george", "bm_lewis", "af_sky"),
)
TEXTS = (
    "Yes.",
    "Good morning.",
    "I think so.",
    "Not today, sorry.",
    "The lamp is off.",
    "Let me check that.",
    "It is five past three.",
    "Your timer has ended.",
    "That would be lovely, thank you.",
    "The next train leaves at noon.",
    "I have turned the kitchen light on.",
    "It is half past nine in the morning.",
    "There are three messages for you.",
    "Rain is expected later this afternoon.",
    "Could you say that again, please?",
    "The capital of France is Paris.",
    "I set a timer for twelve minutes.",
    "Your meeting begins in a quarter of an hour.",
    "The bread should rise for about an hour.",
    "A group of crows is called a murder.",
    "Water boils at one hundred degrees at sea level.",
    "The front door is locked, and the alarm is set.",
    "Tomorrow will be sunny with a light breeze from the west.",
    "I could not find that song, but here is something similar.",
    "The museum opens at ten, and entry is free on Sundays.",
    "Mount Everest is eight thousand eight hundred and forty nine metres high.",
    "Add two eggs, a pinch of salt and a spoonful of sugar to the bowl.",
    "The quickest way to the station is along the river, then left at the bridge.",
    "Honey never spoils, because it contains very little water and a lot of sugar.",
    "You have two appointments today: the dentist at eleven and lunch with Julia at one.",
    "The battery is at forty percent, so it should last until this evening.",
    "Octopuses have three hearts, and two of them stop beating when they swim.",
    "I have moved your reminder to Friday, and I will mention it again in the morning.",
    "The film was made in nineteen seventy two, and it won several awards that year.",
    "To reset the router, hold the button on the back for ten seconds and then let go.",
    "Bats are the only mammals that can truly fly, although some squirrels glide quite far.",
    "The recipe asks for butter, but olive oil works just as well if you use a little less.",
    "She wrote her first novel in a small flat above a bakery, mostly between midnight and dawn.",
    "It looks like there is heavy traffic on the ring road, so you may want to leave a bit "
    "earlier.",
    "The Great Barrier Reef is the largest living structure on Earth, and it can be seen from"
    " space.",
    "If you water the plant only once a week and keep it out of direct sunlight, it should "
    "recover soon.",
    "The museum opens at ten tomorrow, and the last tickets are sold at half past four in the"
    " afternoon.",
    "Photosynthesis is the process by which green plants turn sunlight, water and carbon "
    "dioxide into sugar and oxygen.",
    "In the north of the country the winters are long and dark, while the south enjoys mild "
    "weather for most of the year.",
    "The committee postponed its decision until next month, because several members had not "
    "yet read the final report.",
    "When the bell rang, the children ran out into the yard, and within a minute the whole "
    "school was quiet again.",
    "You can grow tomatoes on a balcony, provided that the pots are deep enough and the "
    "plants get six hours of sun a day.",
    "The old lighthouse was automated in the eighties, but a keeper still lives there in "
    "summer and shows visitors around the tower.",
    "Sound travels about four times faster in water than in air, which is why whales can hear"
    " each other over enormous distances.",
    "The first part of the journey follows the coast, then the road climbs through pine "
    "forests until it reaches the pass, where you can stop for a view of the whole valley.",
)
"""Fifty sentences of one to nine seconds, none of which is used for calibration."""

T = TypeVar("T")
Samples = Any


class Published:
    """The released model, as published and in parts."""

    def __init__(self, models: Path, threads: int = 2) -> None:
        options = session_options(threads)
        self.graph = ort.InferenceSession(str(models / MODEL), options)
        self.split = SplitModel.split((models / MODEL).read_bytes(), options)
        self.tokenizer = Tokenizer()
        with np.load(models / VOICES) as voices:
            self.voices = {name: voices[name] for name in voices.files}

    def sentence(
        self, text: str, voice: str, speed: float = 1.0, language: str = "en-us"
    ) -> Sentence:
        phonemes = phonemes_of(self.tokenizer, text, language)
        return prepared(self.split, self.tokenizer, phonemes, self.voices[voice], speed)

    def audio(self, text: str, voice: str, speed: float = 1.0, language: str = "en-us") -> Samples:
        """What the published graph makes of it."""
        tokens = self.tokenizer.tokenize(phonemes_of(self.tokenizer, text, language))
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self.voices[voice][len(tokens) - 1].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        return self.graph.run(["audio"], inputs)[0]

    def calibrated(self, voice: str) -> Calibration:
        sentences = (self.sentence(text, voice) for text in SENTENCES)
        calibration = calibrate(self.split, sentences, lambda: True)
        assert calibration is not None
        return calibration

    def sliced(self, calibration: Calibration, sentence: Sentence) -> Samples:
        parts = rendered(self.split, sentence, calibration.predict(sentence))
        return np.concatenate(list(parts))


def seam_steps(audio: Samples, reference: Samples, frames: int) -> list[float]:
    """By how many dB the level of 25 ms changes more at each seam than it does in the reference.

    The reference is the same sentence with the same statistics, in one piece.
    """
    steps = []
    for _, stop in list(slice_bounds(frames))[:-1]:
        seam = stop * SAMPLES_PER_FRAME
        before, after = slice(seam - 600, seam), slice(seam + 300, seam + 900)
        power = [
            [float(np.square(samples[part]).mean()) + 1e-6 for part in (before, after)]
            for samples in (audio, reference)
        ]
        changes = [10 * np.log10(later / earlier) for earlier, later in power]
        steps.append(abs(float(changes[0] - changes[1])))
    return steps


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence. Levels are in dB; times are relative to the published graph's."""

    frames: int
    distance: float
    level: float
    """Of the slices, less that of the published graph."""
    loudness: float
    """After the gain that was chosen in advance, relative to the target."""
    seam: float
    """The largest step at a seam."""
    errors: int
    """Words that are heard wrongly."""
    errors_published: int
    other_words: bool
    """Whether other words are heard than in the published graph's sound."""
    first_wall: float
    first_processor: float
    all_wall: float
    all_processor: float


def measured(work: Callable[[], T]) -> tuple[T, float, float]:
    """The result, wall seconds and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


class Measurement:
    """Renders sentences of one voice in both ways."""

    def __init__(self, published: Published, voice: str, whisper: Whisper | None) -> None:
        self._published = published
        self._voice = voice
        self._language = table.kokoro_phonemizer(voice, table.language_of_voice(voice))
        self._whisper = whisper
        self.calibration = published.calibrated(voice)

    async def row(self, text: str) -> Row | None:
        """None for a sentence that is not rendered in slices."""
        model = self._published
        expected, wall, processor = measured(
            lambda: model.audio(text, self._voice, language=self._language)
        )
        parts: list[Samples] = []
        begun, begun_processor = time.perf_counter(), time.process_time()
        sentence = model.sentence(text, self._voice, language=self._language)
        if sentence.frames < SHORT_FRAMES:
            return None
        predicted = self.calibration.predict(sentence)
        first_wall = first_processor = 0.0
        for part in rendered(model.split, sentence, predicted):
            if not parts:
                first_wall = time.perf_counter() - begun
                first_processor = time.process_time() - begun_processor
            parts.append(part)
        all_wall = time.perf_counter() - begun
        all_processor = time.process_time() - begun_processor
        audio = np.concatenate(parts)
        unsliced = model.split.part(sentence, predicted.statistics, 0, sentence.frames)
        level = speech_level(audio)
        return Row(
            sentence.frames,
            spectral_distance(expected, audio),
            level - speech_level(expected),
            level + 20 * float(np.log10(gain_for(predicted.level))) + 20,
            max(seam_steps(audio, unsliced, sentence.frames), default=0.0),
            *await self._heard(text, audio, expected),
            *(first_wall / wall, first_processor / processor),
            *(all_wall / wall, all_processor / processor),
        )

    async def _heard(self, text: str, audio: Samples, expected: Samples) -> tuple[int, int, bool]:
        if self._whisper is None:
            return 0, 0, False
        heard, heard_published = [
            (await self._whisper.transcribe(at_16_khz(samples))).text
            for samples in (audio, expected)
        ]
        other = words(heard) != words(heard_published)
        if other:
            print(f"{self._voice}: {heard_published!r} became {heard!r}")  # noqa: T201
        return wrong_words(text, heard), wrong_words(text, heard_published), other


def at_16_khz(audio: Samples) -> bytes:
    """The samples as a transcriber takes them."""
    resampled = soxr.resample(audio, 24_000, 16_000)
    return bytes(np.clip(resampled * 32767, -32768, 32767).astype("<i2").tobytes())


def wrong_words(text: str, heard: str) -> int:
    """How many words of the text are heard wrongly."""
    return round(error_rate(text, heard) * len(words(text)))


def line(name: str, calibration: Calibration | None, rows: Sequence[Row]) -> str:
    """The figures of a voice, or of all of them."""
    values = np.array([astuple(row) for row in rows])
    frames, distance, level, loudness, seam, errors, errors_published, others = values.T[:8]
    first, first_cpu, whole, whole_cpu = values.T[8:]
    usable = "" if calibration is None else ("in slices" if calibration.is_usable else "whole")
    return (
        f"{name:12} {usable:9} {len(rows):3} of {frames.min() / 80:.1f}-{frames.max() / 80:.1f} s"
        f" | distance {distance.mean():.2f} 90% {np.quantile(distance, 0.9):.2f}"
        f" max {distance.max():.2f}"
        f" | level {level.mean():+.2f} |.| {np.abs(level).mean():.2f} max {np.abs(level).max():.2f}"
        f" within 0.3: {(np.abs(level) <= 0.3).mean():.0%}"
        f" | loudness {loudness.mean():+.2f} |.| {np.abs(loudness).mean():.2f}"
        f" max {np.abs(loudness).max():.2f}"
        f" | seams mean {seam.mean():.2f} max {seam.max():.2f} | other words {others.sum():.0f},"
        f" word errors {errors.sum():.0f} published {errors_published.sum():.0f}"
        f" | first {np.median(first):.2f} cpu {np.median(first_cpu):.2f}"
        f" | all {np.median(whole):.2f} cpu {np.median(whole_cpu):.2f}"
    )


async def report(arguments: argparse.Namespace) -> None:
    models = Path(arguments.models) if arguments.models else cache_directory()
    published = Published(models, arguments.threads)
    whisper = None
    if arguments.words:
        whisper = await Whisper.load(models / "base", "cpu", "int8", arguments.threads)
    rows: list[Row] = []
    for voice in arguments.voices.split(",") if arguments.voices else TEN_VOICES:
        measurement = Measurement(published, voice, whisper)
        of_voice = [await measurement.row(text) for text in TEXTS[:: arguments.every]]
        done = [row for row in of_voice if row is not None]
        print(line(voice, measurement.calibration, done), flush=True)  # noqa: T201
        rows += done
    print(line("all", None, rows))  # noqa: T201
    if whisper is not None:
        await whisper.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="measure the streaming voice")
    parser.add_argument("--models", help="a directory with the released models")
    parser.add_argument("--voices", help="names with commas; ten voices if none are given")
    parser.add_argument("--every", type=int, default=1, help="only each Nth of the 50 sentences")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--words", action="store_true", help="compare what Whisper base hears")
    asyncio.run(report(parser.parse_args()))


if __name__ == "__main__":
    main()
