"""Which engine answers now: the best that has loaded, and the next one when it fails.

For hearing and for speaking there is a ladder each, the best choice first and the starter engine
last. The starter engines load first and answer at once; the others load behind them and take
over when they have proved themselves. What fails is left at once, closed when nobody uses it any
more, and replaced by the next rung; after a pause it is tried again, between turns.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from appliance.engines import Synthesizer, Transcriber
from appliance.engines.ladder import EngineLadder, LadderContext
from appliance.engines.lease import LeasedSynthesizer, LeasedTranscriber
from appliance.engines.slot import EngineLoader
from appliance.errors import EngineError


class EngineSupervisor:
    """Both ladders. `changed` is called, on the loop, whenever another engine answers."""

    def __init__(
        self,
        stt: Sequence[EngineLoader[Transcriber]],
        tts: Sequence[EngineLoader[Synthesizer]],
        changed: Callable[[], None],
        around: LadderContext | None = None,
    ) -> None:
        around = around or LadderContext()
        self._wake = asyncio.Event()
        wake = self._wake.set
        self._stt: EngineLadder[Transcriber] = EngineLadder(
            stt, LeasedTranscriber, changed, wake, around
        )
        self._tts: EngineLadder[Synthesizer] = EngineLadder(
            tts, LeasedSynthesizer, changed, wake, around
        )
        # Those that gave way to want of memory, of the machine or of a card; the latest last.
        self._stepped: list[tuple[EngineLadder[Any], bool]] = []
        self._settling = asyncio.Lock()

    @property
    def transcriber(self) -> Transcriber:
        """Raises NotReady before the first engine is."""
        return self._stt.current

    @property
    def synthesizer(self) -> Synthesizer:
        """Raises NotReady before the first engine is."""
        return self._tts.current

    @property
    def answering(self) -> tuple[Transcriber | Synthesizer, ...]:
        """The engines that answer now: of each kind one, or none where none works."""
        kinds: tuple[EngineLadder[Any], ...] = (self._stt, self._tts)
        return tuple(kind.current for kind in kinds if kind.answers)

    @property
    def ready(self) -> bool:
        """Whether every engine of the plan has answered its warm-up or given way to another."""
        return self._stt.settled and self._tts.settled

    @property
    def in_use(self) -> bool:
        """Whether an engine is at work for somebody."""
        return self._stt.in_use or self._tts.in_use

    @property
    def settling(self) -> bool:
        """Whether engines are being loaded or closed at this moment."""
        return self._settling.locked() or self._wake.is_set()

    async def load_starters(self) -> None:
        """After this the appliance can talk, unless even the starter engines are broken."""
        await self._stt.load_starter()
        await self._tts.load_starter()

    async def load_better(self) -> None:
        """Loads the plan's own choices, one after the other: memory is what they compete for."""
        async with self._settling:
            self._wake.clear()
            await self._stt.settle()
            await self._tts.settle()

    async def tend(self) -> None:
        """Loads the next rung where an engine was left, and the better one when it is time.

        Runs until it is cancelled.
        """
        while True:
            checks = (self._stt.next_check, self._tts.next_check)
            pause = min((check for check in checks if check is not None), default=None)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass
            await self.load_better()

    def failed(self, engine: Transcriber | Synthesizer, error: EngineError) -> bool:
        """Steps down from an engine that failed; False where nothing else is left."""
        kind: Any = self._tts if hasattr(engine, "synthesize") else self._stt
        return bool(kind.failed(engine, error))

    def step_down(self, *, on_card: bool = False) -> str:
        """Gives up the engine with the most memory for a smaller one; says what it does.

        Of the machine's memory, or of a graphics card's own. Empty where there is nothing to give.
        """
        kinds: list[EngineLadder[Any]] = [self._stt, self._tts]
        memory = {kind: _memory(kind, on_card) for kind in kinds}
        largest = max(kinds, key=lambda kind: memory[kind])
        told = largest.step_down() if memory[largest] else ""
        if told:
            self._stepped.append((largest, on_card))
        return told

    def regained_by_step_up(self, *, on_card: bool = False) -> int | None:
        """The bytes that taking back the latest step down would need; None: there was none."""
        kind = self._stepped_last(on_card)
        if kind is None or kind.regains is None:
            return None
        return kind.regains.memory - _memory(kind, on_card)

    def step_up(self, *, on_card: bool = False) -> None:
        """Takes the latest step down back."""
        kind = self._stepped_last(on_card)
        if kind is not None:
            self._stepped.remove((kind, on_card))
            kind.step_up()

    def _stepped_last(self, on_card: bool) -> EngineLadder[Any] | None:
        """The ladder that stepped down last, unless want of the other memory kept it low since."""
        latest = dict(self._stepped)
        kinds = [kind for kind, _ in reversed(self._stepped) if latest[kind] is on_card]
        return kinds[0] if kinds else None

    def states(self) -> dict[str, Any]:
        """Per kind: the engine that answers, since when and why, and every rung with its error."""
        return {"stt": self._stt.shown(), "tts": self._tts.shown()}

    async def close(self) -> None:
        """Closes whatever was loaded."""
        await self._stt.close()
        await self._tts.close()


def _memory(kind: EngineLadder[Any], on_card: bool) -> int:
    """The bytes there that what answers holds; nothing for a starter, which stays."""
    candidate = kind.above_starter
    return candidate.memory if candidate and candidate.on_card == on_card else 0
