"""Serves Pipecat as its own examples put it together, for the appliance to be compared with.

    python -m appliance.bench.stock_pipecat --llm URL
        (--stt 0.09 --tts 0.08 | --whisper DIRECTORY --kokoro FILE …)

Each connection of `/ws` gets a pipeline: the FastAPI transport with protobuf frames, Silero VAD
and smart-turn with their defaults, RTVI, an aggregator pair, whole sentences to the voice.
Nothing is tuned and nothing is slowed down. Three settings differ from the examples, each in
Pipecat's favour: the idle time-out is off, because it would end the process while other sessions
talk; numpy has one thread, which makes smart-turn twice as fast; frames are not logged.

Real models go through the services that Pipecat ships. The timed engines are services of the
same base classes, with every default left alone.
"""

import argparse
import asyncio
import importlib.util
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner
from starlette.websockets import WebSocketState

from appliance.engines import CHARACTERS_PER_SECOND
from appliance.engines.simulated import SIMULATED_TRANSCRIPT, buzz

if TYPE_CHECKING:
    from aiohttp import web

INSTRUCTIONS = "You are a helpful assistant. Your answers are spoken: keep them short."


class TimedSTT(SegmentedSTTService):
    """Transcribes everything to the same words after a fixed delay."""

    def __init__(self, seconds: float) -> None:
        super().__init__(settings=STTSettings(model=None, language=None))
        self._seconds = seconds

    def can_generate_metrics(self) -> bool:
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await self.start_processing_metrics()
        await asyncio.sleep(self._seconds)
        await self.stop_processing_metrics()
        yield TranscriptionFrame(SIMULATED_TRANSCRIPT, self._user_id, time_now_iso8601())


class TimedTTS(TTSService):
    """Makes a tone after a fixed delay, as long as the text would take to say."""

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
    """The services of a session: timed ones with their delays, or real models from files."""

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
        """Imports the services, which takes seconds, before the first session."""
        if self.whisper is not None:
            import pipecat.services.whisper.stt
        if self.kokoro is not None:
            _stub_requests()
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


def _stub_requests() -> None:
    """Lets Pipecat's Kokoro service import `requests`, which only its downloads use."""
    if importlib.util.find_spec("requests") is None:
        sys.modules["requests"] = ModuleType("requests")


class StarletteSocket:
    """An aiohttp WebSocket with the part of starlette's interface that the transport calls.

    Both contenders run on the same HTTP server in this way, so the server is not compared.
    """

    def __init__(self, request: "web.Request", socket: "web.WebSocketResponse") -> None:
        self.headers = request.headers
        self.client_state = self.application_state = WebSocketState.CONNECTED
        self._socket = socket

    async def receive(self) -> dict[str, Any]:
        """The next message as an ASGI event."""
        message = await self._socket.receive()
        if isinstance(message.data, bytes):
            return {"type": "websocket.receive", "bytes": message.data}
        if isinstance(message.data, str):
            return {"type": "websocket.receive", "text": message.data}
        self.client_state = WebSocketState.DISCONNECTED
        return {"type": "websocket.disconnect", "code": self._socket.close_code}

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def send_text(self, data: str) -> None:
        await self._socket.send_str(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.application_state = WebSocketState.DISCONNECTED
        await self._socket.close(code=code, message=(reason or "").encode())


async def run_session(socket: StarletteSocket, engines: StockEngines) -> None:
    """Runs the pipeline of one connection until its client leaves."""
    transport = FastAPIWebsocketTransport(
        websocket=socket,  # type: ignore[arg-type]  # the part of it that is used
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            serializer=ProtobufFrameSerializer(),
        ),
    )
    context = LLMContext()
    pair = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    stages = [
        transport.input(),
        engines.stt(),
        pair.user(),
        engines.llm(),
        engines.tts(),
        transport.output(),
        pair.assistant(),
    ]
    worker = PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]  # is Pipecat's
    async def cancel(_transport: object, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def serve(engines: StockEngines) -> None:
    """Serves on a free port until SIGTERM; writes the address to standard error."""
    from aiohttp import web

    async def connected(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await run_session(StarletteSocket(request, socket), engines)
        return socket

    app = web.Application()
    app.router.add_get("/ws", connected)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"listening on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201  read by `process`
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Serves with the engines of the command line above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--llm", dest="llm_url", required=True)
    parser.add_argument("--stt", dest="stt_seconds", type=float, default=0.0)
    parser.add_argument("--tts", dest="tts_seconds", type=float, default=0.0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--whisper", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compute-type", default="default")
    parser.add_argument("--kokoro", type=Path)
    parser.add_argument("--voices", type=Path)
    parser.add_argument("--voice", default="")
    engines = StockEngines(**vars(parser.parse_args()))
    engines.import_services()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    asyncio.run(serve(engines))


if __name__ == "__main__":
    main()
