"""Tools that change volume, voice, speed and language for the rest of the session.

The volume belongs to the page, to which a message is sent.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from appliance.text import phrasing
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.wire import VolumeMessage

VOLUME_STEP = 20  # percent
SPEED_STEP = 0.15
SLOWEST, FASTEST = 0.5, 2.0
# Names of Kokoro's voices that the starter engine's grammar recognises.
NAMES = ("sarah", "bella", "nicole", "emma", "michael", "adam", "george", "lewis")
LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it",
    "portuguese": "pt", "dutch": "nl", "polish": "pl", "japanese": "ja", "chinese": "zh",
}  # fmt: skip


def voice_settings_tools() -> tuple[Tool, ...]:
    """set_volume, change_volume, change_voice, change_speed and set_language."""
    return (
        _set_volume_tool(),
        _change_volume_tool(),
        _change_voice_tool(),
        _change_speed_tool(),
        _set_language_tool(),
    )


def _set_volume_tool() -> Tool:
    level = {"type": "integer", "minimum": 0, "maximum": 100, "description": "Percent."}
    return Tool(
        "set_volume",
        "Sets the volume of the page through which the user hears the assistant.",
        _set_volume,
        _schema(level=level, required=("level",)),
        (
            "(set|turn|change) [the|your] volume to {level} [percent]",
            "volume {level} [percent]",
            "{silent:level} (yourself|the sound)",
            "turn the sound {back:level}",
            "turn the volume {extreme:level} [up|down]",
        ),
        {
            "silent": {"mute": 0},
            "back": {"off": 0, "on": 100, "back on": 100},
            "extreme": {"all the way up": 100, "all the way down": 0},
        },
        ability="change volume and voice",
    )


def _change_volume_tool() -> Tool:
    louder = {"type": "boolean", "description": "True for louder, false for quieter."}
    return Tool(
        "change_volume",
        "Makes the assistant louder or quieter by a step.",
        _change_volume,
        _schema(louder=louder, required=("louder",)),
        (
            "(speak|talk|be|a bit|a little) [a bit|a little] {way:louder}",
            "{way:louder}",
            "turn (it|the volume|the sound) {turn:louder} [a bit|a little]",
            "turn {turn:louder} (the volume|the sound)",
            "(you are|you're|it is|it's|that is) too {too:louder}",
        ),
        {
            "way": {"louder": True, "quieter": False, "softer": False, "lower": False},
            "turn": {"up": True, "down": False},
            "too": {"quiet": True, "soft": True, "loud": False},
        },
    )


def _change_voice_tool() -> Tool:
    name = {"type": "string", "maxLength": 40, "examples": list(NAMES)}
    name["description"] = "A voice by its name; the next one when left out."
    return Tool(
        "change_voice",
        "Lets the assistant speak with another voice.",
        _change_voice,
        _schema(name=name),
        (
            "(use|take|try|give me) (another|a different|the next) voice",
            "(change|switch) [the|your] voice",
            "(change|switch) [the|your] voice to {name}",
            "(use|take|try) the voice [of|called] {name}",
        ),
    )


def _change_speed_tool() -> Tool:
    faster = {"type": "boolean", "description": "True for faster, false for slower."}
    return Tool(
        "change_speed",
        "Lets the assistant speak faster or slower.",
        _change_speed,
        _schema(faster=faster, required=("faster",)),
        (
            "(speak|talk) [a bit|a little] [more] {pace:faster}",
            "{comparative:faster}",
            "(you are|you're) [speaking|talking] too {too:faster}",
        ),
        {
            "pace": {"faster": True, "quickly": True, "slower": False, "slowly": False},
            "comparative": {"faster": True, "slower": False},
            "too": {"slow": True, "slowly": True, "fast": False},
        },
    )


def _set_language_tool() -> Tool:
    language = {"type": "string", "enum": list(LANGUAGES)}
    return Tool(
        "set_language",
        "Changes the language in which the assistant listens and speaks.",
        _set_language,
        _schema(language=language, required=("language",)),
        (
            "(speak|talk) {language} [to|with] [me]",
            "(speak|talk) (in|to me in) {language}",
            "(switch|change) [the|your] [language] to {language}",
        ),
    )


async def _set_volume(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    level: int = arguments["level"]
    context.send_message(VolumeMessage(level=level))
    if level == 0:
        return ToolResult("", {"level": 0}, silent=True)
    return ToolResult(f"The volume is at {phrasing.number(level)} percent.", {"level": level})


async def _change_volume(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    step = VOLUME_STEP if arguments["louder"] else -VOLUME_STEP
    context.send_message(VolumeMessage(change=step))
    return ToolResult("Is it better like this?", {"change": step})


async def _change_voice(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    speech, voices = context.speech, context.voices
    wanted = "_".join(arguments.get("name", "").lower().split())
    if wanted:
        found = next((voice for voice in voices if wanted in (voice, _spoken_name(voice))), None)
        if found is None:
            return ToolResult("I have no voice of that name.", {"voices": list(voices)})
    elif len(voices) < 2:
        return ToolResult("I have only this one voice.", {"voices": list(voices)})
    else:
        # The next voice of the same kind: Kokoro's names begin with letters for language and sex.
        alike = [voice for voice in voices if voice[:1] == speech.voice[:1]] or list(voices)
        place = alike.index(speech.voice) if speech.voice in alike else -1
        found = alike[(place + 1) % len(alike)]
    context.speak_as(replace(speech, voice=found))
    return ToolResult(
        f"This is {_spoken_name(found).replace('_', ' ')}. How do I sound?", {"voice": found}
    )


def _spoken_name(voice: str) -> str:
    """The name of a voice without Kokoro's prefix: "sarah" for "af_sarah"."""
    prefix, found, name = voice.partition("_")
    return name if found and len(prefix) == 2 else voice


async def _change_speed(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    speech = context.speech
    step = SPEED_STEP if arguments["faster"] else -SPEED_STEP
    speed = round(min(FASTEST, max(SLOWEST, speech.speed + step)), 2)
    if speed == speech.speed:
        way = "faster" if arguments["faster"] else "slower"
        return ToolResult(f"I cannot speak any {way}.", {"speed": speed})
    context.speak_as(replace(speech, speed=speed))
    return ToolResult("I speak like this now.", {"speed": speed})


async def _set_language(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    named: str = arguments["language"]
    context.speak_as(replace(context.speech, language=LANGUAGES[named], voice=""))
    answer = f"I listen and speak in {named.capitalize()} now"
    if named == "english":
        return ToolResult(f"{answer}.", {"language": named})
    # The sentences of the tools are English, and not every model knows every language.
    back = "Commands stay English; say speak English to go back."
    data = {"language": named, "commands": "english"}
    return ToolResult(f"{answer}, as far as my models know it. {back}", data)


def _schema(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}
