"""Where the Realtime route leads, and what its server is told of a session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pipecat.services.openai.realtime import events

from appliance.config.loader import Config
from appliance.config.schema import RealtimeConfig
from appliance.llm.providers import OPENAI_REALTIME, is_local, realtime

DETECTION: Final[Mapping[str, events.TurnDetection | events.SemanticTurnDetection | bool]] = {
    "server_vad": events.TurnDetection(),
    "semantic_vad": events.SemanticTurnDetection(),
    "local": False,
}


@dataclass(frozen=True, slots=True)
class RealtimeRoute:
    """Where the Realtime route leads; there is none without a key and the owner's leave."""

    config: RealtimeConfig
    instructions: str
    key: str = field(repr=False)

    @property
    def base_url(self) -> str:
        return self.config.base_url or OPENAI_REALTIME

    @property
    def left_the_box(self) -> bool:
        return not is_local(self.base_url)

    @property
    def name(self) -> str:
        return f"{self.config.model} at {urlsplit(self.base_url).netloc.rpartition('@')[2]}"


def realtime_route(config: Config, secrets: Mapping[str, str]) -> RealtimeRoute | None:
    """The Realtime route, where the owner allowed it and gave a key."""
    key = realtime(config.realtime, secrets).key
    if config.fallback.policy == "off" or not key:
        return None
    return RealtimeRoute(
        config.realtime, config.realtime.instructions or config.llm.system_prompt, key
    )


def properties(config: RealtimeConfig) -> events.SessionProperties:
    """What the server is told of a session, but for instructions and tools."""
    reduced = config.noise_reduction
    return events.SessionProperties(
        output_modalities=["audio"],
        max_output_tokens=config.max_tokens or "inf",
        audio=events.AudioConfiguration(
            input=events.AudioInput(
                format=events.PCMAudioFormat(),
                transcription=events.InputAudioTranscription(model=config.transcription_model),
                noise_reduction=None
                if reduced == "off"
                else events.InputAudioNoiseReduction(type=reduced),
                turn_detection=DETECTION[config.turn_detection],
            ),
            output=events.AudioOutput(format=events.PCMAudioFormat(), voice=config.voice),
        ),
    )
