"""Tools that set, list, cancel, pause and resume timers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.errors import ToolError
from appliance.languages.phrases import Phrases, phrases
from appliance.timers.alarms import AlarmClock
from appliance.timers.scheduler import MOST, TimerScheduler
from appliance.timers.timer import Timer
from appliance.tools import IsGuest, Tool, ToolContext, ToolResult

# Common names of timers, which the starter engine's grammar recognises. An engine that transcribes
# freely recognises any name.
NAMES = (
    "tea", "coffee", "egg", "eggs", "pasta", "rice", "pizza", "bread", "cake", "cookies",
    "potatoes", "chicken", "soup", "oven", "kitchen", "laundry", "washing", "break",
    "meeting", "nap", "work", "exercise", "homework", "first", "second",
)  # fmt: skip


def timer_tools(
    timers: TimerScheduler, alarms: AlarmClock | None, is_guest: IsGuest
) -> tuple[Tool, ...]:
    """set_timer, check_timers, cancel_timer, pause_timer and resume_timer.

    cancel_timer silences a timer that rings, whose ever it is. Guests change only their own.
    """

    async def set_timer(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        said = phrases(context.spoken_language)
        try:
            name = arguments.get("name", "")
            timer = timers.start(_seconds(arguments), name, context.client_id)
        except ToolError as error:
            key = "timer_needs_length" if _seconds(arguments) <= 0 else "too_many_timers"
            return ToolResult(said.say(key, count=MOST), error.as_json())
        key = "timer_set_named" if timer.name else "timer_set"
        length = said.length(timer.seconds)
        return ToolResult(said.say(key, name=timer.name, length=length), _data([timer], timers))

    async def check_timers(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        said = phrases(context.spoken_language)
        found = _matching(timers, arguments)
        if not found:
            return ToolResult(_no_such_timer(timers, said), {"timers": []})
        left = [
            said.part(
                "timer_left", length=said.length(timers.left(timer)), timer=_title(timer, said)
            )
            for timer in found
        ]
        is_one = len(found) == 1 and round(timers.left(found[0])) == 1
        key = "timers_left_one" if is_one else "timers_left_many"
        return ToolResult(said.say(key, items=said.listed(left)), _data(found, timers))

    async def cancel_timer(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        said = phrases(context.spoken_language)
        stopped = _silenced(alarms, arguments)
        found = _matching(timers, arguments)
        if stopped and not (found and arguments.get("all")):
            return ToolResult("", {"stopped": stopped}, silent=True)
        if not found:
            return ToolResult(_no_such_timer(timers, said), {"cancelled": []})
        found = await _changeable(found, context, is_guest)
        if not found:
            return ToolResult(said.say("timer_of_another"), {"cancelled": []})
        if len(found) > 1 and not arguments.get("all"):
            return ToolResult(_which(found, said), {"cancelled": [], **_data(found, timers)})
        for timer in found:
            timers.cancel(timer)
        titles = [_title(timer, said) for timer in found]
        return ToolResult(_cancelled_answer(titles, said), {"cancelled": titles})

    tools = _tools(set_timer, check_timers, cancel_timer)
    return (
        *tools,
        _pause_tool(timers, is_guest, pauses=True),
        _pause_tool(timers, is_guest, pauses=False),
    )


def _pause_tool(timers: TimerScheduler, is_guest: IsGuest, *, pauses: bool) -> Tool:
    """pause_timer, or resume_timer; of several timers, those that it would change are meant."""

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        said = phrases(context.spoken_language)
        found = _matching(timers, arguments)
        if not found:
            return ToolResult(_no_such_timer(timers, said), {"timers": []})
        found = await _changeable(found, context, is_guest)
        if not found:
            return ToolResult(said.say("timer_of_another"), {"timers": []})
        found = tuple(one for one in found if (one.paused_left is None) == pauses) or found
        if len(found) > 1:
            return ToolResult(_which(found, said), _data(found, timers))
        (timer,) = found
        (timers.pause if pauses else timers.resume)(timer)
        key = "timer_paused" if pauses else "timer_resumed"
        left = said.length(timers.left(timer))
        return ToolResult(
            said.say(key, timer=_title(timer, said), length=left), _data(found, timers)
        )

    does = "Pauses a running timer" if pauses else "Has a paused timer run on"
    return Tool(
        "pause_timer" if pauses else "resume_timer",
        f"{does}; without arguments, the only one there is.",
        run,
        {"type": "object", "properties": _schema(required_length=False)},
    )


async def _changeable(
    found: tuple[Timer, ...], context: ToolContext, is_guest: IsGuest
) -> tuple[Timer, ...]:
    """Those that this client may change: a guest its own, others all."""
    if not await is_guest(context.client_id):
        return found
    return tuple(timer for timer in found if timer.client_id in ("", context.client_id))


def _which(found: Sequence[Timer], said: Phrases) -> str:
    return said.say("which_timer", items=_titles(found, said, "or"))


def _seconds(arguments: Mapping[str, Any]) -> float:
    given = [arguments.get(unit, 0) for unit in ("hours", "minutes", "seconds")]
    return float(given[0] * 3600 + given[1] * 60 + given[2])


def _matching(timers: TimerScheduler, arguments: Mapping[str, Any]) -> tuple[Timer, ...]:
    return timers.find(arguments.get("name", ""), _seconds(arguments))


def _silenced(alarms: AlarmClock | None, arguments: Mapping[str, Any]) -> list[str]:
    """Silences the alarms that match, and returns their names."""
    if alarms is None:
        return []
    ringing = alarms.sounding(arguments.get("name", ""), _seconds(arguments))
    for timer in ringing:
        alarms.stop(timer)
    return [timer.name for timer in ringing]


def _title(timer: Timer, said: Phrases) -> str:
    return said.timer_title(timer.name, timer.seconds)


def _titles(found: Sequence[Timer], said: Phrases, last: str) -> str:
    items = [said.part("timer_item", timer=_title(timer, said)) for timer in found]
    return said.listed(items, last)


def _no_such_timer(timers: TimerScheduler, said: Phrases) -> str:
    running = timers.snapshot()
    if not running:
        return said.say("no_timer")
    return said.say("no_such_timer", items=_titles(running, said, "and"))


def _cancelled_answer(titles: Sequence[str], said: Phrases) -> str:
    if len(titles) == 1:
        return said.say("timer_cancelled", timer=titles[0])
    if len(titles) == 2:
        return said.say("timers_cancelled_both")
    return said.say("timers_cancelled_all", count=said.number(len(titles)))


def _data(found: Sequence[Timer], timers: TimerScheduler) -> dict[str, Any]:
    return {
        "timers": [
            {"name": timer.name, "seconds": timer.seconds, "left": round(timers.left(timer))}
            for timer in found
        ]
    }


_Run = Callable[[Mapping[str, Any], ToolContext], Any]


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
        ),
        Tool(
            "check_timers",
            "Lists the running timers with the time left, or tells about one of them.",
            check_timers,
            {"type": "object", "properties": chosen},
            read_only=True,
        ),
        Tool(
            "cancel_timer",
            "Cancels a running timer; without arguments, the only one there is.",
            cancel_timer,
            {"type": "object", "properties": {**chosen, "all": every}},
        ),
    )
