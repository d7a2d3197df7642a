"""Simulated engines: they only take time, the same on any machine, to measure the rest by.

They compute nothing and never wait for each other: each answers a fixed time after a request,
whatever it was given. The name of the model is that time, such as "90ms".
"""

import asyncio
import re
from array import array
from collections.abc import AsyncIterator
from math import sin, tau
from typing import Final

from appliance.audio.format import OUTPUT_RATE
from appliance.engines import Ticket, Transcript, Voice
from appliance.errors import ModelMissing

SIMULATED_TRANSCRIPT: Final = "why is the sea salty"
"""The transcript of any audio; no command that a tool would answer."""
_PITCH_HZ: Final = 120
_OVERTONES: Final = (0.2, 0.1, 0.05, 0.05)
"""Shares of full scale: a buzz like that of the vocal folds, of about -16 dB in all."""


class SimulatedTranscriber:
    """A Transcriber with the same transcript for any audio."""

    # An unfinished utterance would have the words of the whole one, and the language model would
    # be asked before they were said.
    supports_interim = False
    is_idle = True
    stuck_seconds = 0.0

    def __init__(self, seconds: float) -> None:
        self.name = f"timed {1000 * seconds:g}ms"
        self._seconds = seconds

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        await asyncio.sleep(self._seconds)
        return Transcript(SIMULATED_TRANSCRIPT, language)

    async def close(self) -> None:
        """Nothing to free."""


class SimulatedSynthesizer:
    """A Synthesizer that buzzes for as long as the text takes to say."""

    voices = ("buzz",)
    streams = False
    stuck_seconds = 0.0

    def __init__(self, seconds: float) -> None:
        self.name = f"timed {1000 * seconds:g}ms"
        self._seconds = seconds

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """One chunk of audio; none for a text without words."""
        if not any(character.isalnum() for character in text):
            return
        await asyncio.sleep(self._seconds)
        yield buzz(voice.seconds(text))

    async def close(self) -> None:
        """Nothing to free."""


def duration(model: str) -> float:
    """The seconds in a model's name, such as "90ms". Raises ModelMissing for any other name."""
    if found := re.fullmatch(r"(\d{1,5}(?:\.\d+)?)ms", model):
        return float(found[1]) / 1000
    raise ModelMissing(
        f"there is no timed model {model!r}", advice='A timed engine\'s model is a time: "90ms".'
    )


def buzz(seconds: float) -> bytes:
    """A buzz as PCM at OUTPUT_RATE. Pure."""
    period = OUTPUT_RATE // _PITCH_HZ
    wave = array(
        "h",
        (
            round(32767 * sum(a * sin(tau * n * i / period) for n, a in enumerate(_OVERTONES, 1)))
            for i in range(period)
        ),
    ).tobytes()
    size = 2 * round(seconds * OUTPUT_RATE)
    return (wave * (size // len(wave) + 1))[:size]
