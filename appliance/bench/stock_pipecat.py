"""Pipecat's services as a session of the stock server uses them.

Real models go through the services that Pipecat ships. What waits for a fixed time does so in
services of the same base classes, with nothing set that those leave as it is.
"""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pipecat.frames.frames import Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from appliance.engines import CHARACTERS_PER_SECOND
from appliance.engines.simulated import HEARD, buzz

INSTRUCTIONS = "You are a helpful assistant. Your answers are spoken: keep them short."


class TimedSTT(SegmentedSTTService):
    """Hears the same words after a fixed time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(settings=STTSettings(model=None, language=None))
        self._seconds = seconds

    def can_generate_metrics(self) -> bool:
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await self.start_processing_metrics()
        await asyncio.sleep(self._seconds)
        await self.stop_processing_metrics()
        yield TranscriptionFrame(HEARD, self._user_id, time_now_iso8601())


class TimedTTS(TTSService):
    """Buzzes, after a fixed time, for as long as the text would take to say."""

    def __init__(self, seconds: float, speed: float) -> None:
        # As Pipecat's Kokoro service calls it.
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._seconds = seconds
        self._speed = speed

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self.start_tts_usage_metrics(text)
        await asyncio.sleep(self._seconds)
        await self.stop_ttfb_metrics()
        sound = buzz(len(text) / CHARACTERS_PER_SECOND / self._speed)
        yield TTSAudioRawFrame(sound, self.sample_rate, 1, context_id=context_id)


@dataclass(frozen=True, slots=True)
class StockEngines:
    """What a session is made of: the times of timed services, or files of real models."""

    llm_url: str
    stt_seconds: float
    tts_seconds: float
    speed: float
    whisper: Path | None
    device: str
    compute_type: str
    kokoro: Path | None
    voices: Path | None
    voice: str

    def import_services(self) -> None:
        """What takes seconds, before anybody is served: it is no part of a session."""
        if self.whisper is not None:
            import pipecat.services.whisper.stt
        if self.kokoro is not None:
            _without_downloads()
            import pipecat.services.kokoro.tts  # noqa: F401  imported, not used

    def stt(self) -> FrameProcessor:
        if self.whisper is None:
            return TimedSTT(self.stt_seconds)
        from pipecat.services.whisper.stt import WhisperSTTService

        return WhisperSTTService(
            device=self.device,
            compute_type=self.compute_type,
            settings=WhisperSTTService.Settings(model=str(self.whisper)),
        )

    def tts(self) -> FrameProcessor:
        if self.kokoro is None:
            return TimedTTS(self.tts_seconds, self.speed)
        from pipecat.services.kokoro.tts import KokoroTTSService

        return KokoroTTSService(
            model_path=str(self.kokoro),
            voices_path=str(self.voices),
            settings=KokoroTTSService.Settings(voice=self.voice),
        )

    def llm(self) -> FrameProcessor:
        return OpenAILLMService(
            api_key="none",
            base_url=self.llm_url,
            settings=OpenAILLMService.Settings(system_instruction=INSTRUCTIONS),
        )


def _without_downloads() -> None:
    """Pipecat's Kokoro service wants `requests` to be there, for files that are not."""
    if importlib.util.find_spec("requests") is None:
        sys.modules["requests"] = ModuleType("requests")
