"""The composition root: builds every part in order, runs, takes them down in reverse.

store ─► plan ─► desk ─► tools ─► server (port open, READY) ─► engines and pipeline
"""

import asyncio
import hashlib
import logging
import os
import signal
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from typing import Any

from appliance.access.audit import DONE, Deed
from appliance.access.pairing import Pairing
from appliance.access.rate_limit import RateLimiter
from appliance.access.tickets import Tickets
from appliance.access.tokens import Role, reaches
from appliance.agents.service import AgentService, Page
from appliance.api.dependencies import ApiDependencies
from appliance.api.server import serving
from appliance.app import systemd
from appliance.app.status import StatusReport
from appliance.app.voice_runtime import VoiceRuntime
from appliance.config.loader import Config, masked
from appliance.config.reload import Reread, answer_reloads
from appliance.hardware import planner, telemetry
from appliance.llm.probe import probe_llm, probe_realtime
from appliance.network.host_names import HostNames
from appliance.observability import watchdog
from appliance.observability.metrics import Metrics
from appliance.selftest.report_store import Selftests
from appliance.selftest.subprocess_runner import SelftestRunner
from appliance.store.clients import Clients
from appliance.store.records import AuditEntry
from appliance.store.store import Store
from appliance.timers.notifier import PublishingTimerStore, TimerNotifier
from appliance.timers.scheduler import Timer, Timers, TimerStore
from appliance.tools import Tool
from appliance.tools.builtin.catalogue import builtin
from appliance.tools.builtin.history import memory_tools
from appliance.tools.registry import ToolRegistry

log = logging.getLogger(__name__)

# What engines may take to end their work, and the store to write the last of it to a slow disk.
AFTER_DRAIN_SECONDS = 20.0


async def run(
    config: Config, secrets: Mapping[str, str], reread: Reread, selftest: Sequence[str]
) -> None:
    """Runs the appliance until SIGTERM or SIGINT, then finishes what is being said and returns.

    `reread` gives the settings as they stand by then; `selftest` is a command that tests it.
    Raises what a part raises that cannot be built, or that fails for good.
    """
    metrics = Metrics()
    state = config.store.path.parent
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(_open_store, config, metrics)
        stack.push_async_callback(store.close)
        plan = await asyncio.to_thread(planner.plan_for, config)
        desk = VoiceRuntime(config, plan, metrics, store)
        timers, bell = await asyncio.to_thread(_timers, store.timers(Timer), desk)
        work = AgentService(config, secrets, os.environ, store.tasks, desk)
        stack.push_async_callback(work.close)
        desk.opened, desk.forgetting = partial(_opened, bell, timers, work), work.forget
        is_open = config.access.mode == "open"
        desk.is_guest = partial(_is_guest, None if is_open else store.clients)
        registry = ToolRegistry(_tools(config, timers, desk, store, work), is_guest=desk.is_guest)
        report = StatusReport(plan, desk, store, metrics, state, open_access=is_open)
        for warning in (*report.access_warnings, *plan.warnings):
            log.warning("%s", warning)
        selftests = _selftests(config, secrets, selftest)
        backend = _backend(config, desk, report, metrics, store, selftests, work)
        door = await stack.enter_async_context(
            serving(config.server, backend, state / "control.sock", systemd.sockets())
        )
        stack.push_async_callback(desk.close)
        stack.push_async_callback(door.stop_accepting)
        report.address = door.address
        log.info("listening on %s", door.address)
        systemd.ready("Loading models")
        await _until_stopped(
            desk.load(registry, secrets),
            timers.run(),
            work.run(partial(_put, registry, desk)),
            selftests.run(),
            watchdog.loop_lag(metrics.loop_lag, lambda: desk.open_count > 0),
            _fed_watchdog(store, desk),
            *([answer_reloads(config, reread)] if systemd.manages_us() else []),
        )
        systemd.stopping(config.server.drain_seconds + AFTER_DRAIN_SECONDS)
        log.info("stopping")


