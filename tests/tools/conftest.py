from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from appliance.errors import StoreError
from appliance.hardware.telemetry import Readings, read
from appliance.timers.scheduler import TimerScheduler
from appliance.timers.timer import Timer
from appliance.tools import Speech, ToolResult
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.registry import ToolRegistry
from appliance.wire import ServerMessage


@dataclass
class Session:
    """A ToolContext for tests."""

    conversation_id: str = "c"
    session_id: str = "s"
    client_id: str = "k"
    language: str = "en"
    spoken_language: str = "en"
    last_answer: str = ""
    stopped: int = 0
    speech: Speech = field(default_factory=lambda: Speech("af_sarah", "en", 1.0))
    voices: tuple[str, ...] = ("af_sarah", "bm_george", "af_bella")
    sent: list[ServerMessage] = field(default_factory=list)
    recording: bool = False
    no_recording: str = ""

    def stop_speaking(self) -> None:
        self.stopped += 1

    def speak_as(self, speech: Speech) -> None:
        self.speech = speech
        self.spoken_language = speech.language

    async def record(self, on: bool) -> None:
        if on and self.no_recording:
            raise StoreError(self.no_recording)
        self.recording = on

    def send_message(self, message: ServerMessage) -> None:
        self.sent.append(message)


@dataclass
class Toolbox:
    """The built-in tools, with a clock that the test sets."""

    moment: datetime = datetime(2026, 11, 21, 15, 20)
    rung: list[Timer] = field(default_factory=list)
    session: Session = field(default_factory=Session)
    seconds: float = 1000.0
    readings: Callable[[], Readings] = read

    def __post_init__(self) -> None:
        self.timers = TimerScheduler(lambda: self.seconds, self.rung.append)
        self.registry = ToolRegistry(
            builtin_tools(lambda: self.moment, self.timers, lambda: self.readings())
        )

    async def say(self, sentence: str) -> ToolResult:
        """The result of the tool that matches a spoken sentence."""
        match = self.registry.match(sentence, language=self.session.spoken_language)
        assert match is not None, f"nothing understood {sentence!r}"
        return await self.registry.call(match.tool.name, match.arguments, self.session, "sentence")


@pytest.fixture
def toolbox() -> Toolbox:
    return Toolbox()


@pytest.fixture(scope="session")
def registry() -> ToolRegistry:
    return Toolbox().registry


@pytest.fixture(scope="session")
def dictionary() -> frozenset[str]:
    """The words that the recogniser of the starter engine knows."""
    import pocketsphinx

    words = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    return frozenset(line.split()[0] for line in words.read_text().splitlines() if line.strip())
