"""Tools for the history of a conversation: recall what the user said, forget the conversation."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from appliance.languages.phrases import Phrases, phrases
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.builtin.clock import Clock

MOST_RECALLED = 5

UserTexts = Callable[[str, float, float], Awaitable[Sequence[str]]]
"""What a client said between two times (seconds since the epoch), oldest first."""

Forget = Callable[[str], None]
"""Deletes a conversation after the current answer has been spoken; returns at once."""

_DAYS = {"yesterday": -1, "today": 0}


def history_tools(clock: Clock, user_texts: UserTexts, forget: Forget) -> tuple[Tool, ...]:
    """recall_questions and forget_conversation."""
    return (_recall_questions(clock, user_texts), _forget_conversation(forget))


def _recall_questions(clock: Clock, user_texts: UserTexts) -> Tool:
    async def recall(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        named: str = arguments.get("day", "yesterday")
        now = clock()
        day = (now + timedelta(days=_DAYS[named])).date()
        begin, end = (_midnight(day + timedelta(days=ahead), now) for ahead in (0, 1))
        found = [
            text
            for text in dict.fromkeys(await user_texts(context.client_id, begin, end))
            if not _is_recall(text)
        ]
        data = {"day": day.isoformat(), "asked": found[-20:]}
        return ToolResult(_recall_answer(phrases(context.spoken_language), named, found), data)

    return Tool(
        "recall_questions",
        "Tells what the user asked or said yesterday or today.",
        recall,
        {"type": "object", "properties": {"day": {"type": "string", "enum": list(_DAYS)}}},
        read_only=True,
        guests=False,
    )


def _recall_answer(said: Phrases, day: str, texts: Sequence[str]) -> str:
    if not texts:
        return said.say(f"recall_nothing_{day}")
    quotes = said.listed([f"“{text.rstrip('.?! ')}”" for text in texts[-MOST_RECALLED:]])
    more = len(texts) - MOST_RECALLED
    if more > 0:
        key = "other_thing_one" if more == 1 else "other_thing_many"
        count = said.part(key, count=said.number(more))
        quotes = said.part("recall_more", quotes=quotes, count=count)
    return said.say(f"recall_{day}", quotes=quotes)


def _forget_conversation(forget: Forget) -> Tool:
    async def forget_conversation(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        forget(context.conversation_id)
        goodbye = phrases(context.spoken_language).say("forgotten")
        return ToolResult(goodbye, {"forgotten": True})

    return Tool(
        "forget_conversation",
        "Deletes this conversation for good, and ends it.",
        forget_conversation,
        confirm=True,
    )


def _midnight(day: date, now: datetime) -> float:
    return datetime.combine(day, time(), tzinfo=now.tzinfo).timestamp()


def _is_recall(text: str) -> bool:
    return text.lower().startswith(("what did i", "what have i", "what did we"))
