"""Speaks the texts, by the voices that this machine has, and keeps the audio in a directory.

Kokoro speaks the languages that it has voices for, eSpeak NG the others, and all of them where
there is no Kokoro. This module needs numpy and is imported late.
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

VOICES: Final[Mapping[str, Sequence[str]]] = {
    "en": ("af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_fenrir"),
    "es": ("ef_dora", "em_alex"),
    "fr": ("ff_siwis",),
    "it": ("if_sara", "im_nicola"),
    "pt": ("pf_dora", "pm_alex"),
}
"""Kokoro's voices by language."""


class Speakers:
    """Speaks texts; what was spoken once is read from `directory`.

    `kokoro` are the files of the model and of its voices, or None. Engines are loaded when they
    are first needed. Used as a context manager.
    """

    def __init__(self, directory: Path, kokoro: tuple[Path, Path] | None) -> None:
        self._directory = directory
        self._kokoro = kokoro
        self._engines: dict[str, Synthesizer] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Speakers":
        self._directory.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def voice(self, language: str, number: int) -> str:
        """The name of the `number`-th voice of a language, beginning anew after the last."""
        voices = VOICES.get(language, ()) if self._kokoro else ()
        return voices[number % len(voices)] if voices else f"espeak {language}"

    async def speak(self, text: str, language: str, voice: str) -> Signal:
        """The text as 16 kHz samples without silence around them. Raises ApplianceError."""
        kind = "espeak" if voice.startswith("espeak") else "kokoro"
        model = self._kokoro[0].name if self._kokoro and kind == "kokoro" else "espeak"
        key = hashlib.sha256(f"{model}\n{language}\n{voice}\n{text}".encode()).hexdigest()[:24]
        file = self._directory / f"{key}.wav"
        if not file.exists():
            engine = await self._engine(kind)
            chosen = Voice("" if kind == "espeak" else voice, language)
            pcm = b"".join([chunk async for chunk in engine.synthesize(text, chosen)])
            spoken = sound.without_silence(resampled(sound.pcm_signal(pcm), OUTPUT_RATE))
            if not spoken.size:
                raise ApplianceError(f"{engine.name} made no audio of {text!r}")
            _write(file, spoken)
        return read_recording(file)

    async def _engine(self, kind: str) -> Synthesizer:
        if kind not in self._engines:
            engine = await self._load(kind)
            self._stack.push_async_callback(engine.close)
            self._engines[kind] = engine
        return self._engines[kind]

    async def _load(self, kind: str) -> Synthesizer:
        if kind == "kokoro" and self._kokoro:
            from appliance.engines.kokoro.engine import Kokoro

            return await Kokoro.load(*self._kokoro, device="cpu")
        from appliance.engines.espeak.engine import Espeak

        return await Espeak.load()


def _write(file: Path, signal: Signal) -> None:
    """Writes a whole file or none: a run that is interrupted leaves nothing half done."""
    partial = file.with_suffix(".part")
    with wave.open(str(partial), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(INPUT_RATE)
        recording.writeframes(sound.signal_pcm(signal))
    partial.replace(file)
