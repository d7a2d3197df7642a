"""One rung of a ladder while the appliance runs: loaded, at work, failed, or given up."""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from appliance.engines.lease import PATIENCE_SECONDS, Lease
from appliance.errors import EngineError, ModelBroken, ModelMissing

log = logging.getLogger(__name__)

PAUSES: Final = (60.0, 300.0, 1800.0)
"""Seconds after the first, second and every later failure in a row before another attempt."""


class Closable(Protocol):
    @property
    def name(self) -> str: ...

    async def close(self) -> None: ...


E = TypeVar("E", bound=Closable)


class SlotState(StrEnum):
    WAITING = "waiting"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineLoader(Generic[E]):
    """A choice of the plan: what it is called, and how it is loaded and warmed up.

    `memory` is the plan's estimate in bytes; `on_card` says that it is a graphics card's own.
    """

    name: str
    load: Callable[[], Awaitable[E]]
    memory: int = 0
    on_card: bool = False


@dataclass(eq=False, slots=True)
class EngineSlot(Generic[E]):
    """`since` is when its state began, in seconds since 1970; `retry_at` is of `now`'s clock."""

    candidate: EngineLoader[E]
    lease: Callable[[E, Lease], E]
    now: Callable[[], float] = time.monotonic
    pauses: Sequence[float] = PAUSES
    patience: float = PATIENCE_SECONDS
    state: SlotState = SlotState.WAITING
    engine: E | None = None
    users: Lease = field(default_factory=Lease)
    error: EngineError | None = None
    since: float = field(default_factory=time.time)
    retry_at: float = 0.0
    worked: bool = False
    _failures: int = 0
    _ready_at: float = 0.0

    async def load(self) -> bool:
        """Whether the engine is ready; if not, why is told and remembered."""
        self._enter(SlotState.LOADING)
        begin = self.now()
        try:
            engine = await self.candidate.load()
        except EngineError as error:
            log.warning("%s: %s %s", self.candidate.name, error.message, error.advice)
            self.fail(error)
            return False
        finally:
            if self.state is SlotState.LOADING:
                self._enter(SlotState.WAITING)
        self.users = Lease(self.patience)
        self.engine = self.lease(engine, self.users)
        self.error, self.worked, self._ready_at = None, True, self.now()
        self._enter(SlotState.READY)
        log.info("%s is ready after %.1f s", engine.name, self._ready_at - begin)
        return True

    def fail(self, error: EngineError) -> None:
        """Opens the circuit: nothing is asked of it until the pause is over.

        The pause grows while failures follow each other. What lacks or spoils a file needs a
        person, and a restart after that.
        """
        now = self.now()
        if self.state is SlotState.READY and now - self._ready_at > self.pauses[-1]:
            self._failures = 0
        pause = self.pauses[min(self._failures, len(self.pauses) - 1)]
        self._failures += 1
        self.retry_at = math.inf if isinstance(error, ModelMissing | ModelBroken) else now + pause
        self.error = error
        self._enter(SlotState.FAILED)

    def rest(self) -> None:
        """It is given up for now, and may be loaded again."""
        self._enter(SlotState.WAITING)

    @property
    def is_due(self) -> bool:
        """Whether it failed, and its pause is over."""
        return self.state is SlotState.FAILED and self.now() >= self.retry_at

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "name": self.candidate.name,
            "state": self.state.value,
            "since": round(self.since, 1),
        }
        if self.error:
            shown |= {"error": self.error.message, "advice": self.error.advice}
        if self.state is SlotState.FAILED and math.isfinite(self.retry_at):
            shown["retry_seconds"] = max(0, round(self.retry_at - self.now()))
        return shown

    def _enter(self, state: SlotState) -> None:
        self.state, self.since = state, time.time()
