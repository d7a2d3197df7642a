"""Supervises the ladders of both kinds of engine, for hearing (STT) and for speaking (TTS).

The starter engines load first and answer at once; the others load behind them and take over when
they have answered a warm-up. An engine that fails is left at once, closed when nobody uses it any
more, and replaced by the next one on its ladder; after a pause it is tried again, between turns.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from appliance.engines import Synthesizer, Transcriber
from appliance.engines.ladder import EngineLadder
from appliance.engines.lease import LeasedSynthesizer, LeasedTranscriber
from appliance.engines.slot import EngineLoader, LadderContext
from appliance.hardware.memory_pressure import MemoryPool


class EngineSupervisor:
    """The ladders `stt` and `tts`.

    `changed` is called, on the event loop, whenever another engine answers.
    """

    def __init__(
        self,
        stt: Sequence[EngineLoader[Transcriber]],
        tts: Sequence[EngineLoader[Synthesizer]],
        changed: Callable[[], None],
        context: LadderContext | None = None,
    ) -> None:
        context = context or LadderContext()
        self._wake = asyncio.Event()
        wake = self._wake.set
        self.stt: EngineLadder[Transcriber] = EngineLadder(
            stt, LeasedTranscriber, changed, wake, context
        )
        self.tts: EngineLadder[Synthesizer] = EngineLadder(
            tts, LeasedSynthesizer, changed, wake, context
        )
        self._ladders: tuple[EngineLadder[Any], ...] = (self.stt, self.tts)
        # The ladders that stepped down for lack of memory in a pool, the latest last.
        self._steps: list[tuple[EngineLadder[Any], MemoryPool]] = []
        self._settling = asyncio.Lock()

    @property
    def answering(self) -> tuple[Transcriber | Synthesizer, ...]:
        """The engines that answer now, at most one of each kind."""
        return tuple(ladder.current for ladder in self._ladders if ladder.has_engine)

    @property
    def ready(self) -> bool:
        """Whether every engine of the plan has answered its warm-up or given way to another."""
        return all(ladder.settled for ladder in self._ladders)

    @property
    def in_use(self) -> bool:
        """Whether an engine has a request under way."""
        return any(ladder.in_use for ladder in self._ladders)

    @property
    def settling(self) -> bool:
        """Whether engines are being loaded or closed, or are about to be."""
        return self._settling.locked() or self._wake.is_set()

    async def load_starters(self) -> None:
        """Loads the starter engines, with which the appliance can talk."""
        for ladder in self._ladders:
            await ladder.load_starter()

    async def load_better(self) -> None:
        """Loads the best engines that can be had, one after the other: they compete for memory."""
        async with self._settling:
            self._wake.clear()
            for ladder in self._ladders:
                await ladder.settle()

    async def supervise(self) -> None:
        """Replaces engines that were left, and returns to better ones later, until cancelled."""
        while True:
            checks = [ladder.next_check for ladder in self._ladders]
            pause = min((check for check in checks if check is not None), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            await self.load_better()

    async def replace_loaders(
        self,
        stt: Sequence[EngineLoader[Transcriber]],
        tts: Sequence[EngineLoader[Synthesizer]],
    ) -> None:
        """Takes the loaders of another plan; `load_better` or `supervise` loads them.

        Until then the engines that answer go on, unless the new plan has no place for them.
        """
        async with self._settling:
            self.stt.replace_loaders(stt)
            self.tts.replace_loaders(tts)
            self._steps.clear()

    def step_down(self, pool: MemoryPool = MemoryPool.HOST) -> str:
        """Gives up the engine that holds most of a pool for a smaller one.

        Says which for which; empty where there is nothing to give up.
        """
        largest = max(self._ladders, key=lambda ladder: ladder.memory_held(pool))
        step = largest.step_down() if largest.memory_held(pool) else ""
        if step:
            self._steps.append((largest, pool))
        return step

    def step_up_bytes(self, pool: MemoryPool = MemoryPool.HOST) -> int | None:
        """The bytes that taking back the latest step down would need; None without one."""
        ladder = self._latest_step(pool)
        if ladder is None or ladder.memory_steps.latest_memory is None:
            return None
        return ladder.memory_steps.latest_memory - ladder.memory_held(pool)

    def step_up(self, pool: MemoryPool = MemoryPool.HOST) -> None:
        """Takes back the latest step down."""
        ladder = self._latest_step(pool)
        if ladder is not None:
            self._steps.remove((ladder, pool))
            ladder.step_up()

    def _latest_step(self, pool: MemoryPool) -> EngineLadder[Any] | None:
        """The ladder that stepped down last, unless the other pool has kept it low since."""
        latest = dict(self._steps)
        ladders = [ladder for ladder, _ in reversed(self._steps) if latest[ladder] is pool]
        return ladders[0] if ladders else None

    def states(self) -> dict[str, Any]:
        """For /health, per kind: the engine that answers, since when and why, and all slots."""
        return {"stt": self.stt.report(), "tts": self.tts.report()}

    async def close(self) -> None:
        """Closes every engine."""
        for ladder in self._ladders:
            await ladder.close()
