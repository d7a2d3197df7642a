"""Timers, agents and tools: all that sessions use beside engines and language models."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from appliance.agents.service import AgentService
from appliance.app.audience import Audience
from appliance.app.conversation_feed import ConversationFeed
from appliance.app.deletion import ConversationDeletion
from appliance.app.engine_runtime import EngineRuntime
from appliance.app.history_watch import HistoryWatch
from appliance.app.retention import Retention
from appliance.config.loader import Config
from appliance.conversation import OnEvent
from appliance.hardware import telemetry
from appliance.store.clock_leaps import ClockReading
from appliance.store.store import Store
from appliance.timers.alarms import AlarmClock
from appliance.timers.scheduler import TimerScheduler
from appliance.timers.service import TimerService
from appliance.timers.timer import Timer
from appliance.tools import Tool
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.builtin.history import history_tools
from appliance.tools.offer import OfferLimits
from appliance.tools.registry import ToolRegistry
from appliance.tools.switches import ToolSwitches
from appliance.wire import ConnectedClient, TimerState

SessionHooks = tuple[
    OnEvent, Callable[[ConnectedClient], None], Callable[[str], bool], Callable[[], bool]
]


class Features:
    """The timers, the agents with their tasks, and the registry of all tools.

    `restore` before `run`, `close` at the end.
    """

    def __init__(
        self, config: Config, secrets: Mapping[str, str], store: Store, audience: Audience
    ) -> None:
        self._config = config
        self._store = store
        self._audience = audience
        kept = store.timers(Timer)
        self._alarms = AlarmClock(kept, audience, time.time, _steady, audience.send_message)
        self._scheduler = TimerScheduler(
            time.time, self._alarms.ring, kept, _steady, self._timer_changed
        )
        self.timers = TimerService(self._scheduler, self._alarms, time.time)
        self.agents = AgentService(config, secrets, os.environ, store.tasks, audience)
        self.deletion = ConversationDeletion(store, audience, self.agents)
        self.retention = Retention(store, audience, config.retention, _clocks)
        self._history = HistoryWatch(lambda: store.trouble, audience)
        self.feed = ConversationFeed(store, audience.hub)
        switches = ToolSwitches(frozenset(config.tools.disabled))
        self.registry = ToolRegistry(
            self._tools(switches),
            is_guest=audience.is_guest,
            limits=_offer_limits(config),
            switches=switches,
        )

    def _tools(self, switches: ToolSwitches) -> Sequence[Tool]:
        history = history_tools(_now, self._store.user_texts, self.deletion.forget_later)
        return builtin_tools(
            *(_now, self._scheduler, partial(telemetry.read, disk=self._config.store.path.parent)),
            alarms=self._alarms,
            others=(*history, *self.agents.tools),
            patterns=self._config.tools.enabled,
            is_guest=self._audience.is_guest,
            is_on=switches.is_on,
        )

    async def restore(self) -> None:
        """Loads what a former process left, and deletes what it was about to delete."""
        await self.deletion.finish_pending()
        await self.retention.restore()
        await asyncio.to_thread(self._scheduler.restore)

    async def run(self, engines: EngineRuntime) -> None:
        """Rings timers and runs the agents until cancelled; `engines` learn the tools' words."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._scheduler.run())
            group.create_task(self._history.run())
            group.create_task(self.retention.run())
            group.create_task(self.agents.run(partial(self._add_tools, engines)))

    @property
    def hooks(self) -> SessionHooks:
        """What stores a session's events, is called when it opens, and asked while it lasts.

        The last one tells whether an alarm has rung that nobody heard.
        """
        opened, expects_event = self._session_opened, self._expects_event
        return self.feed.record, opened, expects_event, lambda: self._alarms.unheard

    def _session_opened(self, client: ConnectedClient) -> None:
        """Sends a client that has just connected its timers and tasks."""
        self.timers.session_opened(client)
        self.agents.client_connected(client)
        self._history.client_connected(client)

    def _expects_event(self, conversation_id: str) -> bool:
        """Whether an announcement is due in a conversation later; a timer rings in all of them."""
        awaited = self._scheduler.counting or self._alarms.awaited
        return awaited or self.agents.works_for(conversation_id)

    async def close(self) -> None:
        """Falls silent, finishes what is being forgotten, and interrupts the agents."""
        await self._alarms.close()
        await self.feed.close()
        await self.deletion.close()
        await self.agents.close()

    def _timer_changed(self, timer: Timer, state: TimerState) -> None:
        self._audience.send_message(self.timers.message(timer, state))

    def _add_tools(self, engines: EngineRuntime, group: str, tools: Sequence[Tool]) -> None:
        self.registry.put(group, tools)
        if any(tool.sentences for tool in tools):
            engines.tools_changed()


def _offer_limits(config: Config) -> OfferLimits:
    tools = config.tools
    return OfferLimits(tools.model_tools, tools.model_bytes, tools.model_first)


# Unlike time.monotonic it counts on while the machine sleeps.
_steady = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


def _clocks() -> ClockReading:
    return ClockReading(time.time(), _steady())


def _now() -> datetime:
    return datetime.now().astimezone()
