"""The voices that can be chosen on this appliance, by language, and a sentence to hear one."""

import asyncio
import io
import wave
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from appliance.audio.format import OUTPUT_RATE
from appliance.config.loader import Config
from appliance.engines import Priority, Synthesizer, Ticket, Voice
from appliance.engines.factory import first_voice
from appliance.hardware.model_profiles import piper_language
from appliance.hardware.planner import models_on_disk
from appliance.languages import table
from appliance.languages.folder import TRANSLATED
from appliance.languages.phrases import phrases
from appliance.languages.table import Language


class VoiceCatalogue:
    """The voices of the synthesizer that answers now. Raises NotReady before there is one."""

    def __init__(
        self, synthesizer: Callable[[], Synthesizer], config: Callable[[], Config]
    ) -> None:
        self._synthesizer = synthesizer
        self._config = config

    async def listed(self) -> dict[str, Any]:
        """The body of GET /api/voices: languages, and the voices of each, best first."""
        engine, piper = self._synthesizer(), await asyncio.to_thread(self._piper_voices)
        spoken = [one for one in table.languages().values() if one.speakers]
        listed = [(one, list(_voices(one, engine, piper))) for one in spoken]
        chosen = first_voice(self._config())
        return {
            "engine": engine.name,
            "voice": chosen.name,
            "language": self._config().stt.language,
            "speed": chosen.speed,
            "languages": [
                {"code": one.code, "name": one.name, "own_name": one.own_name, "voices": voices}
                for one, voices in listed
            ],
        }

    def _piper_voices(self) -> Mapping[str, str]:
        """The Piper voice on disk by language; the first by name where there are several."""
        found: dict[str, str] = {}
        for name in sorted(models_on_disk(self._config())):
            if language := piper_language(name):
                found.setdefault(language, name)
        return found

    async def preview(self, voice: str, language: str, speed: float) -> bytes:
        """A sentence in a voice, as WAV; whoever is in a turn comes first.

        Raises EngineError where it cannot be spoken.
        """
        code = table.language_of_voice(voice) or language or first_voice(self._config()).language
        if code == table.AUTO or not table.is_known(code):
            code = table.ENGLISH
        name = "" if voice == table.AUTO else voice
        spoken = self._synthesizer().synthesize(
            sample_sentence(name, code), Voice(name, code, speed), Ticket(Priority.LATER)
        )
        return _wav(b"".join([chunk async for chunk in spoken]))


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(OUTPUT_RATE)
        out.writeframes(pcm)
    return file.getvalue()


def sample_sentence(voice: str, language: str) -> str:
    """What a voice says of itself, in its language.

    In a language without phrases: the language's own name, and figures, which every voice reads.
    """
    if language not in TRANSLATED:
        return f"{table.languages()[language].own_name}: 1, 2, 3, 4, 5."
    said = phrases(language)
    if not voice:
        return said.say("introduce_yourself")
    return said.say("voice_changed", voice=table.voice_name(voice))


def _voices(
    language: Language, engine: Synthesizer, piper: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The voices that would speak a language: the engine's own, else its substitute."""
    kind = engine.name.partition(" ")[0]
    own = language.speaker(kind)
    if kind == "piper":
        name = engine.name.split()[1]
        own = own if piper_language(name) in ("", language.code) else None
    if own and kind != "espeak":
        names = table.fitting_voices(engine.voices, language.code)
    elif language.code in piper and kind != "espeak":
        kind, names = "piper", [piper[language.code]]
    else:
        kind, names = "espeak", [table.espeak_voice(language.code)]
    speaker = language.speaker(kind)
    quality = speaker.quality if speaker else table.Quality.CLEAR
    for name in names:
        yield {
            "id": name,
            "name": table.voice_name(name),
            "variant": table.kokoro_phonemizer(name, language.code) if kind == "kokoro" else "",
            "engine": kind,
            "quality": quality.value,
        }
