"""The tools that every appliance has, put together from what they need to know."""

from collections.abc import Callable, Sequence

from appliance.timers.scheduler import TimerScheduler
from appliance.tools import IsGuest, Tool, everyone_is_guest
from appliance.tools.builtin.clock import Clock, clock_tools
from appliance.tools.builtin.device import DeviceReadings, device_tool
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
) -> tuple[Tool, ...]:
    """The built-in tools and `others`, as far as their names fit `patterns` (tools.enabled).

    "What can you do" tells of exactly the tools that are enabled and are for who asks. Raises
    ConfigError for a pattern that fits no tool.
    """
    tools = (*clock_tools(clock), *timer_tools(timers), device_tool(readings))
    tools = (*tools, *voice_settings_tools(), *others)
    spoken = enabled((*tools, *smalltalk_tools((), is_guest)), patterns)
    return enabled((*tools, *smalltalk_tools(spoken, is_guest)), patterns)
