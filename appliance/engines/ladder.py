"""Engine ladder: the engines of one kind, best first, and the one of them that answers now.

A ladder steps down when its engine fails or memory runs short, and up again later. The starter
engine, in the last slot, is never closed: it answers whenever no other slot does. Of the others
one is loaded at a time; a second one only while it takes over, where there is room for both.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final, Generic, TypeVar

from appliance.circuit_breaker import CircuitBreaker
from appliance.engines import E, EngineProvider
from appliance.engines.lease import STALL_SECONDS, Lease, RetiredEngines
from appliance.engines.memory_steps import MemorySteps
from appliance.errors import EngineBusy, EngineError, ModelBroken, ModelMissing, NotReady
from appliance.hardware.memory_pressure import MemoryPool

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS: Final = (60.0, 300.0, 1800.0)
"""Pause after the first, the second and every later failure in a row: loading is expensive."""
RECHECK_SECONDS: Final = 1.0
"""How often a due attempt checks whether nobody is in a turn, and whether there is room."""
_TURN_SECONDS: Final = 20.0
"""The longest that a loaded engine waits for an answer to end: some rooms are never quiet."""


async def with_failover(engines: EngineProvider[E], use: Callable[[E], Awaitable[T]]) -> T:
    """The result of `use` with the current engine, or with its replacement where that one fails.

    Raises the EngineError of an engine that has no replacement, and NotReady.
    """
    while True:
        engine = engines.current
        try:
            return await use(engine)
        except EngineError as error:
            if not engines.report_failure(engine, error):
                raise


@dataclass(frozen=True, slots=True)
class EngineLoader(Generic[E]):
    """One engine that the plan chose: its name, and how to load and warm it up.

    `memory` is the plan's estimate in bytes, taken from `pool`.
    """

    name: str
    load: Callable[[], Awaitable[E]]
    memory: int = 0
    pool: MemoryPool = MemoryPool.HOST


@dataclass(frozen=True, slots=True)
class LadderContext:
    """What ladders ask of the rest of the appliance.

    `idle` tells whether nobody is in the middle of a turn, `has_room` whether so many bytes of a
    pool can be taken. `now` is any monotonic clock in seconds. An engine fails that makes no
    progress for `stall_seconds` beside the length of the speech itself.
    """

    idle: Callable[[], bool] = lambda: True
    has_room: Callable[[int, MemoryPool], bool] = lambda _bytes, _pool: True
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
    FAILED = "failed"


@dataclass(eq=False, slots=True)
class EngineSlot(Generic[E]):
    """One place on a ladder: a loader, and its engine while that is loaded.

    `since` is when `state` began, in seconds since 1970.
    """

    loader: EngineLoader[E]
    leased: Callable[[E, Lease], E]
    context: LadderContext
    breaker: CircuitBreaker
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
        self.lease = Lease(self.context.stall_seconds)
        self.engine = self.leased(engine, self.lease)
        self.error, self.has_worked = None, True
        self.breaker.record_success(now)
        self._enter(SlotState.READY)
        log.info("%s is ready after %.1f s", engine.name, now - begin)
        return True

    def fail(self, error: EngineError) -> None:
        """Opens the breaker: nothing is loaded here until its pause is over.

        A missing or damaged file needs a person, and a restart after that.
        """
        permanent = isinstance(error, ModelMissing | ModelBroken)
        self.breaker.record_failure(self.context.now(), permanent=permanent)
        self.error = error
        self._enter(SlotState.FAILED)

    def unload(self) -> E | None:
        """Gives up the engine, for the caller to close; it may be loaded again."""
        engine, self.engine = self.engine, None
        if self.state is SlotState.READY:
            self._enter(SlotState.WAITING)
        return engine

    @property
    def is_due(self) -> bool:
        """Whether it failed and may be tried again."""
        return self.state is SlotState.FAILED and self.breaker.is_due(self.context.now())

    def report(self) -> dict[str, Any]:
        """For /health: name, state, the latest error, and seconds until the next attempt."""
        report: dict[str, Any] = {
            "name": self.loader.name,
            "state": self.state.value,
            "since": round(self.since, 1),
        }
        if self.error:
            report |= {"error": self.error.message, "advice": self.error.advice}
        if self.state is SlotState.FAILED and math.isfinite(self.breaker.retry_at):
            left = self.breaker.retry_at - self.context.now()
            report["retry_seconds"] = max(0, round(left))
        return report

    def _enter(self, state: SlotState) -> None:
        self.state, self.since = state, time.time()


def _new_slot(
    leased: Callable[[E, Lease], E], context: LadderContext, loader: EngineLoader[E]
) -> EngineSlot[E]:
    retries = context.retry_seconds
    breaker = CircuitBreaker(retries, stable_seconds=retries[-1])
    return EngineSlot(loader, leased, context, breaker)


class EngineLadder(Generic[E]):
    """The slots of one kind of engine, best first; an EngineProvider.

    `changed` is called whenever another engine answers, `wake` whenever `settle` has work.
    `leased` wraps an engine so that its requests are counted.
    """

    def __init__(
        self,
        loaders: Sequence[EngineLoader[E]],
        leased: Callable[[E, Lease], E],
        changed: Callable[[], None],
        wake: Callable[[], None],
        context: LadderContext,
    ) -> None:
        self._new_slot = partial(_new_slot, leased, context)
        self._slots = [self._new_slot(loader) for loader in loaders]
        self._starter = self._slots[-1]
        self._changed = changed
        self._wake = wake
        self._context = context
        self._active: EngineSlot[E] | None = None
        self.memory_steps = MemorySteps([loader.memory for loader in loaders])
        self._retired: RetiredEngines[E] = RetiredEngines()
        self._since = time.time()
        self.settled = False

    @property
    def has_engine(self) -> bool:
        """Whether an engine answers."""
        return self._active is not None and self._active.engine is not None

    @property
    def current(self) -> E:
        """The engine that answers. Raises NotReady before there is one."""
        if self._active is None or self._active.engine is None:
            raise NotReady("no engine is ready yet")
        return self._active.engine

    @property
    def in_use(self) -> bool:
        """Whether an engine has a request under way."""
        return any(slot.lease.in_use for slot in self._slots)

    def replace_loaders(self, loaders: Sequence[EngineLoader[E]]) -> None:
        """Takes the loaders of another plan, which ends with the same starter; `settle` follows it.

        A loaded engine that is in both plans stays. Those that had failed are tried again, and
        steps down for lack of memory are forgotten.
        """
        loaded = {slot.loader.name: slot for slot in self._slots if slot.engine is not None}
        kept = [loaded.get(loader.name) or self._new_slot(loader) for loader in loaders[:-1]]
        self._slots = [*kept, self._starter]
        self.memory_steps = MemorySteps([slot.loader.memory for slot in self._slots])
        if self._active not in self._slots:
            self._fall_back()

    async def load_starter(self) -> None:
        if await self._starter.load():
            self._active = self._starter
        self.settled = len(self._slots) == 1
        self._notify()

    def report_failure(self, engine: E, error: EngineError) -> bool:
        """Leaves a failed engine at once; False where no other one is left.

        An engine that was only too busy is well, and stays.
        """
        if isinstance(error, EngineBusy):
            return False
        active = self._active
        if active is None or active.engine is not engine:
            # Another session reported it first; the engine that answers now is worth a try.
            return active is not None
        if active is self._starter or self._starter.engine is None:
            # The last one left stays: the next turn may well succeed.
            return False
        log.warning("%s failed: %s", engine.name, error.message)
        active.fail(error)
        self._fall_back()
        return True

    def _fall_back(self) -> None:
        """Lets the starter answer, until `settle` finds a better slot."""
        self._retire_active()
        self._notify()
        self._wake()

    def _retire_active(self) -> None:
        """Leaves the active slot to the starter; requests under way may finish."""
        active = self._active
        if active is None or active is self._starter:
            return
        engine = active.unload()
        if engine is not None:
            self._retired.add(engine, active.lease)
        self._active = self._starter if self._starter.engine is not None else None

    async def settle(self) -> None:
        """Brings the ladder to the best slot that can be had now."""
        await self._retired.close_released()
        while (slot := self._best_slot()) not in (None, self._active):
            assert slot is not None
            if slot is self._starter:
                self._retire_active()
            else:
                await self._load(slot)
            await self._retired.close_released()
        if not self.settled:
            self.settled = True
            self._notify()

    def _best_slot(self) -> EngineSlot[E] | None:
        """The best slot that works, is due, or has not been tried; None where nothing works."""
        for slot in self._slots[self.memory_steps.best_allowed : -1]:
            if slot is self._active or slot.state is SlotState.WAITING:
                return slot
            if not (slot.is_due and self._context.idle()):
                continue
            # A working engine is never given up for one that has never worked.
            replaceable = self._active_above_starter if slot.has_worked else None
            if self._context.fits(slot.loader, replaceable):
                return slot
        return self._starter if self._starter.state is SlotState.READY else None

    async def _load(self, slot: EngineSlot[E]) -> None:
        """Loads a slot beside the active one where there is room, else in its place."""
        if not self._context.fits(slot.loader):
            if self._active_above_starter:
                await self._context.between_turns()
                self._retire_active()
                await self._retired.close_released()
            elif self.memory_steps.latest is not None:
                # The engine that was left gave back too little, or others have taken it.
                self.memory_steps.allow_below(self._slots.index(slot))
                return
        if await slot.load():
            await self._context.between_turns()
            self._retire_active()
            self._active = slot
            self._notify()

    @property
    def _active_above_starter(self) -> EngineLoader[E] | None:
        if self._active is None or self._active is self._starter:
            return None
        return self._active.loader

    def memory_held(self, pool: MemoryPool) -> int:
        """The bytes of a pool that a step down would free; the starter frees none."""
        active = self._active_above_starter
        return active.memory if active and active.pool == pool else 0

    def step_down(self) -> str:
        """Leaves the engine for one that takes less memory.

        Says which for which; empty where there is nothing to give up.
        """
        active = self._active
        if active is None or active is self._starter or self._starter.engine is None:
            return ""
        self.memory_steps.down_from(self._slots.index(active))
        smaller = self._slots[self.memory_steps.best_allowed].loader
        step = f"{active.loader.name} gives way to {smaller.name}"
        self._fall_back()
        return step

    def step_up(self) -> None:
        """Takes back the latest step down; `settle` does the rest."""
        self.memory_steps.up()
        self._wake()

    @property
    def next_check(self) -> float | None:
        """Seconds until `settle` may have work; None while only `wake` can tell."""
        active = self._slots.index(self._active) if self._active else len(self._slots)
        soonest = min(
            (
                slot.breaker.retry_at
                for slot in self._slots[self.memory_steps.best_allowed : active]
                if slot.state is SlotState.FAILED and slot is not self._starter
            ),
            default=math.inf,
        )
        if soonest == math.inf:
            return None
        left = soonest - self._context.now()
        return left if left > 0 else RECHECK_SECONDS

    def report(self) -> dict[str, Any]:
        """For /health: the engine that answers, since when and why, and every slot."""
        active = self._active or self._starter
        state = active.state.value if self.settled or not self._active else "loading"
        return {
            "name": active.engine.name if active.engine else active.loader.name,
            "state": state,
            "since": round(self._since, 1),
            "why": _reason(self._slots, active, is_short=self.memory_steps.latest is not None),
            "ladder": [slot.report() for slot in self._slots],
        }

    def _notify(self) -> None:
        self._since = time.time()
        self._changed()

    async def close(self) -> None:
        """Closes every engine, in use or not."""
        self._retire_active()
        loaded = [slot.engine for slot in self._slots if slot.engine is not None]
        await self._retired.close()
        for engine in loaded:
            await engine.close()


def _reason(slots: Sequence[EngineSlot[E]], active: EngineSlot[E], *, is_short: bool) -> str:
    """Why the active slot answers, and none above it."""
    above = slots[: slots.index(active)]
    for slot in above:
        if slot.state is SlotState.FAILED and slot.error:
            return f"{slot.loader.name} failed: {slot.error.message}"
    if is_short:
        return "memory is short"
    return "the others are still loading" if above else "the first choice of the plan"
