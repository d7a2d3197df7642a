"""Tools that tell the time, the date and the day of the week."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from appliance.languages.phrases import phrases
from appliance.tools import Tool, ToolContext, ToolResult

Clock = Callable[[], datetime]
"""Returns the local time."""

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def clock_tools(clock: Clock) -> tuple[Tool, ...]:
    """get_time and get_date."""

    async def get_time(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        moment, said = clock(), phrases(context.spoken_language)
        data = {"time": f"{moment:%H:%M}", "date": moment.date().isoformat()}
        return ToolResult(said.say("time", time=said.time(moment)), data)

    async def get_date(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        named: str = arguments.get("day", "today")
        when = clock().date() + timedelta(days=_DAYS[named])
        said = phrases(context.spoken_language)
        data = {"date": when.isoformat(), "weekday": f"{when:%A}", "week": when.isocalendar().week}
        return ToolResult(said.say(f"date_{named}", date=said.day(when)), data)

    return (
        Tool(
            "get_time",
            "Tells the current local time.",
            get_time,
            read_only=True,
        ),
        Tool(
            "get_date",
            "Tells the date and the weekday.",
            get_date,
            _DATE_SCHEMA,
            read_only=True,
        ),
    )


_DATE_SCHEMA = {
    "type": "object",
    "properties": {
        "day": {
            "type": "string",
            "enum": list(_DAYS),
            "description": "Which day; today when left out.",
        }
    },
}
