"""Tools for the conversation itself: repeat, stop, greetings, and "what can you do"."""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.text import phrasing
from appliance.tools import IsGuest, Run, Tool, ToolContext, ToolResult


def smalltalk_tools(tools: Sequence[Tool], is_guest: IsGuest) -> tuple[Tool, ...]:
    """repeat_that, stop_talking, list_abilities, and the polite ones.

    list_abilities lists the abilities of `tools` in order; for a guest, those it may use.
    """

    async def list_abilities(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        guest = await is_guest(context.client_id)
        abilities = [one.ability for one in tools if one.ability and (one.guests or not guest)]
        abilities.append("repeat what I said")
        return ToolResult(
            f"I can {phrasing.listed(abilities)}. Just ask.", {"abilities": abilities}
        )

    return (
        Tool(
            "repeat_that",
            "Says the last answer again.",
            _repeat_that,
            sentences=(
                "(repeat|say) (that|it) [again|once more|one more time]",
                "(repeat|again|once more|come again|pardon|pardon me)",
                "repeat (yourself|your answer|the last answer|what you said)",
                "what did you (say|just say)",
                "(i did not|i didn't) (hear|catch|get) (that|you)",
            ),
            read_only=True,
        ),
        Tool(
            "stop_talking",
            "Makes the assistant silent at once.",
            _stop_talking,
            sentences=(
                "(stop|quiet|silence|be quiet|shut up|hush|enough|that's enough|that is enough)",
                "stop (talking|it|that|speaking)",
                "(never mind|forget it)",
            ),
        ),
        Tool(
            "list_abilities",
            "Tells what the assistant can do.",
            list_abilities,
            sentences=(
                "what can (you do|i ask|i say|i ask you|you help [me] with)",
                "(help|help me|what are you able to do|what do you do|what do you know)",
                "how can you help [me]",
            ),
            read_only=True,
        ),
        *_polite_tools(),
    )


async def _repeat_that(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    last = context.last_answer
    return ToolResult(last or "I have not said anything yet.", {"last_answer": last})


async def _stop_talking(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    context.stop_speaking()
    return ToolResult("", {"stopped": True}, silent=True)


# Small talk for an appliance without a language model: name, description, answer (empty: silence),
# and sentences.
_POLITE = (
    (
        "greet",
        "Answers a greeting.",
        "Hello. What can I do for you?",
        (
            "(hello|hi|good day) [there|computer|again]",
            "good (morning|afternoon|evening)",
            "(can you hear me|are you there|are you listening)",
        ),
    ),
    (
        "take_note",
        "Takes note that the user is content.",
        "",
        # Without these sentences a recogniser would turn the word into a longer command.
        ("(okay|all right|alright|i see|very well)",),
    ),
    (
        "answer_thanks",
        "Answers thanks.",
        "You are welcome.",
        (
            "(thanks|thank you) [very much|so much|a lot|again]",
            "(many thanks|that was helpful)",
        ),
    ),
    (
        "answer_how_are_you",
        "Answers the question how it is.",
        "I am fine, thank you.",
        ("(how are you|how are you doing|how's it going) [today]",),
    ),
    (
        "say_goodbye",
        "Answers a farewell.",
        "Goodbye.",
        (
            "(goodbye|good bye|bye|bye bye|see you|see you later)",
            "good night [computer]",
        ),
    ),
    (
        "introduce_yourself",
        "Tells who the assistant is.",
        "I am the voice assistant of this appliance.",
        (
            "(who|what) are you",
            "(what's|what is) your name",
            "(introduce yourself|tell me about yourself)",
        ),
    ),
)


def _polite_tools() -> tuple[Tool, ...]:
    return tuple(
        Tool(
            name,
            description,
            _answering(answer),
            spoken_only=True,
            sentences=sentences,
            read_only=True,
        )
        for name, description, answer, sentences in _POLITE
    )


def _answering(sentence: str) -> Run:
    async def answer(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult(sentence, silent=not sentence)

    return answer
