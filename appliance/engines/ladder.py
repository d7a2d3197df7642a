"""Engine ladder: the engines of one kind, best first, and the one of them that answers now.

A ladder steps down when its engine fails or memory runs short, and up again later. The starter
engine, in the last slot, is never closed: it answers whenever no other slot does. Of the others
one is loaded at a time; a second one only while it takes over, where there is room for both.

On overloaded processors nothing is loaded, which would only add to their load: the engine that is
too slow rests, still loaded, while the starter engine answers.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar

from appliance.engines import E, EngineProvider
from appliance.engines.lease import Lease, RetiredEngines
from appliance.engines.slot import EngineLoader, EngineSlot, LadderContext, SlotState, new_slot
from appliance.errors import EngineBusy, EngineError, EngineOverloaded, NotReady
from appliance.hardware.memory_pressure import MemoryPool, MemorySteps

log = logging.getLogger(__name__)

T = TypeVar("T")

RECHECK_SECONDS: Final = 1.0
"""How often a due attempt checks whether nobody is in a turn, and whether there is room."""


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
        self._new_slot = partial(new_slot, leased, context)
        # There is nothing faster than the starter engine, so it may take any time.
        self._starter = self._new_slot(loaders[-1], overload_factor=math.inf)
        self._slots = [*map(self._new_slot, loaders[:-1]), self._starter]
        self._changed = changed
        self._wake = wake
        self._context = context
        self._active: EngineSlot[E] | None = None
        self._resting: EngineSlot[E] | None = None
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
        if self._active not in self._slots or (self._resting or self._starter) not in self._slots:
            self._fall_back()

    async def load_starter(self) -> None:
        if await self._starter.load():
            self._active = self._starter
        self.settled = len(self._slots) == 1
        self._notify()

    def report_failure(self, engine: E, error: EngineError) -> bool:
        """Leaves a failed engine at once; False where no other one is left.

        An engine that was only too busy is well, and stays; one that is overloaded rests.
        """
        is_overloaded = isinstance(error, EngineOverloaded)
        if isinstance(error, EngineBusy) and not is_overloaded:
            return False
        active = self._active
        if active is None or active.engine is not engine:
            # Another session reported it first; the engine that answers now is worth a try.
            return active is not None
        if active is self._starter or self._starter.engine is None:
            # The last one left stays: the next turn may well succeed.
            return False
        if is_overloaded:
            log.warning("%s; %s answers meanwhile", error.message, self._starter.loader.name)
            active.begin_rest(error)
            self._resting, self._active = active, self._starter
            self._notify()
            self._wake()
            return True
        log.warning("%s failed: %s", engine.name, error.message)
        active.fail(error)
        self._fall_back()
        return True

    def _fall_back(self) -> None:
        """Lets the starter answer, until `settle` finds a better slot."""
        self._retire_loaded()
        self._notify()
        self._wake()

    def _retire_loaded(self) -> None:
        """Leaves the loaded slot to the starter; requests under way may finish."""
        slot = self._loaded
        if slot is None:
            return
        engine = slot.unload()
        if engine is not None:
            self._retired.add(engine, slot.lease)
        self._resting = None
        self._active = self._starter if self._starter.engine is not None else None

    @property
    def _loaded(self) -> EngineSlot[E] | None:
        """The slot beside the starter whose engine is loaded, whether it answers or rests."""
        return self._resting or (self._active if self._active is not self._starter else None)

    async def settle(self) -> None:
        """Brings the ladder to the best slot that can be had now."""
        await self._retired.close_released()
        while (slot := self._best_slot()) not in (None, self._active):
            assert slot is not None
            if slot is self._starter:
                self._retire_loaded()
            else:
                await self._load(slot)
            await self._retired.close_released()
        if not self.settled:
            self.settled = True
            self._notify()

    def _best_slot(self) -> EngineSlot[E] | None:
        """The best slot that works, is due, or has not been tried; None where nothing works."""
        if self._resting is not None:
            return self._resting if self._resting.is_rested else self._active
        for slot in self._slots[self.memory_steps.best_allowed : -1]:
            if any(slot.is_slower_than_stalled(other) for other in self._slots):
                continue
            if slot is self._active or slot.state is SlotState.WAITING:
                return slot
            if not (slot.is_due and self._context.idle()):
                continue
            # A working engine is never given up for one that has never worked.
            replaceable = self._loaded.loader if self._loaded and slot.has_worked else None
            if self._context.fits(slot.loader, replaceable):
                return slot
        return self._starter if self._starter.state is SlotState.READY else None

    async def _load(self, slot: EngineSlot[E]) -> None:
        """Loads a slot beside the active one where there is room, else in its place.

        One that rests is still loaded, and answers again.
        """
        if slot is self._resting:
            await self._context.between_turns()
            log.info("%s answers again", slot.loader.name)
            slot.end_rest()
            self._resting, self._active = None, slot
            self._notify()
            return
        if not self._context.fits(slot.loader):
            if self._loaded:
                await self._context.between_turns()
                self._retire_loaded()
                await self._retired.close_released()
            elif self.memory_steps.latest is not None:
                # The engine that was left gave back too little, or others have taken it.
                self.memory_steps.allow_below(self._slots.index(slot))
                return
        if await slot.load():
            await self._context.between_turns()
            self._retire_loaded()
            self._active = slot
            self._notify()

    def memory_held(self, pool: MemoryPool) -> int:
        """The bytes of a pool that a step down would free; the starter frees none."""
        slot = self._loaded
        return slot.loader.memory if slot and slot.loader.pool == pool else 0

    def step_down(self) -> str:
        """Leaves the engine for one that takes less memory.

        Says which for which; empty where there is nothing to give up.
        """
        slot = self._loaded
        if slot is None or self._starter.engine is None:
            return ""
        self.memory_steps.down_from(self._slots.index(slot))
        smaller = self._slots[self.memory_steps.best_allowed].loader
        step = f"{slot.loader.name} gives way to {smaller.name}"
        self._fall_back()
        return step

    def step_up(self) -> None:
        """Takes back the latest step down; `settle` does the rest."""
        self.memory_steps.up()
        self._wake()

    @property
    def next_check(self) -> float | None:
        """Seconds until `settle` may have work; None while only `wake` can tell."""
        if self._resting is not None:
            return max(RECHECK_SECONDS, self._resting.rest.retry_at - self._context.now())
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
        self._retire_loaded()
        loaded = [slot.engine for slot in self._slots if slot.engine is not None]
        await self._retired.close()
        for engine in loaded:
            await engine.close()


def _reason(slots: Sequence[EngineSlot[E]], active: EngineSlot[E], *, is_short: bool) -> str:
    """Why the active slot answers, and none above it."""
    above = slots[: slots.index(active)]
    for slot in above:
        if slot.state is SlotState.RESTING:
            return f"the processors are overloaded; {slot.loader.name} rests"
        if slot.state is SlotState.FAILED and slot.error:
            return f"{slot.loader.name} failed: {slot.error.message}"
    if is_short:
        return "memory is short"
    return "the others are still loading" if above else "the first choice of the plan"
