"""Tools that tell the time, the date and the day of the week."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from appliance.text import phrasing
from appliance.tools import Tool, ToolContext, ToolResult

Clock = Callable[[], datetime]
"""Returns the local time."""

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def clock_tools(clock: Clock) -> tuple[Tool, ...]:
    """get_time and get_date."""

    async def get_time(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        moment = clock()
        data = {"time": f"{moment:%H:%M}", "date": moment.date().isoformat()}
        return ToolResult(f"It is {phrasing.time_of_day(moment)}.", data)

    async def get_date(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        named: str = arguments.get("day", "today")
        when = clock().date() + timedelta(days=_DAYS[named])
        verb = "was" if named == "yesterday" else "is"
        data = {"date": when.isoformat(), "weekday": f"{when:%A}", "week": when.isocalendar().week}
        return ToolResult(
            f"{phrasing.capitalised(named)} {verb} {phrasing.day(when)}, {when.year}.", data
        )

    return (
        Tool(
            "get_time",
            "Tells the current local time.",
            get_time,
            sentences=_TIME,
            ability="tell the time and the date",
            read_only=True,
        ),
        Tool(
            "get_date",
            "Tells the date and the weekday.",
            get_date,
            _DATE_SCHEMA,
            _DATE,
            read_only=True,
        ),
    )


_TIME = (
    "(what time is it|what's the time|what is the time)",
    "(tell me|do you know|do you have|what is|what's) [the] [current|exact] time",
    "tell me (what time it is|what the time is)",
    "how late is it",
)
_DATE = (
    "(what day|what date|what weekday|which day) is it [{day}]",
    "(what's|what is|tell me) (the date|today's date|the day|the day of the week) [{day}]",
    "(what day|what date|what weekday) (is|was) [it] {day}",
    "what (day|date) of the (week|month) is it [{day}]",
    "(what|which) (year|month) is it",
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
