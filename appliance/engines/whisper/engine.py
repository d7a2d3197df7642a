"""Whisper through faster-whisper and CTranslate2, from a directory on disk, never from a hub.

An utterance is heard in a window little longer than itself, together with whoever else waits,
and once more in the full window where the text looks doubtful (`whisper_window.py`).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.audio.format import INPUT_RATE
from appliance.audio.split import loudness, pieces
from appliance.engines import Ticket, Transcript
from appliance.engines.whisper.decoder import AudioWindow, WhisperDecoder
from appliance.engines.whisper.whisper_load import load
from appliance.engines.whisper.window import FLOOR, FULL, Decoded, doubtful, imagined, window
from appliance.engines.worker import WorkerPool
from appliance.errors import EngineFailed

_LONGEST_PIECE, _CUT_WITHIN = 28.0, 5.0
"""Seconds; Whisper's window is 30, and it would cut there in the middle of a word."""
_SHORTEST: Final = 0.1
"""Seconds; nobody says anything in less."""
_QUIETEST: Final = 10 ** (-60 / 20)
"""Full scale is 1; below this, Whisper has nothing to hear and a lot to imagine."""


class Whisper:
    """A Transcriber on one Whisper model, which all sessions share."""

    supports_interim = True

    def __init__(
        self, lane: WorkerPool, decoder: WhisperDecoder, name: str, floor: float = FLOOR
    ) -> None:
        """Made by `load`."""
        self._lane = lane
        self._decoder: WhisperDecoder | None = decoder
        self._name = name
        self._floor = floor

    @classmethod
    async def load(
        cls,
        directory: Path,
        device: str = "auto",
        compute_type: str = "auto",
        threads: int = 0,
        *,
        hot_words: Sequence[str] = (),
        floor: float = FLOOR,
    ) -> "Whisper":
        """The engine, warm: it has transcribed before this returns.

        `device` is cuda, cpu or auto; `compute_type` one of CTranslate2's or auto; `threads` is
        for the CPU (0: CTranslate2's default). `hot_words` are names to expect, the likeliest
        first; what exceeds some 50 words is ignored. `floor` is the shortest encoder window in
        seconds, 30 for none but the full one. Raises ModelMissing or ModelBroken naming the
        file, or EngineFailed where the device cannot run the model.
        """
        lane = WorkerPool("whisper")
        floor = max(1.0, min(FULL, floor))
        async with lane.loading():
            decoder, name = await lane.run(
                load, directory, device, compute_type, threads, hot_words, floor
            )
        return cls(lane, decoder, name, floor)

    @property
    def name(self) -> str:
        return self._name

    @property
    def stuck_seconds(self) -> float:
        return self._lane.stuck_seconds

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        """One utterance to text; `language` "auto" lets the model tell. Raises EngineFailed."""
        asked = None if language == "auto" else language
        heard = [
            await self._hear(piece, asked, ticket)
            for piece in pieces(audio, _LONGEST_PIECE, _CUT_WITHIN)
            if len(piece) >= _SHORTEST * INPUT_RATE * 2 and loudness(piece) >= _QUIETEST
        ]
        spoken = [part for part in heard if part.text and not imagined(part)]
        if not spoken:
            return Transcript("", asked or "en", 0.0)
        tokens = sum(part.tokens for part in spoken)
        likelihood = sum(part.likelihood * part.tokens for part in spoken) / tokens
        text = " ".join(part.text for part in spoken)
        return Transcript(text, spoken[0].language, min(1.0, math.exp(likelihood)))

    async def _hear(self, audio: bytes, language: str | None, ticket: Ticket | None) -> Decoded:
        first = AudioWindow(audio, language, window(len(audio) / 2 / INPUT_RATE, self._floor))
        if first.window < FULL:
            decoded = await self._lane.run_together(self._decode, first, first.window, ticket)
            if not doubtful(decoded):
                return decoded
        # A batch of full windows is no faster than one by one.
        full = await self._lane.run(self._decode, [AudioWindow(audio, language)], ticket=ticket)
        return full[0]

    def _decode(self, utterances: Sequence[AudioWindow]) -> list[Decoded]:
        if self._decoder is None:
            raise EngineFailed(f"{self._name} is closed")
        decoded = self._decoder.decode(utterances)
        if any(math.isnan(each.likelihood) for each in decoded):
            # As a GPU does whose memory was spoilt: "!!!!", and never a sign of trouble.
            raise EngineFailed(f"{self._name} hears nothing that makes sense")
        return decoded

    async def close(self) -> None:
        await self._lane.close()
        self._decoder = None
