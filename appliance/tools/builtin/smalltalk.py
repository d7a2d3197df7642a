"""Tools for the conversation itself: repeat, stop, greetings, and "what can you do"."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.languages.phrases import phrases
from appliance.timers.alarms import AlarmClock
from appliance.tools import IsGuest, Run, Tool, ToolContext, ToolResult


def smalltalk_tools(
    tools: Sequence[Tool],
    is_guest: IsGuest,
    is_on: Callable[[str], bool] = lambda _name: True,
    alarms: AlarmClock | None = None,
) -> tuple[Tool, ...]:
    """repeat_that, stop_talking, list_abilities, and the polite ones.

    stop_talking silences the alarms too: who says "stop" while one rings means that.
    list_abilities lists the abilities of the `tools` that are on, in order; for a guest, those it
    may use.
    """

    async def list_abilities(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        guest = await is_guest(context.client_id)
        said = phrases(context.spoken_language)
        allowed = [one for one in tools if is_on(one.name) and (one.guests or not guest)]
        named = [one.ability or said.find(f"ability_{one.name}") for one in allowed]
        abilities = [*filter(None, named), said.part("abilities_last")]
        spoken = said.say("abilities", abilities=said.listed(abilities))
        return ToolResult(spoken, {"abilities": abilities})

    async def stop_talking(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        if alarms is not None:
            alarms.stop_all()
        context.stop_speaking()
        return ToolResult("", {"stopped": True}, silent=True)

    return (
        Tool(
            "repeat_that",
            "Says the last answer again.",
            _repeat_that,
            read_only=True,
        ),
        Tool(
            "stop_talking",
            "Makes the assistant silent at once.",
            stop_talking,
        ),
        Tool(
            "list_abilities",
            "Tells what the assistant can do.",
            list_abilities,
            read_only=True,
        ),
        *_polite_tools(),
    )


async def _repeat_that(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    last = context.last_answer
    nothing = phrases(context.spoken_language).say("nothing_said")
    return ToolResult(last or nothing, {"last_answer": last})


# Small talk for an appliance without a language model, by name and description. The answer is that
# of the name in the language's folder; without one, the tool is silent.
_POLITE = {
    "greet": "Answers a greeting.",
    # Without its sentences a recogniser would turn "okay" into a longer command.
    "take_note": "Takes note that the user is content.",
    "answer_thanks": "Answers thanks.",
    "answer_how_are_you": "Answers the question how it is.",
    "say_goodbye": "Answers a farewell.",
    "introduce_yourself": "Tells who the assistant is.",
}


def _polite_tools() -> tuple[Tool, ...]:
    return tuple(
        Tool(name, description, _answering(name), spoken_only=True, read_only=True)
        for name, description in _POLITE.items()
    )


def _answering(name: str) -> Run:
    async def answer(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        sentence = phrases(context.spoken_language).find(name)
        return ToolResult(sentence, silent=not sentence)

    return answer
