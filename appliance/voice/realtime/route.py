"""The Realtime route: its server, and the client events that set up a session there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from pipecat.services.openai.realtime import events

from appliance.config.loader import Config
from appliance.config.schema import RealtimeConfig
from appliance.languages import table
from appliance.llm.providers import OPENAI_REALTIME, realtime
from appliance.network.addresses import is_on_this_machine
from appliance.tools import Speech

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


VOICES: Final = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"),
)
"""The voices of OpenAI's Realtime models. Another server may have others, which its owner names in
realtime.voice."""
_SLOWEST, _FASTEST = 0.25, 1.5


def session_properties(config: RealtimeConfig, speech: Speech) -> events.SessionProperties:
    """The configuration of a session, apart from instructions and tools."""
    reduction = config.noise_reduction
    voice = speech.voice if speech.voice in VOICES else config.voice
    return events.SessionProperties(
        output_modalities=["audio"],
        max_output_tokens=config.max_tokens or "inf",
        audio=events.AudioConfiguration(
            input=events.AudioInput(
                format=events.PCMAudioFormat(),
                transcription=_transcription(config, speech),
                noise_reduction=None
                if reduction == "off"
                else events.InputAudioNoiseReduction(type=reduction),
                turn_detection=TURN_DETECTION[config.turn_detection],
            ),
            output=events.AudioOutput(
                format=events.PCMAudioFormat(), voice=voice, speed=_speed(speech)
            ),
        ),
    )


def instructions_for(instructions: str, speech: Speech) -> str:
    """The instructions, with the language in which the user wants to be answered."""
    known = table.languages().get(speech.language)
    if known is None or known.code == table.ENGLISH:
        return instructions
    return f"{instructions}\nThe user speaks {known.name}: answer in {known.name}."


def changed_speech(
    config: RealtimeConfig, instructions: str, speech: Speech
) -> events.SessionUpdateEvent:
    """Changes language and speed of a session. Its voice stays: servers refuse another one."""
    audio = events.AudioConfiguration(
        input=events.AudioInput(transcription=_transcription(config, speech)),
        output=events.AudioOutput(speed=_speed(speech)),
    )
    asked = instructions_for(instructions, speech)
    return events.SessionUpdateEvent(
        session=events.SessionProperties(instructions=asked, audio=audio)
    )


def _transcription(config: RealtimeConfig, speech: Speech) -> events.InputAudioTranscription:
    language = None if speech.language == table.AUTO else speech.language
    return events.InputAudioTranscription(model=config.transcription_model, language=language)


def _speed(speech: Speech) -> float | None:
    return None if speech.speed == 1 else max(_SLOWEST, min(_FASTEST, speech.speed))


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