def _tools(
    config: Config, timers: Timers, desk: VoiceRuntime, store: Store, work: AgentService
) -> Sequence[Tool]:
    readings = partial(telemetry.read, disk=config.store.path.parent)
    others = (*memory_tools(_now, store.asked, desk.forget), *work.tools)
    enabled = config.tools.enabled
    return builtin(_now, timers, readings, others=others, patterns=enabled, is_guest=desk.is_guest)


def _timers(kept: TimerStore, desk: VoiceRuntime) -> tuple[Timers, TimerNotifier]:
    bell = TimerNotifier(kept, desk, time.time)
    timers = Timers(time.time, bell.ring, PublishingTimerStore(kept, desk.send_message))
    timers.restore()
    return timers, bell


def _put(registry: ToolRegistry, desk: VoiceRuntime, group: str, tools: Sequence[Tool]) -> None:
    registry.put(group, tools)
    if any(tool.sentences for tool in tools):
        desk.sentences_changed(registry)


def _opened(bell: TimerNotifier, timers: Timers, work: AgentService, page: Page) -> None:
    bell.opened(page, timers.snapshot())
    work.opened(page)


async def _is_guest(paired: Clients | None, client_id: str) -> bool:
    """Whether a client is no more than that; with open access nobody is."""
    return paired is not None and not reaches(await paired.role(client_id), Role.USER)


def _selftests(
    config: Config, secrets: Mapping[str, str], command: Sequence[str]
) -> SelftestRunner:
    kept = Selftests(config.store.path.parent)
    return SelftestRunner(
        kept,
        command,
        partial(probe_llm, config.llm, secrets),
        partial(probe_realtime, config, secrets),
    )


def _open_store(config: Config, metrics: Metrics) -> Store:
    store = Store.open(config.store.path, on_error=lambda error: metrics.error(error.code))
    if store.quarantined:
        log.error("the database was damaged; it was kept as %s", store.quarantined)
    store.clients.audit_news(_settings(config))
    return store


def _settings(config: Config) -> AuditEntry:
    """For the audit trail, where it shows when a setting was changed."""
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]
    detail = f"access {config.access.mode}, configuration {digest}"
    return AuditEntry(time.time(), Deed.SETTINGS, "the appliance", None, DONE, None, detail)


def _fed_watchdog(store: Store, desk: VoiceRuntime) -> Coroutine[Any, Any, None]:
    dead = partial(_dead, store, desk)
    return watchdog.feed_watchdog(systemd.watchdog, dead, systemd.watchdog_seconds())


def _dead(store: Store, desk: VoiceRuntime) -> str:
    """What stands still for good and is only cured by a restart; empty: nothing does."""
    if not store.alive:
        return "the database's writer"
    return f"the engine {stuck}" if (stuck := desk.stuck_engine()) else ""


def _now() -> datetime:
    return datetime.now().astimezone()


def _backend(
    config: Config,
    desk: VoiceRuntime,
    report: StatusReport,
    metrics: Metrics,
    store: Store,
    selftests: SelftestRunner,
    work: AgentService,
) -> ApiDependencies:
    rate = config.access.sessions_per_minute
    return ApiDependencies(
        desk=lambda: desk.sessions,
        ready=lambda: desk.ready,
        health=report.health,
        status=report.status,
        configuration=partial(masked, config),
        metrics=report.metrics,
        refused=metrics.refused,
        store=store,
        pairing=Pairing(),
        tickets=Tickets(),
        session_rate=RateLimiter(rate / 60, max(1, rate // 2)),
        paired_only=config.access.mode == "paired",
        origins=config.access.origins,
        warnings=report.access_warnings,
        engines=desk,
        selftest=selftests,
        work=work,
        names=HostNames(config),
    )


async def _until_stopped(*jobs: Coroutine[Any, Any, None]) -> None:
    """Runs the parts until a signal comes. The first part that fails ends all, and raises."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    parts = {asyncio.create_task(job) for job in jobs}
    running: set[asyncio.Task[Any]] = {stopped, *parts}
    try:
        while not stopped.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
