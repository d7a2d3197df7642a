"""Where people come to talk. It stands open from the start, and has places once voice is loaded."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.app import systemd
from appliance.concurrency import BackgroundTasks
from appliance.config.loader import Config
from appliance.conversation import Task
from appliance.engines import Synthesizer, Transcriber, Voice, Watched, probe
from appliance.engines.apology import Apology
from appliance.engines.factory import synthesizers, transcribers
from appliance.engines.ladder import LadderContext
from appliance.engines.memory_governor import GovernorMetrics, MemoryGovernor
from appliance.engines.probe import SynthesisProbe, TranscriptionProbe
from appliance.engines.supervisor import EngineSupervisor
from appliance.errors import NotReady
from appliance.hardware import headroom, nvml
from appliance.hardware.plan import Plan
from appliance.observability.metrics import Metrics
from appliance.store.store import Store
from appliance.tools import IsGuest, everybody
from appliance.tools.registry import ToolRegistry
from appliance.wire import ServerMessage

if TYPE_CHECKING:
    from appliance.llm.failover import FailoverClient
    from appliance.voice.session import Session
    from appliance.voice.session_registry import SessionRegistry

log = logging.getLogger(__name__)

HISTORY_TURNS = 10  # what a resumed conversation is reminded of
# No piece of an engine's work takes so long, the longest utterance on the slowest board included.
STUCK_SECONDS = 120.0
# What is still to be done when everybody has hung up: forgetting takes a merge of the index.
ERRANDS_SECONDS = 5.0


class VoiceRuntime:
    """Loads engines and pipeline behind an open port, then hands out sessions.

    `opened` is called with each session that opens, `forgetting` with each conversation about to
    be forgotten; `is_guest` tells whether a client, by its id, is no more than a guest.
    """

    def __init__(self, config: Config, plan: Plan, metrics: Metrics, store: Store) -> None:
        self._config = config
        self._plan = plan
        self._metrics = metrics
        self._store = store
        self._sessions: SessionRegistry | None = None
        self._roster: EngineSupervisor | None = None
        self._models: FailoverClient | None = None
        self._apology = Apology()
        self._errands = BackgroundTasks()
        self._grammar = ""
        self._reading_grammar = asyncio.Lock()
        self.opened: Callable[[Session], None] = lambda session: None
        self.forgetting: Callable[[str], Awaitable[None]] = _nothing
        self.is_guest: IsGuest = everybody
        told = GovernorMetrics(metrics.memory, metrics.stepped)
        # Asking for cards wakes them up, and a Jetson's has no memory of its own to tell of.
        cards = nvml.cards if plan.uses_card else tuple
        readings = partial(headroom.readings, cards=cards)
        self._governor = MemoryGovernor(readings, lambda: self._roster, self._idle, told)

    @property
    def sessions(self) -> "SessionRegistry":
        """Raises NotReady until the pipeline is loaded."""
        if self._sessions is None:
            raise NotReady("the appliance is still loading")
        return self._sessions

    @property
    def open_count(self) -> int:
        return self._sessions.open_count if self._sessions else 0

    @property
    def limit(self) -> int:
        """How many sessions there may be at once."""
        return self._config.limits.sessions or self._plan.sessions

    @property
    def first_route(self) -> str:
        """The route of a session that does not ask for one."""
        return self._sessions.first_route if self._sessions else "local"

    @property
    def ready(self) -> bool:
        """Whether every engine of the plan has answered its warm-up, or given way to another."""
        return self._sessions is not None and self._roster is not None and self._roster.ready

    def engine_states(self) -> dict[str, Any]:
        """Per kind of engine: which one answers, its state, and the rest of its ladder."""
        return self._roster.states() if self._roster else {}

    def engine_names(self) -> dict[str, str]:
        """The engines that answer now, by kind, as the user is told."""
        names = {kind: str(state["name"]) for kind, state in self.engine_states().items()}
        return names | ({"llm": self._models.current.name} if self._models else {})

    def memory_state(self) -> dict[str, Any]:
        """Bytes of memory available, whether they are enough, and what was last done about it."""
        return self._governor.state()

    def _idle(self) -> bool:
        """Whether nobody speaks, waits for an answer or hears one."""
        in_use = self._roster is not None and self._roster.in_use
        return not in_use and (self._sessions is None or self._sessions.idle)

    def stuck_engine(self) -> str:
        """The engine that answers now and whose thread stands still for good; empty: neither."""
        if self._roster is None or not self.ready:
            return ""
        return standing_still(self._roster.answering)

    def summary(self) -> str:
        """What the appliance is about, in a line for `systemctl status`."""
        names = ", ".join(self.engine_names().values())
        if not self.ready:
            return f"Loading models; answering with {names}" if self._sessions else "Loading models"
        return f"Ready: {names}; {self.open_count} of {self.limit} places taken"

    async def load(self, registry: ToolRegistry, secrets: Mapping[str, str]) -> None:
        """Loads what talking needs: starter engines and pipeline, then the plan's own engines.

        Then it looks after them until it is cancelled.
        """
        await asyncio.to_thread(registry.prepare)
        await self._read_grammar(registry)
        grammar = lambda: self._grammar  # noqa: E731  what it is by then
        self._roster = EngineSupervisor(
            transcribers(self._plan, self._config, grammar, registry.hot_words()),
            synthesizers(self._plan, self._config),
            partial(self._rerouted, "engine"),
            LadderContext(
                idle=self._idle, room=headroom.room, patience=self._config.limits.engine_seconds
            ),
        )
        await self._roster.load_starters()
        await self._prepare_apology(self._roster)
        self._sessions = await asyncio.to_thread(self._pipeline, self._roster, registry, secrets)
        log.info("ready to talk, %d at once: %s", self._plan.sessions, self._plan.sessions_reason)
        look_after = [self._load_better(self._roster), self._governor.run()]
        if self._models:
            look_after.append(self._models.keep_retrying(self._idle))
        await asyncio.gather(*look_after)

    def sentences_changed(self, registry: ToolRegistry) -> None:
        """Lets the starter engine listen for what the tools have come to understand."""
        self._errands.run(self._read_grammar(registry), "listen for new sentences")

    async def _read_grammar(self, registry: ToolRegistry) -> None:
        async with self._reading_grammar:
            self._grammar = await _grammar(registry)

    async def _load_better(self, roster: EngineSupervisor) -> None:
        """Loads the plan's own engines, and whatever takes their place from then on."""
        await roster.load_better()
        await self._prepare_apology(roster)
        # What is loaded stays. Left to the collector, its 170,000 objects are walked
        # through now and then, and the event loop stands still for 50 to 100 ms.
        gc.freeze()
        systemd.status(self.summary())
        await roster.tend()

    async def _prepare_apology(self, roster: EngineSupervisor) -> None:
        """Has the best voice of the moment speak what is said when there is none."""
        with suppress(NotReady):
            await self._apology.speak(roster.synthesizer, self._own_voice)

    def _pipeline(
        self, roster: EngineSupervisor, registry: ToolRegistry, secrets: Mapping[str, str]
    ) -> "SessionRegistry":
        """Imports Pipecat and loads the models of the turn: a second or more, on a thread."""
        from appliance.llm.endpoint import warm_up
        from appliance.llm.failover import failover_client
        from appliance.voice.parts import SharedParts
        from appliance.voice.realtime.route import realtime_route
        from appliance.voice.recorder import Gauges
        from appliance.voice.session import SessionCallbacks
        from appliance.voice.session_registry import SessionRegistry
        from appliance.voice.turns.shared_models import TurnModels

        self._models = models = failover_client(
            self._config, secrets, partial(self._rerouted, "model")
        )
        if models:
            warm_up(models.first)
        metrics = self._metrics
        hearing = TurnModels.load()
        gc.collect()  # here, on a thread and before anybody talks, it disturbs nobody
        return SessionRegistry(
            SharedParts(
                *(self._config, hearing, roster, registry, models),
                realtime=realtime_route(self._config, secrets),
                apology=self._apology,
            ),
            SessionCallbacks(
                on_event=self._store.append,
                gauges=Gauges(metrics.stage, metrics.turn, metrics.interrupted),
                malformed=metrics.malformed,
                dropped=metrics.dropped,
                engines=self.engine_names,
                opened=lambda session: self.opened(session),
                rerouted=metrics.rerouted,
            ),
            self.limit,
            self._history,
            self._count,
        )

    def _count(self, sessions: int) -> None:
        self._metrics.sessions(sessions)
        systemd.status(self.summary())

    async def _history(self, conversation_id: str) -> list[tuple[str, str]]:
        turns = await self._store.recent_turns(conversation_id, HISTORY_TURNS)
        return [(turn.user_text, turn.answer) for turn in turns]

    def _rerouted(self, what: str) -> None:
        if self._sessions:
            self._metrics.rerouted(what)
            self._sessions.engines_changed()
        systemd.status(self.summary())

    def send_message(self, message: ServerMessage, client_id: str = "") -> None:
        """Sends every page a message, or those of one client."""
        if self._sessions:
            self._sessions.send_message(message, client_id)

    async def send_to_users(self, message: ServerMessage) -> None:
        """Sends a message to every page but those of guests."""
        if self._sessions:
            for client_id in await self._household(self._sessions.clients()):
                self._sessions.send_message(message, client_id)

    async def _household(self, clients: Iterable[str]) -> set[str]:
        return {client for client in clients if not await self.is_guest(client)}

    def forget(self, conversation_id: str) -> None:
        """Forgets a conversation for good, once the goodbye has been said in it."""
        self._errands.run(self._forget(conversation_id), f"forget {conversation_id}")

    async def _forget(self, conversation_id: str) -> None:
        await self.sessions.part(conversation_id)
        await self.forgetting(conversation_id)
        await self._store.delete(conversation_id)

    async def ring(self, text: str, message: ServerMessage) -> bool:
        """Rings in every open session; False where there was nobody to hear it."""
        return self._sessions is not None and await self._sessions.ring(text, message)

    async def say_at_pause(self, text: str, task: Task) -> bool:
        """Says what became of a task; False where nobody is there to hear it, guests left aside."""
        if self._sessions is None:
            return False
        hearers = await self._household(self._sessions.clients())
        return await self._sessions.say_at_pause(text, task, hearers)

    async def hear(self, pcm: bytes) -> TranscriptionProbe:
        """What the engine that answers now makes of an English recording."""
        return await probe.hear(self._engines.transcriber, pcm, "en")

    async def say(self, text: str) -> SynthesisProbe:
        """An English text, spoken by the engine that answers now."""
        return await probe.say(self._engines.synthesizer, text, self._own_voice)

    @property
    def _own_voice(self) -> Voice:
        return Voice(self._config.tts.voice, "en", self._config.tts.speed)

    @property
    def _engines(self) -> EngineSupervisor:
        if self._roster is None:
            raise NotReady("the appliance is still loading")
        return self._roster

    async def close(self) -> None:
        """Lets everybody finish their sentence, ends all sessions, frees the engines."""
        if self._sessions:
            await self._sessions.shut_down(self._config.server.drain_seconds)
        await self._errands.finish(ERRANDS_SECONDS)
        if self._roster:
            await self._roster.close()


async def _nothing(_conversation_id: str) -> None: ...


async def _grammar(registry: ToolRegistry) -> str:
    """What the starter engine listens for, without the words that it cannot hear."""
    from appliance.engines.sphinx.engine import Sphinx

    known = await Sphinx.known_words()
    graph = await asyncio.to_thread(registry.graph, known.__contains__)
    return str(graph.fsg())


def standing_still(engines: Iterable[Transcriber | Synthesizer]) -> str:
    """The first engine with a thread that stands still for good, by name; empty: there is none."""
    for engine in engines:
        if isinstance(engine, Watched) and engine.stuck_seconds > STUCK_SECONDS:
            return engine.name
    return ""
