"""Runs Piper voices (VITS) by ONNX Runtime on eSpeak's phonemes: quicker than Kokoro, less natural.

A voice is two files, NAME.onnx and NAME.onnx.json, as the repository rhasspy/piper-voices has them.
The model draws its own noise, so a text sounds a little different each time.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import OUTPUT_RATE
from appliance.audio.loudness import levelled
from appliance.engines import Ticket, Voice
from appliance.engines.espeak.library import EspeakLibrary, espeak_library
from appliance.engines.onnx_session import run_options, session_options
from appliance.engines.piper.phonemes import BEGIN, END, PAD, PhonemeIds, phoneme_ids, sentences
from appliance.engines.worker import Emit, WorkerPool
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from appliance.languages import table

if TYPE_CHECKING:
    import numpy as np
    from onnxruntime import InferenceSession

_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_PAUSE_SECONDS: Final = 0.1
"""Between two sentences, beside the 0.2 s of silence that the model itself makes."""
_INPUTS: Final = {"input", "input_lengths", "scales"}
_SPEAKER: Final = "sid"
"""The further input of a model with several speakers."""
_MIN_RATE, _MAX_RATE = 8_000, 48_000


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """What the .onnx.json of a voice says. `speakers` are its speakers by name."""

    language: str
    rate: int
    ids: PhonemeIds
    noise_scale: float
    length_scale: float
    noise_w: float
    speakers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LoadedVoice:
    """A model with its settings and the phonemizer."""

    session: "InferenceSession"
    settings: VoiceSettings
    espeak: EspeakLibrary

    def speak(self, sentence: str, speaker: int, speed: float) -> "np.ndarray[Any, Any]":
        """The samples (full scale 1) of a sentence in phonemes, at the output rate. Blocks."""
        import numpy as np  # imported late, so that importing the package loads nothing heavy
        import soxr

        settings = self.settings
        ids = phoneme_ids(sentence, settings.ids)
        scales = (settings.noise_scale, settings.length_scale / speed, settings.noise_w)
        inputs = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if settings.speakers:
            inputs[_SPEAKER] = np.array([speaker], np.int64)
        samples = np.asarray(self.session.run(None, inputs, run_options())[0], np.float32).reshape(
            -1
        )
        if not np.isfinite(samples).all():
            raise EngineFailed("the model returned samples that are not finite")
        return levelled(soxr.resample(samples, settings.rate, OUTPUT_RATE))


class Piper:
    """A Synthesizer over one Piper voice that all sessions share.

    The names of its voices are the speakers of the model; most models have one.
    """

    def __init__(self, workers: WorkerPool, voice: LoadedVoice, name: str) -> None:
        """Takes a voice that `load` has loaded and warmed."""
        self._workers = workers
        self._voice: LoadedVoice | None = voice
        self._name = name
        self._speakers = dict(voice.settings.speakers)
        self._voices = tuple(self._speakers) or (name.split()[1],)

    @classmethod
    async def load(cls, model: Path, threads: int = 0) -> "Piper":
        """Loads the voice and speaks one word with it, because its first run is slow.

        `threads` is the number of CPU threads (0: ONNX Runtime decides). Raises ModelMissing or
        ModelBroken naming the file.
        """
        workers = WorkerPool("piper")
        async with workers.close_on_failure():
            voice = await workers.run(_load, model, threads)
        return cls(workers, voice, f"piper {model.stem} cpu")

    @property
    def name(self) -> str:
        return self._name

    @property
    def stuck_seconds(self) -> float:
        return self._workers.stuck_seconds

    @property
    def voices(self) -> tuple[str, ...]:
        return self._voices

    @property
    def streams(self) -> bool:
        return False

    @property
    def language(self) -> str:
        """The language that the voice speaks ("de"), by eSpeak NG's name of it."""
        voice = self._voice
        return table.language_of_voice(voice.settings.language) if voice else ""

    def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """PCM in one chunk a sentence; none for a text without words.

        An unknown voice name gives way to the first speaker. The language is always the model's.
        """
        return self._workers.stream(partial(self._produce, text, voice), ticket)

    def _produce(self, text: str, voice: Voice, emit: Emit) -> None:
        loaded = self._voice
        if loaded is None:
            raise EngineFailed(f"{self._name} is closed")
        speaker = self._speakers.get(voice.name, 0)
        speed = max(_MIN_SPEED, min(_MAX_SPEED, voice.speed))
        for number, sentence in enumerate(_sentences(loaded, text)):
            pause = bytes(2 * round(_PAUSE_SECONDS * OUTPUT_RATE)) if number else b""
            if not emit(pause + _pcm(loaded.speak(sentence, speaker, speed))):
                return

    async def close(self) -> None:
        await self._workers.close()
        self._voice = None


