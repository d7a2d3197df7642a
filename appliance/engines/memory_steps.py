"""The steps that a ladder takes down and up again for memory. Pure."""

from collections.abc import Sequence


class MemorySteps:
    """The steps that a ladder took down for lack of memory, and the best slot they allow.

    `memory` is what each slot takes, in bytes; the last slot is always allowed.
    """

    def __init__(self, memory: Sequence[int]) -> None:
        self._memory = memory
        self._left: list[int] = []
        self.best_allowed = 0

    @property
    def latest(self) -> int | None:
        """The slot that the latest step left."""
        return self._left[-1] if self._left else None

    @property
    def latest_memory(self) -> int | None:
        """The bytes that the engine of that slot takes."""
        return self._memory[self._left[-1]] if self._left else None

    def down_from(self, index: int) -> None:
        self._left.append(index)
        self.allow_below(index)

    def up(self) -> None:
        """Takes back the latest step, and no more: the ladder stays below the step before it."""
        self._left.pop()
        self.best_allowed = 0
        if self._left:
            self.allow_below(self._left[-1])

    def allow_below(self, index: int) -> None:
        """Allows only slots from the next one on that takes less memory than `index`."""
        last = len(self._memory) - 1
        lower = range(index + 1, last)
        self.best_allowed = next((i for i in lower if self._memory[i] < self._memory[index]), last)
