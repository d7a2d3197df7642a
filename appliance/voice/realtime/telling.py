"""What a Realtime server is told beside what the microphone hears."""

import json
from typing import Any, Final

from pipecat.frames.frames import InputAudioRawFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from appliance.audio.format import INPUT_RATE
from appliance.voice.realtime.route import DETECTION, RealtimeRoute, properties
from appliance.voice.routing import Unanswered

_SAID_BEFORE: Final = (
    "What was said before, as JSON. Go on from there; do not mention this message.\n"
)


class Teller(OpenAIRealtimeLLMService):
    """Pipecat's service, which also tells what was said before, questions of another route, and
    typed words. `unanswered` is what is still to be asked.
    """

    def __init__(self, route: RealtimeRoute, context: LLMContext, instructions: str) -> None:
        super().__init__(
            api_key=route.key,
            base_url=route.base_url,
            settings=self.Settings(
                model=route.config.model,
                system_instruction=instructions or route.instructions,
                session_properties=properties(route.config),
            ),
        )
        self._route = route
        self.unanswered: Unanswered | None = None
        # Known from the start: a server that ends turns answers without being asked to.
        self._context = context

    async def _auth_headers(self) -> dict[str, str]:
        # Azure takes a key under a name of its own.
        return {**await super()._auth_headers(), "api-key": self.api_key}

    async def _send_question(self, audio: bytes) -> None:
        """Between two words to the server that it is not to end this turn, but every later one.

        Else it might hear one turn more in what it gets at once, and answer twice.
        """
        await self._end_turns("local")
        # Not as what comes from the microphone.
        await super()._send_user_audio(InputAudioRawFrame(audio, INPUT_RATE, 1))
        await self.send_client_event(events.InputAudioBufferCommitEvent())
        await self._end_turns(self._route.config.turn_detection)

    async def _end_turns(self, how: str) -> None:
        heard = events.AudioInput(turn_detection=DETECTION[how])
        session = events.SessionProperties(audio=events.AudioConfiguration(input=heard))
        await self.send_client_event(events.SessionUpdateEvent(session=session))

    async def _tell_what_was_said(self) -> None:
        """Puts the conversation's text into the session, for the model to know."""
        assert self._context is not None
        messages: Any = self._context.get_messages()
        said = [
            {"role": message["role"], "content": message["content"]}
            for message in messages
            if message.get("role") in ("user", "assistant")
            and isinstance(message.get("content"), str)
        ]
        waits = self.unanswered.question if self.unanswered else ""
        if waits and said and said[-1] == {"role": "user", "content": waits}:
            said.pop()
        if said:
            await self._say_as("system", _SAID_BEFORE + json.dumps(said, ensure_ascii=False))

    async def _say_as(self, role: str, text: str) -> None:
        """Not `_send_message_item`: the server's echo of it must not look like an answer."""
        said = [events.ItemContent(type="input_text", text=text)]
        item = events.ConversationItem(type="message", role=role, content=said)
        self._messages_added_manually[item.id] = True
        await self.send_client_event(events.ConversationItemCreateEvent(item=item))
