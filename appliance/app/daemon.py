"""The composition root: builds every part in order, runs all, takes them down in reverse.

store ─► plan ─► features ─► runtime ─► server (port open, READY) ─► engines, pipeline
"""

import asyncio
import hashlib
import logging
import signal
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from typing import Any

from appliance.access.audit import DONE, AuditAction
from appliance.access.pairing import Pairing
from appliance.access.rate_limit import RateLimiter
from appliance.access.tokens import Role, SessionTickets, reaches
from appliance.api.dependencies import ApiDependencies
from appliance.api.server import Server
from appliance.app import systemd
from appliance.app.administration import Administration, Commands
from appliance.app.audience import Audience
from appliance.app.engine_runtime import EngineRuntime
from appliance.app.features import Features
from appliance.app.settings import SettingsFiles
from appliance.app.status import StatusReport
from appliance.app.voice_runtime import VoiceRuntime
from appliance.config.loader import Config, masked
from appliance.event_hub import EventHub
from appliance.hardware import planner
from appliance.llm.probe import probe_llm, probe_realtime
from appliance.network.host_names import HostNames
from appliance.network.invitation import pairing_link, qr_drawing, trust_facts
from appliance.observability import watchdog
from appliance.observability.log_ring import LogRing
from appliance.observability.metrics import Metrics
from appliance.store.clients import Clients
from appliance.store.records import AuditEntry
from appliance.store.store import Store

log = logging.getLogger(__name__)

# The time, once no sentence is spoken any more, for engines to end their work and for the store
# to write what is queued to a slow disk.
AFTER_DRAIN_SECONDS = 20.0


async def run(files: SettingsFiles, commands: Commands) -> bool:
    """Runs the appliance until SIGTERM or SIGINT, then finishes what is being said and returns.

    True where it is to be started again. Raises the error of a part that cannot be built, or fails.
    """
    config, secrets = files.load()
    metrics, state = Metrics(), config.store.path.parent
    async with AsyncExitStack() as stack:
        ring = stack.enter_context(LogRing(secrets.values()).attached())
        store = await asyncio.to_thread(_open_store, config, metrics)
        stack.push_async_callback(store.close)
        plan = await asyncio.to_thread(planner.plan_for, config)
        audience = _audience(config, store)
        features = Features(config, secrets, store, audience)
        stack.push_async_callback(features.close)
        await features.restore()
        runtime = VoiceRuntime(
            *(config, plan, metrics, store, audience, features.registry, *features.hooks),
            serve=None if systemd.manages_us() else commands.serve,  # there it has its own unit
        )
        admin = Administration(
            *(config, secrets, files, runtime, features.registry, features.agents),
            *(features.retention, commands, audience.hub, ring),
        )
        server = Server(config.server, state / "control.sock", systemd.sockets())
        report = StatusReport(
            *(config, runtime, store, metrics, ring, features.retention, lambda: server.address)
        )
        report.log_warnings()
        shown = (config, admin, runtime, report, metrics, store, features, audience.hub)
        await stack.enter_async_context(server.serving(_dependencies(*shown)))
        stack.callback(audience.hub.close)
        stack.push_async_callback(runtime.close)
        stack.push_async_callback(server.stop_accepting)
        systemd.ready("Loading models")
        await _until_stopped(
            admin.restart.stop,
            runtime.load(secrets),
            features.run(runtime.engines),
            admin.run(),
            *_watching(metrics, audience, store, runtime.engines),
        )
        systemd.stopping(config.server.drain_seconds + AFTER_DRAIN_SECONDS)
        log.info("stopping")
    return admin.restart.requested


def _audience(config: Config, store: Store) -> Audience:
    """With open access no client is a guest: nobody is paired, so there are no roles."""
    paired = store.clients if config.access.mode == "paired" else None
    return Audience(partial(_is_guest, paired), EventHub())


