"""eSpeak NG as a synthesizer: the starter engine for speaking."""

from collections.abc import AsyncIterator
from typing import Final

from appliance.audio.format import OUTPUT_RATE
from appliance.engines import Ticket, Voice
from appliance.engines.espeak.library import Delivery, Library, library
from appliance.engines.worker import Emit, WorkerPool

_WORDS_A_MINUTE: Final = 165
_ENGLISH: Final = "en-us"
_TIMBRE: Final = "+klatt4"
"""Of the hundred variants in the data, the Klatt voices are those in which a recogniser trained
on people makes out the most, at any rate and pitch; the fourth is less sharp than the others."""
_PITCH, _RANGE = 45, 55
_GAIN: Final = 1.1
"""Brings ordinary sentences to -20 dB of full scale (root mean square), peaks below it."""
_RESAMPLING: Final = "MQ"
"""Holds back 13 ms; HQ would 26, for a difference that formants do not have."""


class Espeak:
    """A Synthesizer on the eSpeak NG of this process. Voice names are its languages."""

    name = "espeak"

    def __init__(self, workers: WorkerPool, speaker: Library) -> None:
        """Made by `load`."""
        self._workers = workers
        self._speaker = speaker
        self._known = speaker.voices()
        self._voices = (_ENGLISH, *sorted(set(self._known) - {_ENGLISH}))

    @classmethod
    async def load(cls) -> "Espeak":
        """The engine, warm; some ten milliseconds. Raises ModelMissing or ModelBroken."""
        workers = WorkerPool("espeak")
        async with workers.close_on_failure():
            return await workers.run(lambda: cls(workers, _warm()))

    @property
    def stuck_seconds(self) -> float:
        return self._workers.stuck_seconds

    @property
    def voices(self) -> tuple[str, ...]:
        return self._voices

    def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """PCM as eSpeak makes it, 60 ms at a time; nothing for a text without words.

        A name that is no voice here gives way to the language's voice, that to English.
        """
        chosen = self._choose(voice)
        delivery = Delivery(round(_WORDS_A_MINUTE * voice.speed), _PITCH, _RANGE)
        speaker = self._speaker

        def produce(emit: Emit) -> None:
            _speak(speaker, text, chosen, delivery, emit)

        return self._workers.stream(produce, ticket)

    def _choose(self, voice: Voice) -> str:
        for wanted in (voice.name, voice.language):
            # "fr" means "fr-fr" rather than "fr-be"; where there is no such pair, the first.
            pair = f"{wanted}-{wanted}"
            near = [name for name in self._voices if wanted and name.startswith(f"{wanted}-")]
            for name in (wanted, pair, *near):
                if name in self._known:
                    return self._known[name] + _TIMBRE
        return self._known[_ENGLISH] + _TIMBRE

    async def close(self) -> None:
        await self._workers.close()


def _warm() -> Library:
    speaker = library()
    speaker.speak("ready", speaker.voices()[_ENGLISH] + _TIMBRE, Delivery(), lambda samples: True)
    return speaker


def _speak(speaker: Library, text: str, voice: str, delivery: Delivery, emit: Emit) -> None:
    """Speaks to the end or until nobody listens, on an engine thread."""
    if not any(character.isalnum() for character in text):
        return
    import numpy as np  # here, because importing the package loads nothing heavy
    import soxr

    stream = soxr.ResampleStream(speaker.rate, OUTPUT_RATE, 1, "float32", _RESAMPLING)

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

    speaker.speak(text, voice, delivery, on_samples)
    if heard:
        finish(b"", last=True)
