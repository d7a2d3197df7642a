"""Options that a client gives when it creates a session, and which of them exist."""

from dataclasses import dataclass

from appliance.config.loader import Config
from appliance.errors import LanguageUnknown, VoiceUnknown
from appliance.languages import table
from appliance.tools import Speech
from appliance.voice.parts import SharedParts
from appliance.voice.realtime.route import VOICES


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a client asked for when it created the session; empty means the configured default."""

    voice: str = ""
    language: str = ""
    system_prompt: str = ""

    def check(self, shared: SharedParts) -> None:
        """Raises LanguageUnknown or VoiceUnknown, with the list, for what does not exist."""
        if self.language and not table.is_known(self.language):
            raise LanguageUnknown(
                f"there is no language {self.language!r}",
                advice=f"Give auto, or one of these codes: {table.listed()}.",
            )
        if self.voice in ("", table.AUTO):
            return
        known = known_voices(shared)
        if self.voice not in known:
            raise VoiceUnknown(
                f"there is no voice {self.voice!r}",
                advice=f"Give auto, or one of these: {', '.join(sorted(known))}.",
            )

    def speech(self, config: Config) -> Speech:
        """How a session with these options speaks at first."""
        language = self.language or config.stt.language
        voice = "" if self.voice == table.AUTO else self.voice or config.tts.named_voice
        return Speech(voice, language, config.tts.speed)


def known_voices(shared: SharedParts) -> frozenset[str]:
    """Every voice that may speak in a session.

    Those of the table count also while another engine answers: a page asks for the voice that it
    had before.
    """
    of_server = (*VOICES, shared.config.realtime.voice) if shared.realtime else ()
    return frozenset({*table.voices(), *shared.engines.tts.current.voices, *of_server})
