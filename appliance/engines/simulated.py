"""Engines that only take time: for measuring everything around them, the same on any machine.

They compute nothing and never wait for each other: each answers so long after it was asked,
whatever it was given. A model's name is that time: "90ms".
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

HEARD: Final = "why is the sea salty"
"""What was said, whatever was said; no command that a tool would answer."""
_PITCH: Final = 120
_OVERTONES: Final = (0.2, 0.1, 0.05, 0.05)
"""Of full scale, a buzz as the vocal folds make it, about -16 dB in all."""


class SimulatedTranscriber:
    """A Transcriber that hears the same words in everything."""

    supports_interim = True
    stuck_seconds = 0.0

    def __init__(self, seconds: float) -> None:
        self.name = f"timed {1000 * seconds:g}ms"
        self._seconds = seconds

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        await asyncio.sleep(self._seconds)
        return Transcript(HEARD, language)

    async def close(self) -> None:
        """Holds nothing."""


class SimulatedSynthesizer:
    """A Synthesizer that buzzes for as long as the text would take to say."""

    voices = ("buzz",)
    stuck_seconds = 0.0

    def __init__(self, seconds: float) -> None:
        self.name = f"timed {1000 * seconds:g}ms"
        self._seconds = seconds

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """All of it as one chunk; nothing for a text without words."""
        if not any(character.isalnum() for character in text):
            return
        await asyncio.sleep(self._seconds)
        yield buzz(voice.seconds(text))

    async def close(self) -> None:
        """Holds nothing."""


def duration(model: str) -> float:
    """The seconds that a model's name stands for. Raises ModelMissing for another name."""
    if found := re.fullmatch(r"(\d{1,5}(?:\.\d+)?)ms", model):
        return float(found[1]) / 1000
    raise ModelMissing(
        f"there is no timed model {model!r}", advice='A timed engine\'s model is a time: "90ms".'
    )


def buzz(seconds: float) -> bytes:
    """PCM at OUTPUT_RATE of that length. Pure."""
    period = OUTPUT_RATE // _PITCH
    wave = array(
        "h",
        (
            round(32767 * sum(a * sin(tau * n * i / period) for n, a in enumerate(_OVERTONES, 1)))
            for i in range(period)
        ),
    ).tobytes()
    size = 2 * round(seconds * OUTPUT_RATE)
    return (wave * (size // len(wave) + 1))[:size]
