"""Tools that set, list and cancel timers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.text import phrasing
from appliance.timers.scheduler import Timer, TimerScheduler
from appliance.tools import Tool, ToolContext, ToolResult

# Common names of timers, which the starter engine's grammar recognises. An engine that transcribes
# freely recognises any name.
NAMES = (
    "tea", "coffee", "egg", "eggs", "pasta", "rice", "pizza", "bread", "cake", "cookies",
    "potatoes", "chicken", "soup", "oven", "kitchen", "laundry", "washing", "break",
    "meeting", "nap", "work", "exercise", "homework", "first", "second",
)  # fmt: skip


def timer_tools(timers: TimerScheduler) -> tuple[Tool, ...]:
    """set_timer, check_timers and cancel_timer."""

    async def set_timer(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        timer = timers.start(_seconds(arguments), arguments.get("name", ""))
        named = phrasing.capitalised(f"{timer.name} timer" if timer.name else "timer")
        return ToolResult(
            f"{named} set for {phrasing.length(timer.seconds)}.", _data([timer], timers)
        )

    async def check_timers(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        found = _matching(timers, arguments)
        if not found:
            return ToolResult(_no_such_timer(timers), {"timers": []})
        left = [
            f"{phrasing.length(timers.left(timer))} left on the {timer.title}" for timer in found
        ]
        verb = "are" if len(found) > 1 or round(timers.left(found[0])) != 1 else "is"
        return ToolResult(f"There {verb} {phrasing.listed(left)}.", _data(found, timers))

    async def cancel_timer(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        found = _matching(timers, arguments)
        if not found:
            return ToolResult(_no_such_timer(timers), {"cancelled": []})
        if len(found) > 1 and not arguments.get("all"):
            titles = phrasing.listed([f"the {timer.title}" for timer in found], "or")
            return ToolResult(f"Which one: {titles}?", {"cancelled": [], **_data(found, timers)})
        for timer in found:
            timers.cancel(timer)
        return ToolResult(_cancelled_answer(found), {"cancelled": [timer.title for timer in found]})

    return _tools(set_timer, check_timers, cancel_timer)


def _seconds(arguments: Mapping[str, Any]) -> float:
    given = [arguments.get(unit, 0) for unit in ("hours", "minutes", "seconds")]
    return float(given[0] * 3600 + given[1] * 60 + given[2])


def _matching(timers: TimerScheduler, arguments: Mapping[str, Any]) -> tuple[Timer, ...]:
    return timers.find(arguments.get("name", ""), _seconds(arguments))


def _no_such_timer(timers: TimerScheduler) -> str:
    running = timers.snapshot()
    if not running:
        return "There is no timer running."
    titles = phrasing.listed([f"the {timer.title}" for timer in running])
    return f"There is no such timer. Running: {titles}."


def _cancelled_answer(found: Sequence[Timer]) -> str:
    if len(found) == 1:
        return f"The {found[0].title} is cancelled."
    which = "Both timers" if len(found) == 2 else f"All {phrasing.counted(len(found), 'timer')}"
    return f"{which} are cancelled."


def _data(found: Sequence[Timer], timers: TimerScheduler) -> dict[str, Any]:
    return {
        "timers": [
            {"name": timer.name, "seconds": timer.seconds, "left": round(timers.left(timer))}
            for timer in found
        ]
    }


_Run = Callable[[Mapping[str, Any], ToolContext], Any]

_HALF = {"and a half": 30}
_LISTS: dict[str, dict[str, Any]] = {
    "one": {"a": 1, "an": 1},
    "half": _HALF,
    "part_hour": {
        "half an hour": 30, "half hour": 30, "a half hour": 30, "a quarter of an hour": 15,
        "quarter of an hour": 15, "three quarters of an hour": 45,
    },
    "half_minute": {"half a minute": 30, "half minute": 30},
    "all": {"all": True, "every": True, "both": True},
}  # fmt: skip

# Slots are arguments: "an hour and a half" yields hours 1 and minutes 30. A duration occurs in few
# places, because PocketSphinx expands all of it at each.
_RULES = {
    "hours": "({hours}|{one:hours}) [{half:minutes}] (hour|hours) [{half:minutes}]",
    "minutes": "({minutes}|{one:minutes}) [{half:seconds}] (minute|minutes) [{half:seconds}]",
    "seconds": "({seconds}|{one:seconds}) (second|seconds)",
    "duration": (
        "((<hours> [[and] <minutes>]|<minutes>) [[and] <seconds>]|<seconds>"
        "|{part_hour:minutes}|{half_minute:seconds})"
    ),
    "brief": "({hours} hour|{minutes} minute|{seconds} second)",
}

_SET = (
    "([(set|start|create|make|give me|add|i need)] [a|an|another|the|my|one] [new] [{name}] timer "
    "(for|of)|(remind|wake|call|alert) me [up] in|count down [from]) <duration> "
    "[(called|named|for [the|my]) {name}]",
    "[(set|start|create|make|give me|add|i need)] [a|an|another|the|my|one] [new] "
    "<duration> [{name}] timer",
)
_CHECK = (
    "(how much|how much more) time (is|is there|do i have) [left] "
    "[on (the|my) (timer|timers|{name} timer|<brief> timer)]",
    "how (much|long) [is] left on (the|my) (timer|timers|{name} timer|<brief> timer)",
    "how long (is left|do i have|does it take|has it got|is there left)",
    "(what|which) timers (are|do i have) [running|set|on|there]",
    "(list|show|check|tell me) [all] [the|my|of my] (timers|timer)",
    "(how is|how's|what about|check) (the|my) (timer|{name} timer)",
    "(are there|do i have|is there) (any|a|some) (timers|timer) [running|set]",
    "how many timers (are there|do i have|are running)",
)
_CANCEL = (
    "(cancel|delete|remove|clear|stop|end) [the|my|that|this] timer",
    "(cancel|delete|remove|clear|stop|end) [the|my] {name} timer",
    "(cancel|delete|remove|clear|stop|end) [the|my] <brief> timer",
    "(cancel|delete|remove|clear|stop|end) {all} [the|my|of my|of the|running] (timers|timer)",
    "(cancel|delete|remove|clear|stop|end) [the|my] timers",
)


def _schema(required_length: bool) -> dict[str, Any]:
    what = "of the timer" if required_length else "of the timer meant, as it was set"
    return {
        "hours": {"type": "number", "minimum": 0, "maximum": 24, "description": f"Hours {what}."},
        "minutes": {
            "type": "number",
            "minimum": 0,
            "maximum": 180,
            "description": f"Minutes {what}.",
        },
        "seconds": {
            "type": "integer",
            "minimum": 0,
            "maximum": 180,
            "description": f"Seconds {what}.",
        },
        "name": {
            "type": "string",
            "maxLength": 30,
            "examples": list(NAMES),
            "description": "What the timer is for, in a word or two.",
        },
    }


def _tools(set_timer: _Run, check_timers: _Run, cancel_timer: _Run) -> tuple[Tool, ...]:
    chosen = _schema(required_length=False)
    every = {"type": "boolean", "description": "Cancel every timer that fits."}
    return (
        Tool(
            "set_timer",
            "Sets a timer that rings aloud. Give at least one of hours, minutes, seconds.",
            set_timer,
            {"type": "object", "properties": _schema(required_length=True)},
            _SET,
            _LISTS,
            _RULES,
            ability="set timers",
        ),
        Tool(
            "check_timers",
            "Lists the running timers with the time left, or tells about one of them.",
            check_timers,
            {"type": "object", "properties": chosen},
            _CHECK,
            _LISTS,
            _RULES,
            read_only=True,
        ),
        Tool(
            "cancel_timer",
            "Cancels a running timer; without arguments, the only one there is.",
            cancel_timer,
            {"type": "object", "properties": {**chosen, "all": every}},
            _CANCEL,
            _LISTS,
            _RULES,
        ),
    )
