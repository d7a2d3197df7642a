"""The two that are compared: the appliance, and Pipecat's stock services, on the same engines."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.bench.process import running
from appliance.bench.server import ServerProcess, listening, start
from appliance.client import Call, calling, joining
from appliance.errors import ApplianceError

OURS, STOCK = "ours", "stock"
MANY = 1000  # sessions: how many are too many is what is found out


@dataclass(frozen=True, slots=True)
class BenchSetup:
    """The configuration that the appliance would have, and who hears about progress."""

    files: tuple[Path, ...]
    environ: Mapping[str, str]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Timed:
    """Engines with fixed delays."""

    stt_ms: float = 90.0
    tts_ms: float = 80.0
    speed: float = 2.0  # of the voice: nobody listens, and turns are over sooner

    def __str__(self) -> str:
        return f"timed: {self.stt_ms:g} ms to a transcript, {self.tts_ms:g} ms to sound"

    def ours(self) -> dict[str, str]:
        """Settings of the appliance, keys as in the environment without the prefix."""
        return {
            "STT__ENGINE": "timed",
            "STT__MODEL": f"{self.stt_ms:g}ms",
            "TTS__ENGINE": "timed",
            "TTS__MODEL": f"{self.tts_ms:g}ms",
            "TTS__SPEED": f"{self.speed:g}",
        }

    def stock(self) -> list[str]:
        """Arguments of the stock server."""
        seconds = (f"{self.stt_ms / 1000:g}", f"{self.tts_ms / 1000:g}")
        return ["--stt", seconds[0], "--tts", seconds[1], "--speed", f"{self.speed:g}"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The same files for both; a voice is named that the voices file has."""

    whisper: Path
    kokoro: Path
    voices: Path
    voice: str
    device: str = "cpu"
    compute_type: str = "int8"
    hot_words: bool = True

    def __str__(self) -> str:
        return f"{self.whisper.name} {self.compute_type} and {self.kokoro.name} on {self.device}"

    def ours(self) -> dict[str, str]:
        return {
            "STT__ENGINE": "whisper",
            "STT__MODEL": str(self.whisper),
            "STT__DEVICE": self.device,
            "STT__COMPUTE_TYPE": self.compute_type,
            "STT__HOT_WORDS": str(self.hot_words).lower(),
            "TTS__ENGINE": "kokoro",
            "TTS__MODEL": str(self.kokoro),
            "TTS__VOICES": str(self.voices),
            "TTS__VOICE": self.voice,
        }

    def stock(self) -> list[str]:
        return [
            *("--whisper", str(self.whisper), "--kokoro", str(self.kokoro)),
            *("--voices", str(self.voices), "--voice", self.voice),
            *("--device", self.device, "--compute-type", self.compute_type),
        ]


@dataclass(frozen=True, slots=True)
class Contender:
    """A server, and how a client comes to a session with it."""

    name: str
    server: ServerProcess

    def call(self) -> AbstractAsyncContextManager[Call]:
        """A new session. Raises SessionError where it is refused."""
        if self.name == OURS:
            return calling(self.server.base_url)
        return joining(self.server.base_url.replace("http", "ws", 1) + "/ws")


@asynccontextmanager
async def ours(
    engines: Timed | Weights, llm_url: str, around: BenchSetup
) -> AsyncIterator[Contender]:
    """The appliance as it is shipped but for the engines. Raises ApplianceError."""
    settings = {
        **engines.ours(),
        "LLM__PROVIDER": "custom",
        "LLM__BASE_URL": llm_url,
        "LIMITS__SESSIONS": str(MANY),
    }
    async with running(around.files, around.environ, settings) as daemon:
        daemon.refuse_retreat()
        yield Contender(OURS, daemon)


@asynccontextmanager
async def stock(
    engines: Timed | Weights, llm_url: str, around: BenchSetup
) -> AsyncIterator[Contender]:
    """Pipecat's own pipeline. Raises ApplianceError where it does not start."""
    # As the appliance does for itself. Not OpenMP, which Whisper's stock service computes with.
    told = {
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        **around.environ,
    }
    with TemporaryDirectory(prefix="appliance-bench-") as state:
        probe = Path(state) / "probe"
        process = await start(
            "appliance.bench.stock", ["--llm", llm_url, *engines.stock()], told, probe
        )
        server = ServerProcess(process, probe)
        async with listening(server) as heard:
            await heard.wait()
            if not server.base_url:
                raise ApplianceError(
                    f"Pipecat's stock services did not start:\n{''.join(server.log)}"
                )
            yield Contender(STOCK, server)
