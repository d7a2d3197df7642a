"""Checks that language, model and voice fit each other, and how well the language is spoken."""

from typing import ClassVar

from appliance.config.loader import Config
from appliance.hardware.candidates import spoken_language
from appliance.hardware.model_profiles import WHISPER, piper_language
from appliance.hardware.plan import Plan
from appliance.languages import table
from appliance.languages.table import ENGLISH, Language, Quality
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext


class LanguagesCheck(BaseCheck):
    name: ClassVar[str] = "languages"
    title: ClassVar[str] = "Languages"
    limit: ClassVar[float] = 30.0

    async def run(self, context: CheckContext) -> Finding:
        return self.judge(context.config, context.plan)

    def judge(self, config: Config, plan: Plan) -> Finding:
        language = table.languages()[spoken_language(config)]
        fault = _hearing_fault(config, plan, language) or _speaking_fault(config, language)
        if fault:
            return self.failure(*fault)
        if language.quality is None:
            return self.failure(
                f"{language.name} is heard, but no voice speaks it: answers are English",
                'Set stt.language to a language of docs/languages.md that is spoken, or to "auto".',
            )
        return self._spoken(plan, language)

    def _spoken(self, plan: Plan, language: Language) -> Finding:
        first = plan.tts.options[0]
        if first.engine == "timed":
            return self.skipped("the voice is simulated")
        if first.engine == "kokoro" and table.kokoro_speaks(language.code):
            return self.ok(f"{language.name} is spoken by Kokoro: {language.quality}")
        if first.engine == "piper" and piper_language(first.model) in ("", language.code):
            return self.ok(f"{language.name} is spoken by {first.model}: {Quality.CLEAR}")
        espeak = language.speaker("espeak")
        spoken = f"{language.name} is spoken by eSpeak NG: {espeak.quality if espeak else ''}"
        piper = language.speaker("piper")
        if piper is None or language.code == ENGLISH:
            return self.ok(spoken)
        return self.warning(
            spoken,
            f"Fetch a clearer voice with `appliance models pull {piper.voices[0]}`, or put the two"
            " files of that Piper voice into models.directory.",
        )


def _hearing_fault(config: Config, plan: Plan, language: Language) -> tuple[str, str] | None:
    """What is wrong with the transcriber, and what to do about it."""
    first = plan.stt.options[0]
    if config.stt.language == ENGLISH or first.engine == "timed":
        return None
    wanted = "every language" if config.stt.language == table.AUTO else language.name
    if first.engine == "sphinx":
        return (
            f"stt.language asks for {wanted}, but only the starter engine hears: it knows nothing"
            " but English commands",
            "Fetch a model with `appliance models pull base`, or set stt.engine to auto.",
        )
    known = WHISPER.get(first.model)
    if known is not None and known.english:
        return (
            f"stt.language asks for {wanted}, but {first.model} knows English only",
            f"Set stt.model to auto, or to {first.model.removesuffix('.en')}, and fetch it with"
            " `appliance models pull`.",
        )
    return None


def _speaking_fault(config: Config, language: Language) -> tuple[str, str] | None:
    """What is wrong with the chosen voice or voice model, and what to do about it."""
    voice, model = config.tts.named_voice, piper_language(config.tts.model)
    of_voice = table.languages().get(table.language_of_voice(voice))
    if of_voice is not None and of_voice != language:
        return (
            f"tts.voice is {table.voice_name(voice)} ({voice}), a voice for {of_voice.name}, but"
            f" the language is {language.name}",
            f"Set tts.voice to auto or to a voice for {language.name}, or stt.language to"
            f" {of_voice.code}.",
        )
    if model and model != language.code:
        return (
            f"tts.model is {config.tts.model}, a voice for {model}, but the language is"
            f" {language.name}",
            f"Set tts.model to auto, or stt.language to {model}.",
        )
    return None
