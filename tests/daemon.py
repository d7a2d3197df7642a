"""Runs a real appliance in a process of its own, for tests over its real sockets."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

FIXTURES = Path(__file__).parent / "fixtures"
LEAD_IN, LEAD_OUT = bytes(9_600), bytes(9_600)  # 0.3 s of silence before and after speech


def speech(name: str) -> bytes:
    """Returns a sentence of fixtures/speech as 16 kHz PCM, with silence around it."""
    return _pcm(FIXTURES / "speech" / f"{name}.wav")


def sound(name: str) -> bytes:
    """Returns a sound of fixtures/audio in the same form."""
    return _pcm(FIXTURES / "audio" / f"{name}.wav")


def command(name: str) -> bytes:
    """Returns a sentence that micro_whisper knows, in the same form."""
    return _pcm(FIXTURES / "micro_whisper" / "utterances" / f"{name}.wav")


def _pcm(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        return LEAD_IN + bytes(file.readframes(file.getnframes())) + LEAD_OUT


MICRO_MODELS = {
    "APPLIANCE__STT__ENGINE": "whisper",
    "APPLIANCE__STT__MODEL": str(FIXTURES / "micro_whisper" / "model"),
    "APPLIANCE__TTS__ENGINE": "kokoro",
    "APPLIANCE__TTS__MODEL": str(FIXTURES / "micro_kokoro" / "kokoro-micro.onnx"),
    "APPLIANCE__TTS__VOICES": str(FIXTURES / "micro_kokoro" / "voices-micro.bin"),
    "APPLIANCE__TTS__VOICE": "af_heart",
}


@dataclass
class Daemon:
    """A running appliance. `log` grows as it runs, and is complete after its end."""

    process: asyncio.subprocess.Process
    base_url: str
    state: Path
    environment: dict[str, str]
    log: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.state / "voice_conversations.db"

    async def get(self, path: str) -> tuple[int, Any]:
        """Returns the status and the JSON (or text) of a GET."""
        async with aiohttp.ClientSession() as http, http.get(self.base_url + path) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text())

    async def metric(self, name: str) -> float:
        """Returns the sum of a metric over all its labels; 0 where it was never set."""
        _, text = await self.get("/metrics")
        pattern = rf"^{re.escape(name)}(?:\{{[^}}]*\}})? ([0-9.e+-]+)$"
        return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))

    def command_line(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `appliance …` beside the daemon, with its configuration."""
        return subprocess.run(
            [sys.executable, "-m", "appliance", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process with a signal, and returns its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def running(
    state: Path,
    overrides: Mapping[str, str] | None = None,
    *,
    until: str = "/ready",
    seconds: float = 60.0,
    module: str = "appliance",
    launcher: Sequence[str] = (),
) -> AsyncIterator[Daemon]:
    """Runs an appliance with open access on a free port, from the time that `until` answers 200.

    Its state is kept in `state`; `module` is the appliance itself, or a program that runs it.
    `launcher` is a command that becomes it, as setpriv does.
    """
    state.mkdir(parents=True, exist_ok=True)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")},
        "APPLIANCE__STORE__PATH": str(state / "voice_conversations.db"),
        "APPLIANCE__MODELS__DIRECTORY": str(state / "models"),
        "APPLIANCE__SERVER__PORT": "0",
        "APPLIANCE__ACCESS__MODE": "open",
        "APPLIANCE__ACCESS__SESSIONS_PER_MINUTE": "600",
        # On a busy machine, a slow engine must not count as a failed one.
        "APPLIANCE__LIMITS__ENGINE_SECONDS": "60",
        **(overrides or {}),
    }
    process = await asyncio.create_subprocess_exec(
        *launcher,
        sys.executable,
        "-m",
        module,
        "run",
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    daemon = Daemon(process, "", state, environment)
    reading = asyncio.create_task(_read_log(daemon))
    try:
        async with asyncio.timeout(seconds):
            await _listening(daemon)
            while not await _is_ok(daemon, until):
                assert process.returncode is None, "".join(daemon.log)
                await asyncio.sleep(0.05)
        yield daemon
    finally:
        with contextlib.suppress(ProcessLookupError):
            await daemon.stop()
        await reading


async def _read_log(daemon: Daemon) -> None:
    assert daemon.process.stderr is not None
    async for line in daemon.process.stderr:
        daemon.log.append(line.decode())
        if found := re.search(r"listening on (http://\S+)", daemon.log[-1]):
            daemon.base_url = found[1]


async def _listening(daemon: Daemon) -> None:
    while not daemon.base_url:
        assert daemon.process.returncode is None, "".join(daemon.log)
        await asyncio.sleep(0.02)


async def _is_ok(daemon: Daemon, path: str) -> bool:
    try:
        return (await daemon.get(path))[0] == 200
    except aiohttp.ClientError:
        return False
