"""Assembles the built-in tools."""

from collections.abc import Callable, Sequence

from appliance.timers.alarms import AlarmClock
from appliance.timers.scheduler import TimerScheduler
from appliance.tools import IsGuest, Tool, everyone_is_guest
from appliance.tools.builtin.clock import Clock, clock_tools
from appliance.tools.builtin.device import DeviceReadings, device_tool
from appliance.tools.builtin.recording import recording_tools
from appliance.tools.builtin.smalltalk import smalltalk_tools
from appliance.tools.builtin.timers import timer_tools
from appliance.tools.builtin.voice_settings import voice_settings_tools
from appliance.tools.registry import enabled


def builtin_tools(
    clock: Clock,
    timers: TimerScheduler,
    readings: Callable[[], DeviceReadings],
    *,
    others: Sequence[Tool] = (),
    patterns: Sequence[str] = ("*",),
    is_guest: IsGuest = everyone_is_guest,
    is_on: Callable[[str], bool] = lambda _name: True,
    alarms: AlarmClock | None = None,
) -> tuple[Tool, ...]:
    """The built-in tools and `others` whose names match `patterns` (tools.enabled).

    "Stop" silences `alarms` too. "What can you do" lists the enabled tools that are on and that the
    asking client may use. Raises ConfigError for a pattern that matches no tool.
    """
    tools = (*clock_tools(clock), *timer_tools(timers, alarms, is_guest), device_tool(readings))
    tools = (*tools, *voice_settings_tools(), *recording_tools(), *others)
    spoken = enabled((*tools, *smalltalk_tools((), is_guest, is_on, alarms)), patterns)
    return enabled((*tools, *smalltalk_tools(spoken, is_guest, is_on, alarms)), patterns)
