"""Starts the two servers that are compared, the appliance and stock Pipecat, on equal engines."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from appliance.bench.process import ServerProcess, listening, running_daemon, start_probed
from appliance.client import Call, calling, joining
from appliance.errors import ApplianceError

OURS, STOCK = "ours", "stock"
SESSION_LIMIT = 1000  # high enough that the limit is never what the benchmark finds


@dataclass(frozen=True, slots=True)
class BenchSetup:
    """The user's configuration (files and environment), and a callback for progress messages."""

    files: tuple[Path, ...]
    environ: Mapping[str, str]
    progress: Callable[[str], None]


class ComparedEngines(Protocol):
    """Engines that both servers can run with."""

    def appliance_settings(self) -> dict[str, str]:
        """Settings of the appliance, keys as in the environment without the prefix."""

    def stock_arguments(self) -> list[str]:
        """Arguments of `stock_pipecat`."""


@dataclass(frozen=True, slots=True)
class TimedEngines:
    """Engines with fixed delays, which only take time.

    `speed` is that of the voice: nobody listens, and faster speech shortens the benchmark.
    """

    stt_ms: float = 90.0
    tts_ms: float = 80.0
    speed: float = 2.0

    def __str__(self) -> str:
        return f"timed: {self.stt_ms:g} ms to a transcript, {self.tts_ms:g} ms to sound"

    def appliance_settings(self) -> dict[str, str]:
        """Settings of the appliance, keys as in the environment without the prefix."""
        return {
            "STT__ENGINE": "timed",
            "STT__MODEL": f"{self.stt_ms:g}ms",
            "TTS__ENGINE": "timed",
            "TTS__MODEL": f"{self.tts_ms:g}ms",
            "TTS__SPEED": f"{self.speed:g}",
        }

    def stock_arguments(self) -> list[str]:
        """Arguments of `stock_pipecat`."""
        seconds = (f"{self.stt_ms / 1000:g}", f"{self.tts_ms / 1000:g}")
        return ["--stt", seconds[0], "--tts", seconds[1], "--speed", f"{self.speed:g}"]


@dataclass(frozen=True, slots=True)
class ModelEngines:
    """Whisper and Kokoro from the same files for both; `voice` must be in the voices file."""

    whisper: Path
    kokoro: Path
    voices: Path
    voice: str
    device: str = "cpu"
    compute_type: str = "int8"
    hot_words: bool = True

    def __str__(self) -> str:
        return f"{self.whisper.name} {self.compute_type} and {self.kokoro.name} on {self.device}"

    def appliance_settings(self) -> dict[str, str]:
        """Settings of the appliance, keys as in the environment without the prefix."""
        return {
            "STT__ENGINE": "whisper",
            "STT__MODEL": str(self.whisper),
            "STT__DEVICE": self.device,
            "STT__COMPUTE_TYPE": self.compute_type,
            **({} if self.hot_words else {"STT__HOT_WORDS": "false"}),
            "TTS__ENGINE": "kokoro",
            "TTS__MODEL": str(self.kokoro),
            "TTS__VOICES": str(self.voices),
            "TTS__VOICE": self.voice,
        }

    def stock_arguments(self) -> list[str]:
        """Arguments of `stock_pipecat`."""
        return [
            *("--whisper", str(self.whisper), "--kokoro", str(self.kokoro)),
            *("--voices", str(self.voices), "--voice", self.voice),
            *("--device", self.device, "--compute-type", self.compute_type),
        ]


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the compared servers; `name` is OURS or STOCK."""

    name: str
    server: ServerProcess

    def call(self) -> AbstractAsyncContextManager[Call]:
        """A new session. Raises SessionError where it is refused."""
        if self.name == OURS:
            return calling(self.server.base_url)
        return joining(self.server.base_url.replace("http", "ws", 1) + "/ws")


@asynccontextmanager
async def running_appliance(
    engines: ComparedEngines, llm_url: str, setup: BenchSetup
) -> AsyncIterator[Contender]:
    """The appliance as shipped but for the engines. Raises ApplianceError."""
    settings = {
        **engines.appliance_settings(),
        "LLM__PROVIDER": "custom",
        "LLM__BASE_URL": llm_url,
        "LIMITS__SESSIONS": str(SESSION_LIMIT),
    }
    async with running_daemon(setup.files, setup.environ, settings) as daemon:
        daemon.require_first_choice()
        yield Contender(OURS, daemon)


@asynccontextmanager
async def running_stock(
    engines: ComparedEngines, llm_url: str, setup: BenchSetup
) -> AsyncIterator[Contender]:
    """Pipecat's own pipeline. Raises ApplianceError where it does not start."""
    # As the appliance sets them for itself. OpenMP is left alone: Pipecat's Whisper service
    # computes with it.
    environ = {
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        **setup.environ,
    }
    with TemporaryDirectory(prefix="appliance-bench-") as state:
        probe = Path(state) / "probe"
        arguments = ["--llm", llm_url, *engines.stock_arguments()]
        process = await start_probed("appliance.bench.stock_pipecat", arguments, environ, probe)
        server = ServerProcess(process, probe)
        async with listening(server) as started:
            await started.wait()
            if not server.base_url:
                raise ApplianceError(
                    f"Pipecat's stock services did not start:\n{''.join(server.log)}"
                )
            yield Contender(STOCK, server)
