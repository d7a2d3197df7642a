"""eSpeak NG as a synthesizer: the starter engine of speech synthesis."""

from collections.abc import AsyncIterator
from typing import Final

from appliance.audio.format import OUTPUT_RATE
from appliance.engines import Ticket, Voice
from appliance.engines.espeak.library import Delivery, EspeakLibrary, espeak_library
from appliance.engines.worker import Emit, WorkerPool
from appliance.languages import table

_WORDS_PER_MINUTE: Final = 165
_ENGLISH: Final = "en-us"
_TIMBRE: Final = "+klatt4"
"""Of the hundred variants in the data, the Klatt voices are those that a recogniser trained on
people understands best, at any rate and pitch; the fourth is less sharp than the others."""
_PITCH, _RANGE = 45, 55
_GAIN: Final = 1.1
"""Brings ordinary sentences to -20 dB of full scale (root mean square), peaks below it."""
_RESAMPLING: Final = "MQ"
"""Delays the sound by 13 ms; HQ would delay it by 26, without a difference for formants."""


class Espeak:
    """A Synthesizer on the eSpeak NG of this process. Voice names are its languages."""

    name = "espeak"

    def __init__(self, workers: WorkerPool, espeak: EspeakLibrary) -> None:
        """Called by `load`."""
        self._workers = workers
        self._espeak = espeak
        self._languages = espeak.voices()
        self._voices = (_ENGLISH, *sorted(set(self._languages) - {_ENGLISH}))

    @classmethod
    async def load(cls) -> "Espeak":
        """Loads the engine and warms it up, in some ten milliseconds.

        Raises ModelMissing or ModelBroken.
        """
        workers = WorkerPool("espeak")
        async with workers.close_on_failure():
            return await workers.run(lambda: cls(workers, _load()))

    @property
    def stuck_seconds(self) -> float:
        return self._workers.stuck_seconds

    @property
    def voices(self) -> tuple[str, ...]:
        return self._voices

    @property
    def streams(self) -> bool:
        return True

    def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """PCM in chunks of 60 ms; none for a text without words.

        An unknown voice gives way to the voice of the language, an unknown language to English.
        """
        chosen = self._choose(voice)
        delivery = Delivery(round(_WORDS_PER_MINUTE * voice.speed), _PITCH, _RANGE)
        espeak = self._espeak

        def produce(emit: Emit) -> None:
            _speak(espeak, text, chosen, delivery, emit)

        return self._workers.stream(produce, ticket)

    def _choose(self, voice: Voice) -> str:
        for wanted in (voice.name, table.espeak_voice(voice.language)):
            # "fr" means "fr-fr" rather than "fr-be"; without such a pair, the first that fits.
            pair = f"{wanted}-{wanted}"
            near = [name for name in self._voices if wanted and name.startswith(f"{wanted}-")]
            for name in (wanted, pair, *near):
                if name in self._languages:
                    return self._languages[name] + _TIMBRE
        return self._languages[_ENGLISH] + _TIMBRE

    async def close(self) -> None:
        await self._workers.close()


def _load() -> EspeakLibrary:
    espeak = espeak_library()
    espeak.speak("ready", espeak.voices()[_ENGLISH] + _TIMBRE, Delivery(), lambda samples: True)
    return espeak


def _speak(espeak: EspeakLibrary, text: str, voice: str, delivery: Delivery, emit: Emit) -> None:
    """Speaks to the end, or until nobody listens. Blocks."""
    if not any(character.isalnum() for character in text):
        return
    import numpy as np  # here, because importing the package loads nothing heavy
    import soxr

    stream = soxr.ResampleStream(espeak.rate, OUTPUT_RATE, 1, "float32", _RESAMPLING)

    def finish(samples: bytes, *, last: bool = False) -> bool:
        loud = np.frombuffer(samples, dtype="<i2").astype(np.float32) * _GAIN
        shaped = stream.resample_chunk(loud, last=last)
        pcm = np.clip(np.rint(shaped), -32768, 32767).astype("<i2").tobytes()
        return emit(pcm) if pcm else True

    heard = True

    def on_samples(samples: bytes) -> bool:
        nonlocal heard
        heard = finish(samples)
        return heard

    espeak.speak(text, voice, delivery, on_samples)
    if heard:
        finish(b"", last=True)
