"""Runs the speech engines of the daemon: loads them, replaces them, and probes them on request."""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from appliance.app.audience import Audience
from appliance.concurrency import BackgroundTasks
from appliance.config.loader import Config
from appliance.engines import Synthesizer, Transcriber, Voice, probe
from appliance.engines.apology import Apology
from appliance.engines.factory import first_voice, synthesizer_loaders, transcriber_loaders
from appliance.engines.memory_governor import (
    GovernorMetrics,
    MemoryGovernor,
    SteppableEngines,
)
from appliance.engines.probe import SynthesisProbe, TranscriptionProbe
from appliance.engines.slot import EngineLoader, LadderContext
from appliance.engines.supervisor import EngineSupervisor
from appliance.errors import NotReady
from appliance.hardware import memory_pressure, nvml, planner
from appliance.hardware.nvml import Card
from appliance.hardware.plan import Plan
from appliance.hardware.processor_time import processors_are_contended
from appliance.languages.phrases import phrases
from appliance.observability.metrics import Metrics
from appliance.tools.registry import ToolRegistry

log = logging.getLogger(__name__)

# No engine works at one request for so long, the longest utterance on the slowest board included.
STUCK_SECONDS = 120.0


Governed = Callable[[Callable[[], SteppableEngines | None]], Callable[[], SteppableEngines | None]]


class StarterGrammar:
    """The sentences that the starter engine listens for, as a finite-state grammar in text."""

    def __init__(self, registry: ToolRegistry) -> None:
        self._registry = registry
        self._text = ""
        self._updating = asyncio.Lock()

    @property
    def text(self) -> str:
        """The grammar of the latest update; empty before the first."""
        return self._text

    async def update(self) -> None:
        """Reads the sentences of the tools again, without words that the engine does not know."""
        from appliance.engines.sphinx.engine import Sphinx

        async with self._updating:
            known = await Sphinx.known_words()
            graph = await asyncio.to_thread(self._registry.graph, known.__contains__)
            self._text = str(graph.fsg())


class LiveEngineProbes:
    """Tries the engines that answer now, for the self-test. Raises NotReady before the first."""

    def __init__(
        self, supervisor: Callable[[], EngineSupervisor], voice: Callable[[], Voice]
    ) -> None:
        self._supervisor = supervisor
        self._voice = voice

    async def hear(self, pcm: bytes) -> TranscriptionProbe:
        """Transcribes an English recording (16 kHz PCM)."""
        return await probe.transcribe(self._supervisor().stt.current, pcm, "en")

    async def say(self, text: str) -> SynthesisProbe:
        """Speaks an English text."""
        return await probe.synthesize(self._supervisor().tts.current, text, self._voice())


