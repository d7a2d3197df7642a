"""Tools that change volume, voice, speed and language for the rest of the session.

The volume belongs to the page, to which a message is sent.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from appliance.languages import table
from appliance.languages.phrases import phrases
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.wire import VolumeMessage

VOLUME_STEP = 20  # percent
SPEED_STEP = 0.15
SLOWEST, FASTEST = 0.5, 2.0
# Names of Kokoro's voices that the starter engine's grammar recognises.
NAMES = ("sarah", "bella", "nicole", "emma", "michael", "adam", "george", "lewis")
MOST_NAMED = 6
"""Voices that are told to somebody who asked for one that does not exist."""


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
    )


def _change_volume_tool() -> Tool:
    louder = {"type": "boolean", "description": "True for louder, false for quieter."}
    return Tool(
        "change_volume",
        "Makes the assistant louder or quieter by a step.",
        _change_volume,
        _schema(louder=louder, required=("louder",)),
    )


def _change_voice_tool() -> Tool:
    name = {"type": "string", "maxLength": 40, "examples": list(NAMES)}
    name["description"] = "A voice by its name; the next one when left out."
    return Tool(
        "change_voice",
        "Lets the assistant speak with another voice.",
        _change_voice,
        _schema(name=name),
    )


def _change_speed_tool() -> Tool:
    faster = {"type": "boolean", "description": "True for faster, false for slower."}
    return Tool(
        "change_speed",
        "Lets the assistant speak faster or slower.",
        _change_speed,
        _schema(faster=faster, required=("faster",)),
    )


def _set_language_tool() -> Tool:
    language = {"type": "string", "maxLength": 40}
    language["description"] = "The English name of the language, or its code."
    return Tool(
        "set_language",
        "Changes the language in which the assistant listens and speaks.",
        _set_language,
        _schema(language=language, required=("language",)),
    )


async def _set_volume(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    level: int = arguments["level"]
    context.send_message(VolumeMessage(level=level))
    if level == 0:
        return ToolResult("", {"level": 0}, silent=True)
    said = phrases(context.spoken_language)
    return ToolResult(said.say("volume_at", level=said.number(level)), {"level": level})


async def _change_volume(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    step = VOLUME_STEP if arguments["louder"] else -VOLUME_STEP
    context.send_message(VolumeMessage(change=step))
    return ToolResult(phrases(context.spoken_language).say("volume_changed"), {"change": step})


async def _change_voice(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    speech, language = context.speech, context.spoken_language
    said = phrases(language)
    offered = table.fitting_voices(context.voices, language)
    names = {voice: table.voice_name(voice) for voice in offered}
    data = {"voices": list(names.values())}
    wanted = " ".join(arguments.get("name", "").lower().split())
    if wanted:
        found = next((v for v in offered if wanted in (v.lower(), names[v].lower())), None)
        if found is None and offered:
            some = said.listed([names[voice] for voice in offered[:MOST_NAMED]])
            return ToolResult(said.say("no_such_voice", voices=some), data)
    else:
        found = table.next_voice(speech.voice, offered, language)
    if found is None:
        return ToolResult(said.say("one_voice"), data)
    context.speak_as(replace(speech, voice=found))
    return ToolResult(said.say("voice_changed", voice=names[found]), {"voice": found})


async def _change_speed(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    speech, said = context.speech, phrases(context.spoken_language)
    step = SPEED_STEP if arguments["faster"] else -SPEED_STEP
    speed = round(min(FASTEST, max(SLOWEST, speech.speed + step)), 2)
    if speed == speech.speed:
        key = "no_faster" if arguments["faster"] else "no_slower"
        return ToolResult(said.say(key), {"speed": speed})
    context.speak_as(replace(speech, speed=speed))
    return ToolResult(said.say("speed_changed"), {"speed": speed})


async def _set_language(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    found = table.named(arguments["language"])
    if found is None or not found.speakers:
        return ToolResult(
            phrases(context.spoken_language).say("no_such_language"),
            {"languages": [one.name for one in table.languages().values() if one.speakers]},
        )
    context.speak_as(replace(context.speech, language=found.code, voice=""))
    said, data = phrases(found.code), {"language": found.code}
    if said.language == found.code:
        return ToolResult(said.say("language_changed"), data)
    # Without a folder of its own, the commands and the answers of the tools are English.
    return ToolResult(said.say("language_partly", language=found.name), data)


def _schema(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}
