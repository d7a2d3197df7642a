"""The composition root: builds every part in order, runs, takes them down in reverse.

store ─► plan ─► desk ─► tools ─► server (port open, READY) ─► engines and pipeline
"""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from appliance import planning, systemd, watch
from appliance.access.pairing import Pairing
from appliance.access.rates import RateLimiter
from appliance.access.tickets import Tickets
from appliance.api.backend import Backend
from appliance.api.server import serving
from appliance.config import Config, masked
from appliance.desk import Desk
from appliance.hardware import telemetry
from appliance.metrics import Metrics
from appliance.reporting import Report
from appliance.ringing import ToldTimers
from appliance.store import Store
from appliance.tools.builtin import builtin
from appliance.tools.registry import Registry
from appliance.tools.timers import Timer, Timers

log = logging.getLogger(__name__)


async def run(config: Config, secrets: Mapping[str, str]) -> None:
    """Runs the appliance until SIGTERM or SIGINT, then finishes what is being said and returns.

    Raises what a part raises that cannot be built, or that fails for good.
    """
    metrics = Metrics()
    state = config.store.path.parent
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(_open_store, config, metrics)
        stack.push_async_callback(store.close)
        plan = await asyncio.to_thread(planning.plan_for, config)
        for warning in plan.warnings:
            log.warning("%s", warning)
        desk = Desk(config, plan, metrics, store)
        timers = Timers(time.time, desk.ring, ToldTimers(store.timers(Timer), desk.tell_timer))
        await asyncio.to_thread(timers.restore)
        readings = partial(telemetry.read, disk=state)
        registry = Registry(builtin(_now, timers, readings, patterns=config.tools.enabled))
        report = Report(plan, desk, store, metrics, state)
        backend = _backend(config, desk, report, metrics, store)
        address = await stack.enter_async_context(
            serving(config.server, backend, state / "control.sock")
        )
        stack.push_async_callback(desk.close)
        log.info("listening on %s", address)
        systemd.ready("Loading models")
        await _until_stopped(
            desk.load(registry, timers, secrets),
            timers.run(),
            watch.loop_lag(metrics.loop_lag, lambda: desk.open_count > 0),
            watch.feed_watchdog(systemd.watchdog, lambda: store.alive, systemd.watchdog_seconds()),
        )
        systemd.stopping()
        log.info("stopping")


def _open_store(config: Config, metrics: Metrics) -> Store:
    store = Store.open(config.store.path, on_error=lambda error: metrics.error(error.code))
    if store.quarantined:
        log.error("the database was damaged; it was kept as %s", store.quarantined)
    return store


def _now() -> datetime:
    return datetime.now().astimezone()


def _backend(config: Config, desk: Desk, report: Report, metrics: Metrics, store: Store) -> Backend:
    rate = config.access.sessions_per_minute
    return Backend(
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
        names=tuple(_names(config)),
    )


def _names(config: Config) -> Iterator[str]:
    """The host names under which a browser may reach the appliance, beside its addresses."""
    host = socket.gethostname().lower()
    yield host
    yield f"{host.partition('.')[0]}.local"
    for address in (config.server.public_url, *config.access.origins):
        if name := urlsplit(address).hostname:
            yield name


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
