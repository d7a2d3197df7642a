"""Where people come to talk. It stands open from the start, and has places once voice is loaded."""

import asyncio
import gc
import logging
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from appliance import systemd
from appliance.config import Config
from appliance.engines.ladder import synthesizers, transcribers
from appliance.engines.roster import Roster
from appliance.errors import NotReady
from appliance.hardware.plan import Plan
from appliance.metrics import Metrics
from appliance.store import Store
from appliance.tools.registry import Registry
from appliance.tools.timers import Timer, Timers

if TYPE_CHECKING:
    from appliance.voice.session import Session
    from appliance.voice.sessions import Sessions

log = logging.getLogger(__name__)

HISTORY_TURNS = 10  # what a resumed conversation is reminded of


class Desk:
    """Loads engines and pipeline behind an open port, then hands out sessions.

    Timers ring through it: in every open session, or in the next one that opens.
    """

    def __init__(self, config: Config, plan: Plan, metrics: Metrics, store: Store) -> None:
        self._config = config
        self._plan = plan
        self._metrics = metrics
        self._store = store
        self._sessions: Sessions | None = None
        self._roster: Roster | None = None
        self._model = ""
        self._timers: Timers | None = None
        self._kept_timers = store.timers(Timer)
        self._missed: list[Timer] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def sessions(self) -> "Sessions":
        """Raises NotReady until the pipeline is loaded."""
        if self._sessions is None:
            raise NotReady("the appliance is still loading")
        return self._sessions

    @property
    def open_count(self) -> int:
        return self._sessions.open_count if self._sessions else 0

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
        return names | ({"llm": self._model} if self._model else {})

    async def load(self, registry: Registry, timers: Timers, secrets: Mapping[str, str]) -> None:
        """Loads what talking needs: starter engines and pipeline, then the plan's own engines."""
        self._timers = timers
        await asyncio.to_thread(registry.prepare)
        self._roster = Roster(
            transcribers(self._plan, self._config, await _grammar(registry)),
            synthesizers(self._plan, self._config),
            self._engines_changed,
        )
        await self._roster.load_starters()
        self._sessions = await asyncio.to_thread(self._pipeline, self._roster, registry, secrets)
        log.info("ready to talk, %d at once: %s", self._plan.sessions, self._plan.sessions_reason)
        await self._roster.load_better()
        # What is loaded stays. Left to the collector, its 170,000 objects are walked
        # through now and then, and the event loop stands still for 50 to 100 ms.
        gc.freeze()
        systemd.status(f"Ready: {', '.join(self.engine_names().values())}")

    def _pipeline(
        self, roster: Roster, registry: Registry, secrets: Mapping[str, str]
    ) -> "Sessions":
        """Imports Pipecat and loads the models of the turn: a second or more, on a thread."""
        from appliance.voice.hearing import Hearing
        from appliance.voice.llm import endpoint, prepare
        from appliance.voice.pipeline import Shared
        from appliance.voice.recorder import Gauges
        from appliance.voice.session import Reports
        from appliance.voice.sessions import Sessions

        model = endpoint(self._config.llm, secrets)
        if model:
            prepare(model)
        self._model = model.name if model else ""
        metrics = self._metrics
        hearing = Hearing.load()
        gc.collect()  # here, on a thread and before anybody talks, it disturbs nobody
        return Sessions(
            Shared(self._config, hearing, roster, registry, model),
            Reports(
                on_event=self._store.append,
                gauges=Gauges(metrics.stage, metrics.turn, metrics.interrupted),
                malformed=metrics.malformed,
                dropped=metrics.dropped,
                engines=self.engine_names,
                opened=self._session_opened,
            ),
            self._config.limits.sessions or self._plan.sessions,
            self._history,
            metrics.sessions,
        )

    async def _history(self, conversation_id: str) -> list[tuple[str, str]]:
        turns = await self._store.recent_turns(conversation_id, HISTORY_TURNS)
        return [(turn.user_text, turn.answer) for turn in turns]

    def _engines_changed(self) -> None:
        if self._sessions:
            self._sessions.tell_routes()

    def ring(self, timer: Timer) -> None:
        """Rings where somebody can hear it; kept for the next session where nobody can."""
        if self.open_count:
            self._do(self._ring(timer))
        else:
            self._miss(timer)

    def _miss(self, timer: Timer) -> None:
        """Keeps what nobody heard for the next session, even if that comes after a restart."""
        self._kept_timers.add(timer)
        self._missed.append(timer)

    async def _ring(self, timer: Timer) -> None:
        assert self._timers is not None
        told = timer_told(timer, "rang")
        if await self.sessions.ring(self._timers.announcement(timer), told):
            self._kept_timers.remove(timer.id)
        else:
            self._miss(timer)

    def _session_opened(self, session: "Session") -> None:
        assert self._timers is not None
        for timer in self._timers.snapshot():
            session.tell(timer_told(timer, "set"))
        missed, self._missed = self._missed, []
        for timer in missed:
            self._do(self._ring(timer))

    def tell_timer(self, timer: Timer, state: str) -> None:
        """Shows on every page that a timer was set or cancelled."""
        if self._sessions:
            self._sessions.tell(timer_told(timer, state))

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Lets everybody finish their sentence, ends all sessions, frees the engines."""
        if self._sessions:
            await self._sessions.shut_down(self._config.server.drain_seconds)
        if self._roster:
            await self._roster.close()


async def _grammar(registry: Registry) -> str:
    """What the starter engine listens for, without the words that it cannot hear."""
    from appliance.engines.sphinx import Sphinx

    known = await Sphinx.known_words()
    graph = await asyncio.to_thread(registry.graph, known.__contains__)
    return str(graph.fsg())


def timer_told(timer: Timer, state: str) -> dict[str, Any]:
    """A timer as the page is told of it: state is set, rang or cancelled."""
    return {
        "type": "timer",
        "id": timer.id,
        "name": timer.name or timer.title.removesuffix(" timer"),
        "state": state,
        "due": timer.due,
    }
