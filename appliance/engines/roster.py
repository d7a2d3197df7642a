"""Which engine answers now: the best that has loaded, and the next one when it fails.

For hearing and for speaking there is a ladder each, the best choice first and the starter engine
last. The starter engines load first and answer at once; the others load behind them and take
over when they have proved themselves. What cannot load or fails is left for the next rung.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from appliance.engines import Synthesizer, Transcriber
from appliance.errors import EngineError, NotReady

log = logging.getLogger(__name__)


class _Closable(Protocol):
    @property
    def name(self) -> str: ...

    async def close(self) -> None: ...


E = TypeVar("E", bound=_Closable)


class RungState(StrEnum):
    WAITING = "waiting"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Candidate(Generic[E]):
    """A choice of the plan: what it is called, and how it is loaded and warmed up."""

    name: str
    load: Callable[[], Awaitable[E]]


@dataclass(slots=True)
class _Rung(Generic[E]):
    candidate: Candidate[E]
    state: RungState = RungState.WAITING
    engine: E | None = None
    error: EngineError | None = None
    seconds: float = 0.0

    async def load(self) -> bool:
        self.state = RungState.LOADING
        begin = time.monotonic()
        try:
            self.engine = await self.candidate.load()
        except EngineError as error:
            self.state, self.error = RungState.FAILED, error
            log.warning("%s: %s %s", self.candidate.name, error.message, error.advice)
            return False
        self.seconds = time.monotonic() - begin
        self.state = RungState.READY
        log.info("%s is ready after %.1f s", self.engine.name, self.seconds)
        return True

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": self.candidate.name, "state": self.state.value}
        if self.error:
            shown |= {"error": self.error.message, "advice": self.error.advice}
        return shown


class _Kind(Generic[E]):
    """One ladder. The best rung that is ready answers."""

    def __init__(self, candidates: Sequence[Candidate[E]], changed: Callable[[], None]) -> None:
        self._rungs = [_Rung(candidate) for candidate in candidates]
        self._changed = changed
        self.settled = False

    @property
    def current(self) -> E:
        for rung in self._rungs:
            if rung.state is RungState.READY and rung.engine is not None:
                return rung.engine
        raise NotReady("no engine is ready yet")

    async def load_starter(self) -> None:
        await self._rungs[-1].load()
        self.settled = len(self._rungs) == 1
        self._changed()

    async def load_better(self) -> None:
        """Loads from the top until one works; the rungs below it stay unloaded in reserve."""
        for rung in self._rungs[:-1]:
            if await rung.load():
                break
        self.settled = True
        self._changed()

    def failed(self, engine: E, error: EngineError) -> bool:
        for rung in self._rungs:
            if rung.engine is engine and rung.state is RungState.READY:
                if not any(r.state is RungState.READY for r in self._rungs if r is not rung):
                    # The last one left stays: the next turn may well succeed.
                    return False
                rung.state, rung.error = RungState.FAILED, error
                log.warning("%s failed: %s", engine.name, error.message)
                self._changed()
                return True
        # Another session has reported it already; what answers now is worth a try.
        return True

    def shown(self) -> dict[str, Any]:
        ready = next((r for r in self._rungs if r.state is RungState.READY), None)
        active = ready or self._rungs[-1]
        name = ready.engine.name if ready and ready.engine else active.candidate.name
        state = active.state.value if self.settled or not ready else "loading"
        return {"name": name, "state": state, "ladder": [rung.shown() for rung in self._rungs]}

    async def close(self) -> None:
        for rung in self._rungs:
            if rung.engine is not None:
                await rung.engine.close()


class Roster:
    """Both ladders. `changed` is called, on the loop, whenever another engine answers."""

    def __init__(
        self,
        stt: Sequence[Candidate[Transcriber]],
        tts: Sequence[Candidate[Synthesizer]],
        changed: Callable[[], None],
    ) -> None:
        self._stt = _Kind(stt, changed)
        self._tts = _Kind(tts, changed)

    @property
    def transcriber(self) -> Transcriber:
        """Raises NotReady before the first engine is."""
        return self._stt.current

    @property
    def synthesizer(self) -> Synthesizer:
        """Raises NotReady before the first engine is."""
        return self._tts.current

    @property
    def ready(self) -> bool:
        """Whether every engine of the plan has answered its warm-up or given way to another."""
        return self._stt.settled and self._tts.settled

    async def load_starters(self) -> None:
        """After this the appliance can talk, unless even the starter engines are broken."""
        await self._stt.load_starter()
        await self._tts.load_starter()

    async def load_better(self) -> None:
        """Loads the plan's own choices, one after the other: memory is what they compete for."""
        await self._stt.load_better()
        await self._tts.load_better()

    def failed(self, engine: Transcriber | Synthesizer, error: EngineError) -> bool:
        """Steps down from an engine that failed; False where nothing else is left."""
        kind: Any = self._tts if hasattr(engine, "synthesize") else self._stt
        return bool(kind.failed(engine, error))

    def states(self) -> dict[str, Any]:
        """Per kind: the engine that answers, its state, and every rung with its error."""
        return {"stt": self._stt.shown(), "tts": self._tts.shown()}

    async def close(self) -> None:
        """Closes whatever was loaded."""
        await self._stt.close()
        await self._tts.close()
