"""Speaks the texts, by the voices that this machine has, and keeps the audio in a directory.

Kokoro speaks the languages that it has voices for, a Piper voice among the models the others, and
eSpeak NG what is left. This module needs numpy and is imported late.
"""

import hashlib
import wave
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.bench.accuracy import sound
from appliance.bench.accuracy.clips import read_recording, resampled
from appliance.bench.accuracy.sound import Signal
from appliance.engines import Synthesizer, Voice
from appliance.errors import ApplianceError
from appliance.languages.table import languages

VOICES: Final[Mapping[str, Sequence[str]]] = {
    "en": ("af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_fenrir"),
    "es": ("ef_dora", "em_alex"),
    "fr": ("ff_siwis",),
    "it": ("if_sara", "im_nicola"),
    "pt": ("pf_dora", "pm_alex"),
}
"""Kokoro's voices by language."""
_ESPEAK: Final = "espeak"


class Speakers:
    """Speaks texts; what was spoken once is read from `directory`.

    `kokoro` are the files of the model and of its voices, or None; `models` is where voices of
    Piper are. Engines are loaded when they are first needed. Used as a context manager.
    """

    def __init__(self, directory: Path, kokoro: tuple[Path, Path] | None, models: Path) -> None:
        self._directory = directory
        self._kokoro = kokoro
        self._models = models
        self._engines: dict[str, Synthesizer] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Speakers":
        self._directory.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def voice(self, language: str, number: int) -> str:
        """The name of the `number`-th voice of a language, beginning anew after the last."""
        voices = list(VOICES.get(language, ()) if self._kokoro else ()) or self._piper(language)
        return voices[number % len(voices)] if voices else f"{_ESPEAK} {language}"

    def _piper(self, language: str) -> list[str]:
        """The voices of Piper for a language that are on this machine, best first."""
        known = languages().get(language)
        speaker = known.speaker("piper") if known else None
        names = speaker.voices if speaker else ()
        return [name for name in names if (self._models / f"{name}.onnx").exists()]

    async def speak(self, text: str, language: str, voice: str) -> Signal:
        """The text as 16 kHz samples without silence around them. Raises ApplianceError."""
        model = self._model(voice)
        key = hashlib.sha256(f"{model}\n{language}\n{voice}\n{text}".encode()).hexdigest()[:24]
        file = self._directory / f"{key}.wav"
        if not file.exists():
            engine = await self._engine(model)
            chosen = Voice("" if model == _ESPEAK else voice, language)
            pcm = b"".join([chunk async for chunk in engine.synthesize(text, chosen)])
            spoken = sound.without_silence(resampled(sound.pcm_signal(pcm), OUTPUT_RATE))
            if not spoken.size:
                raise ApplianceError(f"{engine.name} made no audio of {text!r}")
            _write(file, spoken)
        return read_recording(file)

    def _model(self, voice: str) -> str:
        """The name of the model that has a voice: eSpeak NG, Kokoro's file, or Piper's voice."""
        if voice.startswith(_ESPEAK):
            return _ESPEAK
        is_kokoro = any(voice in voices for voices in VOICES.values())
        return self._kokoro[0].name if self._kokoro and is_kokoro else voice

    async def _engine(self, model: str) -> Synthesizer:
        if model not in self._engines:
            engine = await self._load(model)
            self._stack.push_async_callback(engine.close)
            self._engines[model] = engine
        return self._engines[model]

    async def _load(self, model: str) -> Synthesizer:
        if model == _ESPEAK:
            from appliance.engines.espeak.engine import Espeak

            return await Espeak.load()
        if self._kokoro and model == self._kokoro[0].name:
            from appliance.engines.kokoro.engine import Kokoro

            return await Kokoro.load(*self._kokoro, device="cpu")
        from appliance.engines.piper.engine import Piper

        return await Piper.load(self._models / f"{model}.onnx")


def _write(file: Path, signal: Signal) -> None:
    """Writes a whole file or none: a run that is interrupted leaves nothing half done."""
    partial = file.with_suffix(".part")
    with wave.open(str(partial), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(INPUT_RATE)
        recording.writeframes(sound.signal_pcm(signal))
    partial.replace(file)
