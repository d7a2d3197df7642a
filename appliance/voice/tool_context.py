"""The session as its tools see it: who asks, how the assistant speaks, and what tools may do."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.engines import Voice
from appliance.tools import Speech
from appliance.voice.parts import SharedParts
from appliance.voice.recorder import Recorder
from appliance.wire import ServerMessage


@dataclass(slots=True)
class SessionToolContext:
    """The ToolContext of one session.

    `speech` is the voice, language and speed of the moment. Its language is "auto" where the
    user's is to be detected; an empty voice is the default of the language.
    """

    conversation_id: str
    session_id: str
    client_id: str
    shared: SharedParts
    recorder: Recorder
    speech: Speech
    stop_speaking: Callable[[], None]
    send_message: Callable[[ServerMessage], None]

    @property
    def language(self) -> str:
        return self.speech.language

    @property
    def last_answer(self) -> str:
        return self.recorder.last_answer

    @property
    def voices(self) -> tuple[str, ...]:
        return self.shared.engines.tts.current.voices

    def speak_as(self, speech: Speech) -> None:
        self.speech = speech

    @property
    def voice(self) -> Voice:
        """The voice for the next sentence: in the language heard last where it is detected."""
        heard = self.recorder.language or "en"
        language = heard if self.language == "auto" else self.language
        return Voice(self.speech.voice, language, self.speech.speed)
