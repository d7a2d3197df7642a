"""A row of the campaign, and the trial in which it is run."""

import random
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Obstacle(Exception):
    """The row cannot be run on this machine; its text is the reason, for the table."""


@dataclass
class Trial:
    """One run of a row: at most `n` rounds, none of which begins after `seconds`.

    `directory` is empty and the row's own. A round is `held`, or it is `lost` with what was lost.
    """

    directory: Path
    n: int
    seconds: float
    dice: random.Random
    held: int = 0
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        return self.held + len(self.lost)

    @property
    def is_over(self) -> bool:
        return self.done >= self.n or time.monotonic() - self._began > self.seconds

    def rounds(self) -> Iterator[int]:
        """Numbers rounds until there have been enough; each must end in `hold` or `lose`."""
        while not self.is_over:
            yield self.done

    def hold(self, times: int = 1) -> None:
        self.held += times

    def lose(self, what: str) -> None:
        self.lost.append(what)

    @contextmanager
    def judged(self, what: str, times: int = 1) -> Iterator[None]:
        """Whatever is raised within is a loss, and the campaign goes on; else `times` have held."""
        try:
            yield
        except Obstacle:
            raise
        except Exception as error:  # noqa: BLE001  any failure of the appliance is the finding
            traceback.print_exc(file=sys.stderr)
            said = (str(error).splitlines() or [""])[0][:200]
            self.lose(f"{what}: {type(error).__name__} {said}".strip())
        else:
            self.hold(times)


@dataclass(frozen=True)
class Row:
    """One row of the table.

    `done` says what is done, `unit` what n counts, `lost` what would count as lost; `n` is the
    target of a whole campaign. `namespaces` are options of unshare(1), with which a row's process
    gets mounts or a network of its own.
    """

    name: str
    done: str
    unit: str
    lost: str
    n: int
    run: Callable[[Trial], Coroutine[Any, Any, None]]
    namespaces: tuple[str, ...] = ()