async def _is_guest(paired: Clients | None, client_id: str) -> bool:
    return paired is not None and not reaches(await paired.role(client_id), Role.USER)


def _open_store(config: Config, metrics: Metrics) -> Store:
    store = Store.open(config.store.path, on_error=lambda error: metrics.error(error.code))
    if store.quarantined:
        log.error("the database was damaged; it was moved to %s", store.quarantined)
    store.clients.audit_news(_settings_entry(config))
    return store


def _settings_entry(config: Config) -> AuditEntry:
    """Returns the settings in force as an audit entry, so that the trail shows every change."""
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]
    detail = f"access {config.access.mode}, configuration {digest}"
    return AuditEntry(time.time(), AuditAction.SETTINGS, "the appliance", None, DONE, None, detail)


def _watching(
    metrics: Metrics, audience: Audience, store: Store, engines: EngineRuntime
) -> Sequence[Coroutine[Any, Any, None]]:
    """Measures the lag of the event loop, and feeds systemd's watchdog."""
    lag = watchdog.LagWatch(metrics.loop_lag)
    hung = partial(_hung_part, lag, store, engines)
    return (
        watchdog.loop_lag(lag.sample, lambda: audience.open_count > 0),
        watchdog.feed_watchdog(systemd.watchdog, hung, systemd.watchdog_seconds()),
    )


def _hung_part(lag: watchdog.LagWatch, store: Store, engines: EngineRuntime) -> str:
    """Returns the part that hangs for good, so that only a restart helps, else ""."""
    if lag.hangs:
        return "the event loop"
    if not store.alive:
        return "the database's writer"
    return f"the engine {stuck}" if (stuck := engines.stuck()) else ""


def _dependencies(
    config: Config,
    admin: Administration,
    runtime: VoiceRuntime,
    report: StatusReport,
    metrics: Metrics,
    store: Store,
    features: Features,
    hub: EventHub,
) -> ApiDependencies:
    rate, settings = config.access.sessions_per_minute, admin.settings
    return ApiDependencies(
        sessions=lambda: runtime.sessions,
        ready=lambda: runtime.ready,
        health=report.health,
        status=report.status,
        configuration=lambda: masked(settings.config),
        metrics=report.metrics,
        log_entries=report.log_entries,
        count_refusal=metrics.refused,
        store=store,
        pairing=Pairing(),
        pairing_minutes=config.access.pairing_minutes,
        invite=partial(_invite, config),
        tickets=SessionTickets(),
        session_rate=RateLimiter(rate / 60, max(1, rate // 2)),
        paired_only=config.access.mode == "paired",
        origins=config.access.origins,
        warnings=report.access_warnings,
        engines=runtime.engines.probes,
        models_changed=runtime.models_changed,
        selftest=admin.selftests,
        probe_llm=lambda: probe_llm(settings.config, settings.secrets),
        probe_realtime=lambda: probe_realtime(settings.config, settings.secrets),
        agents=features.agents,
        deletion=features.deletion,
        timers=features.timers,
        admin=admin.dependencies(),
        hub=hub,
        host_names=HostNames(config),
    )


async def _invite(config: Config, digits: str, origin: str) -> dict[str, Any]:
    """Returns the link of a pairing code, its QR code, and the fingerprint of the certificate."""

    def make() -> dict[str, Any]:
        trust = trust_facts(config.store.path.parent)
        link = pairing_link(config.server.public_url or trust.address or origin, digits)
        facts = {"fingerprint": trust.fingerprint, "words": trust.words}
        return {"link": link, "qr": asdict(qr_drawing(link)), **facts}

    return await asyncio.to_thread(make)


async def _until_stopped(stop: asyncio.Event, *jobs: Coroutine[Any, Any, None]) -> None:
    """Runs the jobs until SIGTERM, SIGINT or `stop`. The first that fails ends all, and raises."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    running: set[asyncio.Task[Any]] = {stopped, *map(asyncio.create_task, jobs)}
    try:
        while not stopped.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
