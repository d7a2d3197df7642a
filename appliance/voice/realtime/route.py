"""The Realtime route: its server, and the client events that set up a session there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from pipecat.services.openai.realtime import events

from appliance.config.loader import Config
from appliance.config.schema import RealtimeConfig
from appliance.llm.providers import OPENAI_REALTIME, realtime
from appliance.network.addresses import is_on_this_machine

TURN_DETECTION: Final[Mapping[str, events.TurnDetection | events.SemanticTurnDetection | bool]] = {
    "server_vad": events.TurnDetection(),
    "semantic_vad": events.SemanticTurnDetection(),
    "local": False,
}
HISTORY_INTRODUCTION: Final = (
    "What was said before, as JSON. Go on from there; do not mention this message.\n"
)


@dataclass(frozen=True, slots=True)
class RealtimeRoute:
    """The server of the Realtime route; there is none without a key and the owner's permission.

    `left_the_box`: what is said to this server leaves the appliance.
    """

    config: RealtimeConfig
    instructions: str
    key: str = field(repr=False)
    left_the_box: bool = True

    @property
    def base_url(self) -> str:
        return self.config.base_url or OPENAI_REALTIME

    @property
    def name(self) -> str:
        return f"{self.config.model} at {urlsplit(self.base_url).netloc.rpartition('@')[2]}"


def realtime_route(config: Config, secrets: Mapping[str, str]) -> RealtimeRoute | None:
    """The Realtime route, where the owner allowed it and gave a key."""
    server = realtime(config.realtime, secrets)
    if config.fallback.policy == "off" or not server.key:
        return None
    return RealtimeRoute(
        config.realtime,
        config.realtime.instructions or config.llm.system_prompt,
        server.key,
        left_the_box=not is_on_this_machine(server.base_url),
    )


def session_properties(config: RealtimeConfig) -> events.SessionProperties:
    """The configuration of a session, apart from instructions and tools."""
    reduction = config.noise_reduction
    return events.SessionProperties(
        output_modalities=["audio"],
        max_output_tokens=config.max_tokens or "inf",
        audio=events.AudioConfiguration(
            input=events.AudioInput(
                format=events.PCMAudioFormat(),
                transcription=events.InputAudioTranscription(model=config.transcription_model),
                noise_reduction=None
                if reduction == "off"
                else events.InputAudioNoiseReduction(type=reduction),
                turn_detection=TURN_DETECTION[config.turn_detection],
            ),
            output=events.AudioOutput(format=events.PCMAudioFormat(), voice=config.voice),
        ),
    )


def turn_detection(mode: str) -> events.SessionUpdateEvent:
    """Changes how a session detects the end of turns."""
    audio_input = events.AudioInput(turn_detection=TURN_DETECTION[mode])
    audio = events.AudioConfiguration(input=audio_input)
    return events.SessionUpdateEvent(session=events.SessionProperties(audio=audio))


def message(role: str, text: str) -> events.ConversationItemCreateEvent:
    """Adds a message to a session's conversation, unanswered."""
    content = [events.ItemContent(type="input_text", text=text)]
    item = events.ConversationItem(type="message", role=role, content=content)
    return events.ConversationItemCreateEvent(item=item)


def history(
    messages: Sequence[Any], open_question: str
) -> events.ConversationItemCreateEvent | None:
    """Adds what was said before, as one message; None where nothing was.

    `messages` are those of an LLM context. `open_question` is left out: it is still to be asked.
    """
    said = [
        {"role": one["role"], "content": one["content"]}
        for one in messages
        if one.get("role") in ("user", "assistant") and isinstance(one.get("content"), str)
    ]
    if open_question and said and said[-1] == {"role": "user", "content": open_question}:
        said.pop()
    if not said:
        return None
    return message("system", HISTORY_INTRODUCTION + json.dumps(said, ensure_ascii=False))
