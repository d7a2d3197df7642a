"""Engine slots: the places on a ladder, what loads their engines, and what they depend on."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic

from appliance.circuit_breaker import CircuitBreaker
from appliance.engines import E
from appliance.engines.lease import OVERLOAD_FACTOR, STALL_SECONDS, Lease
from appliance.errors import EngineError, EngineStalled, ModelBroken, ModelMissing
from appliance.hardware.memory_pressure import MemoryPool

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = (60.0, 300.0, 1800.0)
"""Pause after the first, the second and every later failure in a row: loading is expensive."""
REST_SECONDS: Final = (10.0, 20.0, 40.0, 60.0)
"""Pause of an overloaded engine after the first, the second and every later time in a row. It stays
loaded, so that a try costs little."""
_TURN_SECONDS: Final = 20.0
"""The longest that a loaded engine waits for an answer to end: some rooms are never quiet."""


@dataclass(frozen=True, slots=True)
class EngineLoader(Generic[E]):
    """One engine that the plan chose: its name, and how to load and warm it up.

    `memory` is the plan's estimate in bytes, taken from `pool`. `cost` is its estimate of the work
    for a second of speech, in any unit that engines of one kind and `device` share; 0 is unknown.
    """

    name: str
    load: Callable[[], Awaitable[E]]
    memory: int = 0
    pool: MemoryPool = MemoryPool.HOST
    cost: float = 0.0
    device: str = ""


@dataclass(frozen=True, slots=True)
class LadderContext:
    """What ladders ask of the rest of the appliance.

    `idle` tells whether nobody is in the middle of a turn, `has_room` whether so many bytes of a
    pool can be taken, `contended` whether the processors have more to do than they can. `now` is
    any monotonic clock in seconds. An engine fails that makes no progress for `stall_seconds`
    beside the length of the speech itself.
    """

    idle: Callable[[], bool] = lambda: True
    has_room: Callable[[int, MemoryPool], bool] = lambda _bytes, _pool: True
    contended: Callable[[], bool] = lambda: False
    now: Callable[[], float] = time.monotonic
    retry_seconds: Sequence[float] = RETRY_SECONDS
    stall_seconds: float = STALL_SECONDS

    def fits(self, wanted: EngineLoader[Any], replaceable: EngineLoader[Any] | None = None) -> bool:
        """Whether there is room for an engine beside the others, or in place of `replaceable`."""
        if self.has_room(wanted.memory, wanted.pool):
            return True
        if replaceable is None or replaceable.pool != wanted.pool:
            return False
        return self.has_room(wanted.memory - replaceable.memory, wanted.pool)

    async def between_turns(self) -> None:
        """Returns when nobody is in a turn, or after 20 s: no answer should change its voice."""
        end = self.now() + _TURN_SECONDS
        # A turn ends in many places; none of them should have to know of ladders.
        while not self.idle() and self.now() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


class SlotState(StrEnum):
    WAITING = "waiting"
    LOADING = "loading"
    READY = "ready"
    RESTING = "resting"
    FAILED = "failed"


@dataclass(eq=False, slots=True)
class EngineSlot(Generic[E]):
    """One place on a ladder: a loader, and its engine while that is loaded.

    `since` is when `state` began, in seconds since 1970. `rest` is open while the engine rests:
    loaded, but overloaded. `overload_factor` is that of its leases.
    """

    loader: EngineLoader[E]
    leased: Callable[[E, Lease], E]
    context: LadderContext
    breaker: CircuitBreaker
    rest: CircuitBreaker
    overload_factor: float
    state: SlotState = SlotState.WAITING
    engine: E | None = None
    lease: Lease = field(default_factory=Lease)
    error: EngineError | None = None
    since: float = field(default_factory=time.time)
    has_worked: bool = False

    async def load(self) -> bool:
        """Loads the engine; False where that failed, with the cause logged and kept."""
        self._enter(SlotState.LOADING)
        begin = self.context.now()
        try:
            engine = await self.loader.load()
        except EngineError as error:
            log.warning("%s: %s %s", self.loader.name, error.message, error.advice)
            self.fail(error)
            return False
        finally:
            if self.state is SlotState.LOADING:
                self._enter(SlotState.WAITING)
        now = self.context.now()
        known = self.lease.real_time_factor
        self.lease = Lease(self.context.stall_seconds, self.overload_factor, known)
        self.engine = self.leased(engine, self.lease)
        self.error, self.has_worked = None, True
        self.breaker.record_success(now)
        self._enter(SlotState.READY)
        log.info("%s is ready after %.1f s", engine.name, now - begin)
        return True

    def fail(self, error: EngineError) -> None:
        """Opens the breaker: nothing is loaded here until its pause is over.

        A missing or damaged file is tried again only once the models on disk have changed.
        """
        permanent = isinstance(error, ModelMissing | ModelBroken)
        self.breaker.record_failure(self.context.now(), permanent=permanent)
        self.error = error
        self._enter(SlotState.FAILED)

    def unload(self) -> E | None:
        """Gives up the engine, for the caller to close; it may be loaded again."""
        engine, self.engine = self.engine, None
        if self.state in (SlotState.READY, SlotState.RESTING):
            self.rest.record_success(self.context.now())
            self._enter(SlotState.WAITING)
        return engine

    def begin_rest(self, error: EngineError) -> None:
        """Notes that the loaded engine has too little of the processors to answer."""
        self.rest.record_failure(self.context.now())
        self.error = error
        self._enter(SlotState.RESTING)

    def end_rest(self) -> None:
        """Notes that the loaded engine answers again."""
        self.rest.record_success(self.context.now())
        self.error = None
        self._enter(SlotState.READY)

    @property
    def is_due(self) -> bool:
        """Whether it failed and may be tried again."""
        return self.state is SlotState.FAILED and self.breaker.is_due(self.context.now())

    @property
    def is_rested(self) -> bool:
        """Whether an engine that rests should be tried: after its pause and on free processors.

        Where these are never free, it is tried after the longest pause.
        """
        now = self.context.now()
        if not (self.rest.is_due(now) and self.context.idle()):
            return False
        return not self.context.contended() or now >= self.rest.retry_at + REST_SECONDS[-1]

    def is_slower_than_stalled(self, other: "EngineSlot[E]") -> bool:
        """Whether `other` has stalled, and this one would take longer on the same device."""
        if not (other.state is SlotState.FAILED and isinstance(other.error, EngineStalled)):
            return False
        if self.loader.device != other.loader.device:
            return False
        own, others = self.lease.real_time_factor, other.lease.real_time_factor
        if own is not None and others is not None:
            return own > others
        return self.loader.cost > other.loader.cost > 0

    def report(self) -> dict[str, Any]:
        """For /health: name, state, the latest error, seconds until the next attempt, and speed."""
        report: dict[str, Any] = {
            "name": self.loader.name,
            "state": self.state.value,
            "since": round(self.since, 1),
        }
        if self.error:
            report |= {"error": self.error.message, "advice": self.error.advice}
        breaker = {SlotState.RESTING: self.rest, SlotState.FAILED: self.breaker}.get(self.state)
        if breaker is not None and math.isfinite(breaker.retry_at):
            report["retry_seconds"] = max(0, round(breaker.retry_at - self.context.now()))
        if self.lease.real_time_factor is not None:
            report["real_time_factor"] = round(self.lease.real_time_factor, 2)
        return report

    def _enter(self, state: SlotState) -> None:
        self.state, self.since = state, time.time()


def new_slot(
    leased: Callable[[E, Lease], E],
    context: LadderContext,
    loader: EngineLoader[E],
    overload_factor: float = OVERLOAD_FACTOR,
) -> EngineSlot[E]:
    """A slot with nothing loaded yet."""
    retries = context.retry_seconds
    breaker = CircuitBreaker(retries, stable_seconds=retries[-1])
    return EngineSlot(
        loader, leased, context, breaker, CircuitBreaker(REST_SECONDS), overload_factor
    )