class EngineRuntime:
    """The STT and TTS engines of the process, from the first load to the last close.

    `plan` is the plan in force; `switched` is called whenever another engine takes over. `governed`
    puts before the engines what gives way to memory pressure first.
    """

    def __init__(
        self,
        config: Config,
        plan: Plan,
        metrics: Metrics,
        audience: Audience,
        registry: ToolRegistry,
        switched: Callable[[], None],
        governed: Governed = lambda engines: engines,
    ) -> None:
        self._voice = first_voice(config)
        self.apology = Apology(phrases(self._voice.language).say("no_voice"))
        self.plan = plan
        self._config = config
        self._audience = audience
        self._registry = registry
        self._switched = switched
        self._supervisor: EngineSupervisor | None = None
        self._grammar = StarterGrammar(registry)
        self._replanning = asyncio.Lock()
        self._background = BackgroundTasks()
        self.probes = LiveEngineProbes(lambda: self.supervisor, lambda: self._voice)
        self._governor = MemoryGovernor(
            partial(memory_pressure.read_pools, cards=self._cards),
            governed(lambda: self._supervisor),
            lambda: self.idle,
            GovernorMetrics(metrics.memory, metrics.stepped),
        )

    def _cards(self) -> Sequence[Card]:
        # Reading the cards wakes them up, and a Jetson's has no memory of its own to read.
        return nvml.cards() if self.plan.uses_card else ()

    @property
    def supervisor(self) -> EngineSupervisor:
        """Raises NotReady until the starter engines are loaded."""
        if self._supervisor is None:
            raise NotReady("the appliance is still loading")
        return self._supervisor

    @property
    def ready(self) -> bool:
        """Whether every engine of the plan has answered its warm-up or been replaced."""
        return self._supervisor is not None and self._supervisor.ready

    @property
    def idle(self) -> bool:
        """Whether no turn is under way and no engine at work."""
        in_use = self._supervisor is not None and self._supervisor.in_use
        return not in_use and self._audience.idle

    def states(self) -> dict[str, Any]:
        """Returns, per kind of engine, which one answers, its state, and the rest of its ladder."""
        return self._supervisor.states() if self._supervisor else {}

    def memory_state(self) -> dict[str, Any]:
        """Returns the bytes of memory available, their level, and the latest step taken."""
        return self._governor.state()

    def stuck(self) -> str:
        """Returns the name of an engine in use whose thread hangs for good, else ""."""
        if self._supervisor is None or not self.ready:
            return ""
        return stuck_engine(self._supervisor.answering)

    async def load_starters(self) -> None:
        """Loads the starter engines, and prepares the apology with them."""
        await self._grammar.update()
        self._supervisor = EngineSupervisor(
            *self._loaders(),
            self._switched,
            LadderContext(
                idle=lambda: self.idle,
                has_room=memory_pressure.has_room,
                contended=processors_are_contended,
                stall_seconds=self._config.limits.engine_seconds,
            ),
        )
        await self._supervisor.load_starters()
        await self._prepare_apology()

    def _loaders(
        self,
    ) -> tuple[list[EngineLoader[Transcriber]], list[EngineLoader[Synthesizer]]]:
        hot_words = self._registry.hot_words()
        return (
            transcriber_loaders(self.plan, self._config, lambda: self._grammar.text, hot_words),
            synthesizer_loaders(self.plan, self._config),
        )

    def configure(self, config: Config) -> None:
        """Takes another configuration: its voice at once, its engines after `models_changed`."""
        before, self._config, self._voice = self._voice, config, first_voice(config)
        if self._voice != before:
            self.apology = Apology(phrases(self._voice.language).say("no_voice"))
            self._background.run(self._prepare_apology(), "prepare the apology")

    async def models_changed(self) -> dict[str, str]:
        """Plans again with the models on disk now; the engines follow, between turns.

        Returns the first choice of the new plan by kind, `stt` and `tts`.
        """
        async with self._replanning:
            self.plan = await asyncio.to_thread(planner.replan, self.plan, self._config)
            stt, tts = self._loaders()
        log.info("the models on disk have changed; planned now: %s, %s", stt[0].name, tts[0].name)
        for warning in self.plan.warnings:
            log.warning("%s", warning)
        if self._supervisor:
            self._background.run(self._follow_plan(stt, tts), "load other engines")
        return {"stt": stt[0].name, "tts": tts[0].name}

    async def _follow_plan(
        self,
        stt: Sequence[EngineLoader[Transcriber]],
        tts: Sequence[EngineLoader[Synthesizer]],
    ) -> None:
        await self.supervisor.replace_loaders(stt, tts)
        await self.load_better()

    async def load_better(self) -> None:
        """Loads the plan's own engines, behind the starter engines that answer meanwhile."""
        await self.supervisor.load_better()
        await self._prepare_apology()
        # What is loaded stays. Unfrozen, its 170,000 objects are walked by the garbage collector
        # now and then, which blocks the event loop for 50 to 100 ms.
        gc.freeze()

    async def maintain(self) -> None:
        """Replaces engines that fail or give way to memory pressure. Runs until cancelled."""
        await self.supervisor.supervise()

    async def govern_memory(self) -> None:
        """Steps down to smaller engines while memory is short. Runs until cancelled."""
        await self._governor.run()

    def tools_changed(self) -> None:
        """Has the starter engine listen for the sentences that the tools have now."""
        self._background.run(self._grammar.update(), "listen for new sentences")

    async def _prepare_apology(self) -> None:
        """Renders the apology with the best TTS of the moment, for a time when no TTS works.

        Where that fails it is tried again later, until there is one.
        """
        with suppress(NotReady):
            if not await self.apology.speak(self.supervisor.tts.current, self._voice):
                retrying = self.apology.retry(lambda: self.supervisor.tts.current, self._voice)
                self._background.run(retrying, "prepare the apology")

    async def close(self) -> None:
        """Unloads whatever was loaded."""
        await self._background.cancel()
        if self._supervisor:
            await self._supervisor.close()


def stuck_engine(engines: Iterable[Transcriber | Synthesizer]) -> str:
    """Returns the name of the first engine whose thread hangs for good, else ""."""
    for engine in engines:
        if engine.stuck_seconds > STUCK_SECONDS:
            return engine.name
    return ""
