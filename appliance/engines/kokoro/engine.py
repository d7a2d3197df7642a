"""Kokoro as a synthesizer: speaks texts from two files on disk, on ONNX Runtime.

On a processor, the published int8 model is split (`generator.py`), so that a sentence is heard
while its end is still being made. Any other model, and a GPU, make it in one run.

Phrases spoken before come from the phrase cache, where the caller gives it room; all others queue
for the model. Every phrase is brought to the same loudness (`audio/loudness.py`).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import OUTPUT_RATE
from appliance.engines import Ticket, Voice
from appliance.engines.kokoro.loading import Loaded, load_renderer
from appliance.engines.kokoro.phrase_cache import Phrase, PhraseCache
from appliance.engines.kokoro.renderers import Renderer, phonemes_of
from appliance.engines.worker import Emit, WorkerPool
from appliance.errors import EngineFailed
from appliance.languages import table

if TYPE_CHECKING:
    import numpy as np

_PREFERRED_VOICES: Final = ("af_sarah", "af_heart", "af_bella", "bf_emma")
"""Fallback voices, best first, as far as the voices file has them."""
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_SENTENCE_PAUSE, _CLAUSE_PAUSE = 0.25, 0.1
"""Seconds between two batches of a text."""


class Kokoro:
    """A Synthesizer over one Kokoro model that all sessions share."""

    def __init__(self, workers: WorkerPool, loaded: Loaded, phrases: PhraseCache) -> None:
        """Takes a model that `load` has loaded and warmed."""
        self._workers = workers
        self._phrases = phrases
        self._loaded: Loaded | None = loaded
        self._name = loaded.name
        voices = loaded.renderer.voices
        preferred = [voice for voice in _PREFERRED_VOICES if voice in voices]
        self._voices = (*preferred, *sorted(set(voices) - set(preferred)))

    @classmethod
    async def load(
        cls,
        model: Path,
        voices: Path,
        device: str = "auto",
        threads: int = 0,
        *,
        phrase_bytes: int = 0,
        calibrations: Path | None = None,
        voice: Voice | None = None,
    ) -> "Kokoro":
        """Loads the model and speaks one word with it, because its first run is slow.

        `device` is cuda, cpu or auto. `threads` is the number of CPU threads (0: ONNX Runtime
        decides). `phrase_bytes` is the size of the phrase cache, 48 kB for a second of speech; 0
        turns it off. `calibrations` is the directory in which what was measured of the voices is
        kept; `voice` is the one to begin with, as `synthesize` chooses it. Raises ModelMissing or
        ModelBroken naming the file, or EngineFailed if the device cannot run the model.
        """
        workers = WorkerPool("kokoro")
        async with workers.close_on_failure():
            is_busy = lambda: not workers.is_idle  # noqa: E731
            arguments = model, voices, device, threads, calibrations, is_busy
            loaded = await workers.run(load_renderer, *arguments)
            await workers.run(_warm_up, loaded.renderer)
        engine = cls(workers, loaded, PhraseCache(phrase_bytes))
        if loaded.calibrations is not None and voice is not None:
            loaded.calibrations.request(choose_voice(voice, engine.voices))
        return engine

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
        calibrations = self._loaded.calibrations if self._loaded is not None else None
        return calibrations is not None and calibrations.is_latest_usable

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """Yields PCM as it is made; yields nothing for a text without words.

        An unknown voice name falls back to the best voice of the same language, then to the best of
        all. The phonemes are those of the language, in the variant of the voice.
        """
        if self._loaded is None:
            raise EngineFailed(f"{self._name} is closed")
        speed = max(_MIN_SPEED, min(_MAX_SPEED, voice.speed))
        name = choose_voice(voice, self._voices)
        phonemizer = table.kokoro_phonemizer(name, voice.language)
        phrase = Phrase(text.strip(), name, speed, self._name, phonemizer)
        cached = self._phrases.get(phrase)
        if cached is not None:
            if ticket is not None:
                ticket.from_cache = True
            for chunk in cached:
                yield chunk
            return
        if self._loaded.calibrations is not None:
            self._loaded.calibrations.request(phrase.voice)
        spoken: list[bytes] = []
        stream = self._workers.stream(partial(self._produce, phrase), ticket)
        # `async for` does not close what it iterates over: a caller that stops early must also
        # stop the model.
        async with aclosing(stream):
            async for chunk in stream:
                spoken.append(chunk)
                yield chunk
        self._phrases.put(phrase, tuple(spoken))

    def _produce(self, phrase: Phrase, emit: Emit) -> None:
        if self._loaded is None:
            raise EngineFailed(f"{self._name} is closed")
        for pcm in _speak(self._loaded.renderer, phrase):
            if not emit(pcm):
                return

    async def close(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None and loaded.calibrations is not None:
            await loaded.calibrations.close()
        await self._workers.close()
        self._phrases.clear()


def choose_voice(voice: Voice, voices: tuple[str, ...]) -> str:
    """Returns the voice of that name, else the best of its language, else the first. Pure."""
    if voice.name in voices:
        return voice.name
    best = (name for name in table.kokoro_voices(voice.language) if name in voices)
    return next(best, voices[0])


def _warm_up(renderer: Renderer) -> None:
    for _ in _speak(renderer, Phrase("Ready.", next(iter(renderer.voices)), 1.0, "")):
        pass


def _speak(renderer: Renderer, phrase: Phrase) -> Iterator[bytes]:
    """Yields the PCM of one batch of phonemes after another, and of the pauses between them."""
    # Imported late: importing the package loads nothing heavy.
    from kokoro_onnx.chunker import pause_after, split_phonemes

    phonemes = phonemes_of(renderer.tokenizer, phrase.text, phrase.phonemizer)
    batches = [
        batch
        for batch in split_phonemes(phonemes, renderer.max_phonemes)
        if any(character.isalpha() for character in batch) and renderer.tokenizer.tokenize(batch)
    ]
    for number, batch in enumerate(batches, 1):
        for audio in renderer.render(batch, phrase.voice, phrase.speed):
            if audio.size:
                yield _pcm(audio)
        if number < len(batches):
            pause = pause_after(batch, _SENTENCE_PAUSE, _CLAUSE_PAUSE)
            yield bytes(2 * int(pause * OUTPUT_RATE))


def _pcm(audio: "np.ndarray[Any, Any]") -> bytes:
    import numpy as np

    # The model exceeds full scale now and then.
    return bytes(np.rint(np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
