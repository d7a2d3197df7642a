"""Loads engines and voice pipeline behind the open port, and keeps them until the daemon stops."""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.app import systemd
from appliance.app.audience import Audience
from appliance.app.engine_runtime import EngineRuntime
from appliance.app.language_model import LanguageModel, governed
from appliance.app.model_clients import ModelClients
from appliance.app.recording import open_recording
from appliance.concurrency import BackgroundTasks
from appliance.config.loader import Config
from appliance.conversation import OnEvent
from appliance.errors import NotReady, StoreError
from appliance.hardware import sysfs
from appliance.hardware.plan import Plan
from appliance.observability.metrics import Metrics
from appliance.store.store import Store
from appliance.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from appliance.voice.session import Session, SessionCallbacks
    from appliance.voice.session_registry import SessionRegistry

log = logging.getLogger(__name__)

HISTORY_TURNS = 10  # the turns of a resumed conversation that its new session gets


class VoiceRuntime:
    """The engines, language models and sessions of the daemon. Loads them while requests arrive.

    `record` stores the events of sessions. `opened` is called with each session that opens;
    `expects_event` tells whether a timer or an agent's task is yet to be announced in a
    conversation, by its id, and `alarm_unheard` whether an alarm has rung that nobody heard.
    `serve` is the command that serves the managed language model; None where a unit of systemd
    runs it.
    """

    def __init__(
        self,
        config: Config,
        plan: Plan,
        metrics: Metrics,
        store: Store,
        audience: Audience,
        registry: ToolRegistry,
        record: OnEvent,
        opened: "Callable[[Session], None]",
        expects_event: Callable[[str], bool],
        alarm_unheard: Callable[[], bool],
        serve: Sequence[str] | None,
    ) -> None:
        self._config = config
        self._metrics = metrics
        self._store = store
        self._audience = audience
        self._registry = registry
        self._record = record
        self._opened = opened
        self._expects_event = expects_event
        self._alarm_unheard = alarm_unheard
        self._sessions: SessionRegistry | None = None
        self._clients = ModelClients(partial(self._rerouted, "model"), lambda: self.engines.idle)
        switched = partial(self._rerouted, "engine")
        self.model = LanguageModel(
            *(config, plan, serve, self._prefill, partial(self._rerouted, "model"))
        )
        self._secrets: Mapping[str, str] = {}
        self._background = BackgroundTasks()
        self.engines = EngineRuntime(
            *(config, plan, metrics, audience, registry, switched),
            governed=partial(governed, self.model),
        )

    @property
    def sessions(self) -> "SessionRegistry":
        """Raises NotReady until the pipeline is loaded."""
        if self._sessions is None:
            raise NotReady("the appliance is still loading")
        return self._sessions

    @property
    def open_count(self) -> int:
        """The number of open sessions."""
        return self._audience.open_count

    @property
    def limit(self) -> int:
        """The number of sessions that may be open at once."""
        return self.engines.plan.sessions

    @property
    def first_route(self) -> str:
        """The route of a session that does not ask for one."""
        return self._sessions.first_route if self._sessions else "local"

    @property
    def ready(self) -> bool:
        """Whether sessions can open and every engine of the plan is loaded or replaced."""
        return self._sessions is not None and self.engines.ready

    def engine_names(self) -> dict[str, str]:
        """Returns the names of the engines and the language model that answer now, by kind."""
        names = {kind: str(state["name"]) for kind, state in self.engines.states().items()}
        llm = self._clients.current
        return names | ({"llm": llm.current.name} if llm else {})

    def summary(self) -> str:
        """Returns the state of the appliance in one line, for `systemctl status`."""
        names = ", ".join(self.engine_names().values())
        if not self.ready:
            return f"Loading models; answering with {names}" if self._sessions else "Loading models"
        return f"Ready: {names}; {self.open_count} of {self.limit} places taken"

    async def load(self, secrets: Mapping[str, str]) -> None:
        """Loads starter engines and pipeline, so that sessions can open, then the plan's engines.

        Then maintains them until cancelled.
        """
        self._secrets = secrets
        await asyncio.to_thread(self._registry.prepare)
        await asyncio.to_thread(self._registry.prepare, self._config.stt.language)
        await self.engines.load_starters()
        self.model.start()
        await self._clients.replace(self._config, secrets, self.model.endpoint())
        self._sessions = await asyncio.to_thread(self._load_pipeline, secrets)
        self._audience.admit(self._sessions)
        plan = self.engines.plan
        log.info("ready to talk, %d at once: %s", plan.sessions, plan.sessions_reason)
        await asyncio.gather(
            self._maintain_engines(),
            self.engines.govern_memory(),
            self._clients.keep_retrying(),
            self.model.run(),
        )

    async def configure(self, config: Config, secrets: Mapping[str, str]) -> None:
        """Takes another configuration: new sessions have it, engines follow between turns.

        Sessions that are open keep theirs. Raises NotReady until the pipeline is loaded.
        """
        from appliance.voice.realtime.route import realtime_route

        sessions, before = self.sessions, self._config
        self._config, self._secrets = config, secrets
        self.engines.configure(config)
        if config.stt.language != before.stt.language:
            await asyncio.to_thread(self._registry.prepare, config.stt.language)
        if _engines_may_differ(before, config):
            await self.engines.models_changed()
        self.model.follow_plan(self.engines.plan, config)
        llm = await self._clients.replace(config, secrets, self.model.endpoint())
        sessions.shared = replace(
            sessions.shared,
            config=config,
            llm=llm,
            realtime=realtime_route(config, secrets),
            apology=self.engines.apology,
        )
        if config.llm.system_prompt != before.llm.system_prompt and self.model.is_ready:
            self._background.run(self._prefill(), "compute the system prompt ahead")

    async def models_changed(self) -> dict[str, str]:
        """Plans again with the models on disk now; returns the first choice by kind."""
        planned = await self.engines.models_changed()
        before = self.model.endpoint()
        self.model.follow_plan(self.engines.plan)
        after = self.model.endpoint()
        if after and self._sessions and (before is None or before.model != after.model):
            llm = await self._clients.replace(self._config, self._secrets, after)
            self._sessions.shared = replace(self._sessions.shared, llm=llm)
        return planned | ({"llm": after.model} if after else {})

    async def _prefill(self) -> None:
        """Has the model compute what every session begins with."""
        from appliance.voice.services.prefill import opening_of_every_session

        prompt = self._config.llm.system_prompt
        await self.model.prefill(await opening_of_every_session(prompt, self._registry))

    async def _maintain_engines(self) -> None:
        await self.engines.load_better()
        systemd.status(self.summary())
        await self.engines.maintain()

    def _load_pipeline(self, secrets: Mapping[str, str]) -> "SessionRegistry":
        """Imports Pipecat, loads the turn models and the languages; blocks for a second or more."""
        from appliance.text.spoken.verbalize import warm_up as load_languages
        from appliance.voice.parts import SharedParts
        from appliance.voice.realtime.route import realtime_route
        from appliance.voice.session_registry import SessionRegistry
        from appliance.voice.turns.shared_models import TurnModels

        turn_models = TurnModels.load()
        load_languages()
        gc.collect()  # on a thread, before any session, it delays nobody
        shared = SharedParts(
            *(
                self._config,
                turn_models,
                self.engines.supervisor,
                self._registry,
                self._clients.current,
            ),
            realtime=realtime_route(self._config, secrets),
            apology=self.engines.apology,
        )
        return SessionRegistry(
            shared, self._callbacks(), lambda: self.limit, self._history, self._count
        )

    def _callbacks(self) -> "SessionCallbacks":
        from appliance.voice.recorder import Gauges
        from appliance.voice.session import SessionCallbacks
        from appliance.voice.turn_tracer import StepGauges

        metrics = self._metrics
        steps = StepGauges(
            *(metrics.queued, metrics.real_time_factor, metrics.underrun, metrics.speculation),
            sysfs.cpu_wait(Path("/")),
        )
        return SessionCallbacks(
            on_event=self._record,
            gauges=Gauges(metrics.stage, metrics.turn, metrics.interrupted, steps),
            malformed=metrics.malformed,
            dropped=metrics.dropped,
            engines=self.engine_names,
            opened=self._opened,
            rerouted=metrics.rerouted,
            expects_event=self._expects_event,
            record=partial(open_recording, self._config, self._store),
            alarm_unheard=self._alarm_unheard,
        )

    def _count(self, sessions: int) -> None:
        self._metrics.sessions(sessions)
        systemd.status(self.summary())

    async def _history(self, conversation_id: str) -> list[tuple[str, str]]:
        try:
            turns = await self._store.recent_turns(conversation_id, HISTORY_TURNS)
        except StoreError as error:
            log.error("a conversation goes on without its history: %s", error.message)
            return []
        return [(turn.user_text, turn.answer) for turn in turns]

    def _rerouted(self, kind: str) -> None:
        """Another engine or language model answers from now on; `kind` is engine or model."""
        if self._sessions:
            self._metrics.rerouted(kind)
            self._audience.engines_changed()
        systemd.status(self.summary())

    async def close(self) -> None:
        """Lets every session finish its sentence, ends all sessions, unloads the engines."""
        if self._sessions:
            await self._sessions.shut_down(self._config.server.drain_seconds)
        await self._background.cancel()
        await self.engines.close()


def _engines_may_differ(one: Config, other: Config) -> bool:
    """Whether another plan may come of it: voice and speed alone change no engine."""
    same = {"voice": one.tts.voice, "speed": one.tts.speed}
    speech = one.stt != other.stt or one.tts != other.tts.model_copy(update=same)
    managed = {one.llm.provider, other.llm.provider} & {"auto"} and (
        (one.llm.provider, one.llm.model) != (other.llm.provider, other.llm.model)
    )
    return bool(speech or managed)
