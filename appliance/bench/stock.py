"""Pipecat as its own examples put it together: what the appliance is measured against.

    python -m appliance.bench.stock --llm URL (--stt 0.09 --tts 0.08 | --whisper DIR --kokoro …)

One pipeline per connection of `/ws`: the FastAPI transport with protobuf frames, Silero VAD and
smart-turn as they come, RTVI, an aggregator pair, whole sentences to the voice. Nothing is tuned,
and nothing is made slower; three things are set that an example leaves alone, and each of them
is in its favour: the idle timeout, which would end the process while others talk, is off;
numpy has one thread, with which smart-turn takes half as long; frames are not logged.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.workers.runner import WorkerRunner

from appliance.bench.stock_pipecat import StockEngines
from appliance.bench.stock_socket import StarletteSocket


async def talk(socket: StarletteSocket, engines: StockEngines) -> None:
    """One session, until its client leaves."""
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
    async def left(_transport: object, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def serve(engines: StockEngines) -> None:
    """Serves until SIGTERM; says on stderr where."""
    from aiohttp import web

    async def connected(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await talk(StarletteSocket(request, socket), engines)
        return socket

    app = web.Application()
    app.router.add_get("/ws", connected)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"listening on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201  awaited there
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """The command line above."""
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
