"""One ladder while the appliance runs: down when an engine fails or memory is short, up again.

The starter engine, the last rung, is never closed: it answers whenever no other rung does. Of the
others one is loaded at a time, and a second only while it takes over where there is room for both.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

from appliance.engines.freeing import give_back
from appliance.engines.lease import PATIENCE_SECONDS, Lease
from appliance.engines.slot import PAUSES, E, EngineLoader, EngineSlot, SlotState
from appliance.errors import EngineBusy, EngineError, NotReady

log = logging.getLogger(__name__)

RECHECK_SECONDS: Final = 1.0
"""How often it is looked whether a due attempt finds nobody in a turn, and room."""
_TURN_SECONDS: Final = 20.0
"""The longest that a loaded engine waits for an answer to end; some room is never quiet."""
_CLOSING_SECONDS: Final = 30.0
"""The longest that the next engine waits for one to end that hangs."""


@dataclass(frozen=True, slots=True)
class LadderContext:
    """What a ladder has to know of the rest.

    `idle`: nobody is in the middle of a turn. `room`: whether so many bytes are to be had, of a
    graphics card's own where the second argument says so. `now` is in seconds of any clock.
    `patience`: seconds in which an engine has to give a sign, beside the speech itself.
    """

    idle: Callable[[], bool] = lambda: True
    room: Callable[[int, bool], bool] = lambda _bytes, _on_card: True
    now: Callable[[], float] = time.monotonic
    pauses: Sequence[float] = PAUSES
    patience: float = PATIENCE_SECONDS


class EngineLadder(Generic[E]):
    """`changed` is called whenever another engine answers; `wake`: when `settle` has work."""

    def __init__(
        self,
        candidates: Sequence[EngineLoader[E]],
        lease: Callable[[E, Lease], E],
        changed: Callable[[], None],
        wake: Callable[[], None],
        around: LadderContext,
    ) -> None:
        self._rungs = [
            EngineSlot(each, lease, around.now, around.pauses, around.patience)
            for each in candidates
        ]
        self._changed = changed
        self._wake = wake
        self._around = around
        self._active: EngineSlot[E] | None = None
        self._first_allowed = 0
        self._steps: list[int] = []
        self._leaving: list[tuple[E, Lease]] = []
        self._closing: dict[asyncio.Task[None], E] = {}
        self._since = time.time()
        self.settled = False

    @property
    def _starter(self) -> EngineSlot[E]:
        return self._rungs[-1]

    @property
    def answers(self) -> bool:
        """Whether an engine answers."""
        return self._active is not None and self._active.engine is not None

    @property
    def current(self) -> E:
        """The engine that answers. Raises NotReady before there is one."""
        if self._active is None or self._active.engine is None:
            raise NotReady("no engine is ready yet")
        return self._active.engine

    @property
    def above_starter(self) -> EngineLoader[E] | None:
        """What answers, if it is not the starter."""
        if self._active is None or self._active is self._starter:
            return None
        return self._active.candidate

    @property
    def regains(self) -> EngineLoader[E] | None:
        """What `step_up` would lead to."""
        return self._rungs[self._steps[-1]].candidate if self._steps else None

    async def load_starter(self) -> None:
        if await self._starter.load():
            self._active = self._starter
        self.settled = len(self._rungs) == 1
        self._tell()

    async def settle(self) -> None:
        """Brings the ladder to the best rung that may be had now."""
        await self._free()
        while (rung := self._wanted()) not in (None, self._active):
            assert rung is not None
            if rung is self._starter:
                self._leave()
            else:
                await self._take(rung)
            await self._free()
        if not self.settled:
            self.settled = True
            self._tell()

    async def _take(self, rung: EngineSlot[E]) -> None:
        """Loads a rung: beside the one that answers where there is room, else in its place."""
        if not self._fits(rung, beside=True):
            if self.above_starter:
                await self._between_turns()
                self._leave()
                await self._free()
            elif self._steps:
                # What was left gave back too little, or others have taken it.
                self._first_allowed = self._below(self._rungs.index(rung))
                return
        if await rung.load():
            await self._between_turns()
            self._leave()
            self._active = rung
            self._tell()

    def _wanted(self) -> EngineSlot[E] | None:
        """The best rung that works, may be tried, or has not been tried; None: nothing does."""
        for rung in self._rungs[self._first_allowed : -1]:
            if rung is self._active or rung.state is SlotState.WAITING:
                return rung
            if rung.is_due and self._around.idle() and self._fits(rung, beside=False):
                return rung
        return self._starter if self._starter.state is SlotState.READY else None

    def _fits(self, rung: EngineSlot[E], *, beside: bool) -> bool:
        """Whether there is room for it; not `beside`: also in place of the one that answers.

        For what has never worked, nothing that works is given up.
        """
        wanted, active = rung.candidate, self.above_starter
        if self._around.room(wanted.memory, wanted.on_card):
            return True
        if beside or not rung.worked or active is None or active.on_card != wanted.on_card:
            return False
        return self._around.room(wanted.memory - active.memory, wanted.on_card)

    def failed(self, engine: E, error: EngineError) -> bool:
        """Leaves an engine that failed, at once; False where nothing else is left.

        One that was only too busy is well, and stays.
        """
        if isinstance(error, EngineBusy):
            return False
        active = self._active
        if active is None or active.engine is not engine:
            # Another session has reported it already; what answers now is worth a try.
            return active is not None
        if active is self._starter or self._starter.engine is None:
            # The last one left stays: the next turn may well succeed.
            return False
        log.warning("%s failed: %s", engine.name, error.message)
        active.fail(error)
        self._leave()
        self._tell()
        self._wake()
        return True

    def step_down(self) -> str:
        """Leaves the engine for the next one that needs less memory; says which, or nothing."""
        if self._active is None or self.above_starter is None or self._starter.engine is None:
            return ""
        place = self._rungs.index(self._active)
        self._steps.append(place)
        self._first_allowed = self._below(place)
        smaller = self._rungs[self._first_allowed].candidate
        told = f"{self._active.candidate.name} gives way to {smaller.name}"
        self._leave()
        self._tell()
        self._wake()
        return told

    def step_up(self) -> None:
        """Takes back the latest step down; `settle` does the rest."""
        self._steps.pop()
        self._first_allowed = 0
        if self._steps:
            # One step at a time: no further up than what the step before led to.
            self._first_allowed = self._below(self._steps[-1])
        self._wake()

    def _below(self, place: int) -> int:
        """The place of the next rung that needs less memory."""
        memory, last = self._rungs[place].candidate.memory, len(self._rungs) - 1
        lower = range(place + 1, last)
        return next((i for i in lower if self._rungs[i].candidate.memory < memory), last)

    @property
    def in_use(self) -> bool:
        """Whether an engine is at work for somebody."""
        return any(rung.users.some for rung in self._rungs)

    @property
    def next_check(self) -> float | None:
        """Seconds until `settle` may have work; None while only `wake` can tell."""
        place = self._rungs.index(self._active) if self._active else len(self._rungs)
        failed = [
            rung.retry_at
            for rung in self._rungs[self._first_allowed : place]
            if rung.state is SlotState.FAILED and rung is not self._starter
        ]
        soonest = min(failed, default=float("inf"))
        if soonest == float("inf"):
            return None
        left = soonest - self._around.now()
        return left if left > 0 else RECHECK_SECONDS

    def shown(self) -> dict[str, Any]:
        active = self._active or self._starter
        state = active.state.value if self.settled or not self._active else "loading"
        return {
            "name": active.engine.name if active.engine else active.candidate.name,
            "state": state,
            "since": round(self._since, 1),
            "why": self._why(active),
            "ladder": [rung.shown() for rung in self._rungs],
        }

    def _why(self, active: EngineSlot[E]) -> str:
        """Why that one answers, and none above it."""
        above = self._rungs[: self._rungs.index(active)]
        for rung in above:
            if rung.state is SlotState.FAILED and rung.error:
                return f"{rung.candidate.name} failed: {rung.error.message}"
        if self._steps:
            return "memory is short"
        return "the others are still loading" if above else "the first choice of the plan"

    def _leave(self) -> None:
        """The starter answers from here on; whoever uses the engine may finish with it."""
        active = self._active
        if active is None or active is self._starter:
            return
        if active.engine is not None:
            self._leaving.append((active.engine, active.users))
        active.engine = None
        if active.state is SlotState.READY:
            active.rest()
        self._active = self._starter if self._starter.engine is not None else None

    async def _free(self) -> None:
        """Closes what was left, once nobody uses it, and gives its memory back."""
        freed = bool(self._leaving)
        while self._leaving:
            engine, users = self._leaving.pop()
            closing = asyncio.create_task(_close(engine, users))
            self._closing[closing] = engine
            closing.add_done_callback(self._closing.pop)
            _, late = await asyncio.wait({closing}, timeout=_CLOSING_SECONDS)
            if late:
                log.error("%s does not end; what it holds stays held", engine.name)
            del engine, closing  # or its memory would not be free yet
        if freed:
            await asyncio.to_thread(give_back)

    async def _between_turns(self) -> None:
        """Nobody should hear two voices in one answer."""
        end = self._around.now() + _TURN_SECONDS
        # What makes it idle happens in many places; none of them should have to know of this.
        while not self._around.idle() and self._around.now() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def _tell(self) -> None:
        self._since = time.time()
        self._changed()

    async def close(self) -> None:
        """Closes whatever was loaded, in use or not."""
        self._leave()
        engines = [*self._closing.values(), *(engine for engine, _ in self._leaving)]
        engines += [rung.engine for rung in self._rungs if rung.engine is not None]
        self._leaving.clear()
        for closing in list(self._closing):
            closing.cancel()
        for engine in engines:
            await engine.close()


async def _close(engine: E, users: Lease) -> None:
    await users.gone()
    await engine.close()
