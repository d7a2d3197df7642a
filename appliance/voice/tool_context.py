"""The session as its tools see it: who asks, how the assistant speaks, and what tools may do."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.engines import Voice
from appliance.languages import table
from appliance.tools import Speech
from appliance.voice.parts import SharedParts
from appliance.voice.recorder import Recorder
from appliance.voice.session_recording import SessionRecording
from appliance.voice.speech_wishes import SpeechWishes
from appliance.wire import ServerMessage


@dataclass(slots=True)
class SessionToolContext:
    """The ToolContext of one session.

    The language of `wishes` is "auto" where the user's is to be detected; an empty voice is the
    default of the language. On the Realtime route `own_voice` is False: the server's is heard.
    """

    conversation_id: str
    session_id: str
    client_id: str
    shared: SharedParts
    recorder: Recorder
    wishes: SpeechWishes
    own_voice: Callable[[], bool]
    stop_speaking: Callable[[], None]
    recorded: SessionRecording
    send_message: Callable[[ServerMessage], None]

    @property
    def recording(self) -> bool:
        return self.recorded.is_on

    async def record(self, on: bool) -> None:
        await (self.recorded.start() if on else self.recorded.stop())

    @property
    def speech(self) -> Speech:
        return self.wishes.speech

    @property
    def language(self) -> str:
        return self.speech.language

    @property
    def last_answer(self) -> str:
        return self.recorder.last_answer

    @property
    def voices(self) -> tuple[str, ...]:
        # A Realtime server keeps the voice with which it began.
        return self.shared.engines.tts.current.voices if self.own_voice() else ()

    def speak_as(self, speech: Speech) -> None:
        before = self.spoken_language
        self.wishes.change(speech)
        if self.spoken_language != before:
            self.shared.prepare_language(self.spoken_language)

    @property
    def voice(self) -> Voice:
        """The voice for the next sentence, in the language of the moment.

        A chosen voice that is one for another language gives way to the language's own.
        """
        language = self.spoken_language
        name = self.speech.voice if table.fits(self.speech.voice, language) else ""
        return Voice(name, language, self.speech.speed)

    @property
    def spoken_language(self) -> str:
        """The language heard last where it is detected; one that nothing speaks is English."""
        heard = self.recorder.language or table.ENGLISH
        language = heard if self.language == table.AUTO else self.language
        known = table.languages().get(language)
        return language if known and known.speakers else table.ENGLISH