def _sentences(voice: LoadedVoice, text: str) -> list[str]:
    if not any(character.isalnum() for character in text):
        return []
    return list(sentences(voice.espeak.clauses(text, voice.settings.language)))


def _pcm(samples: "np.ndarray[Any, Any]") -> bytes:
    import numpy as np  # imported late, as above

    return bytes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def _load(model: Path, threads: int) -> LoadedVoice:
    # Not Path.with_suffix, which would replace what follows the last dot of the name.
    description = model.with_name(f"{model.name}.json")
    for file in (model, description):
        if not file.is_file():
            raise ModelMissing(f"{file} is missing")
    settings = _read_settings(description)
    espeak = espeak_library()
    if settings.language not in espeak.voices():
        raise ModelBroken(f"{description}: eSpeak NG has no voice {settings.language!r}")
    voice = LoadedVoice(_open_session(model, settings, threads), settings, espeak)
    try:
        for sentence in _sentences(voice, "Ready."):
            voice.speak(sentence, 0, 1.0)
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise ModelBroken(f"{model} does not speak: {error}") from error
    return voice


def _read_settings(description: Path) -> VoiceSettings:
    """Reads NAME.onnx.json. Raises ModelBroken."""
    try:
        read = json.loads(description.read_text(encoding="utf-8"))
        kind = read.get("phoneme_type", "espeak")
        inference = read["inference"]
        settings = VoiceSettings(
            language=str(read["espeak"]["voice"]),
            rate=int(read["audio"]["sample_rate"]),
            ids={
                str(phoneme): tuple(map(int, numbers))
                for phoneme, numbers in read["phoneme_id_map"].items()
            },
            noise_scale=float(inference["noise_scale"]),
            length_scale=float(inference["length_scale"]),
            noise_w=float(inference["noise_w"]),
            speakers=_speakers(read),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelBroken(f"{description} does not describe a Piper voice: {error!r}") from error
    if kind != "espeak":
        raise ModelBroken(f"{description}: its phonemes are of the type {kind!r}, not eSpeak's")
    if any(not settings.ids.get(phoneme) for phoneme in (PAD, BEGIN, END)):
        raise ModelBroken(f"{description}: its phoneme_id_map is incomplete")
    if not (_MIN_RATE <= settings.rate <= _MAX_RATE and settings.length_scale > 0):
        raise ModelBroken(f"{description} does not describe a Piper voice: wrong numbers")
    return settings


def _speakers(read: Mapping[str, Any]) -> Mapping[str, int]:
    """The speakers of a model with several, in the order of their numbers; else none."""
    count = int(read.get("num_speakers", 1))
    if count <= 1:
        return {}
    named = {str(name): int(number) for name, number in read.get("speaker_id_map", {}).items()}
    named = named or {str(number): number for number in range(count)}
    if not all(0 <= number < count for number in named.values()):
        raise ValueError("speaker_id_map has a number that is no speaker")
    return dict(sorted(named.items(), key=lambda item: item[1]))


def _open_session(model: Path, settings: VoiceSettings, threads: int) -> "InferenceSession":
    import onnxruntime as ort  # imported late, as above

    options = session_options(threads)
    try:
        session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise ModelBroken(f"{model} cannot be loaded: {error}") from error
    inputs = {entry.name for entry in session.get_inputs()}
    if inputs != _INPUTS | ({_SPEAKER} if settings.speakers else set()):
        names = ", ".join(sorted(inputs))
        raise ModelBroken(f"{model} does not fit its description: its inputs are {names}")
    return session
