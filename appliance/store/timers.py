"""Timers that outlive the process."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from appliance.store.queries import reading

if TYPE_CHECKING:
    from sqlite_utils import Database


class TimerLike(Protocol):
    """A timer that rings at `due`, seconds since the epoch; it was set for `seconds`."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def due(self) -> float: ...


T = TypeVar("T", bound=TimerLike)
T_co = TypeVar("T_co", covariant=True)


class MakeTimer(Protocol[T_co]):
    """Makes the caller's own kind of timer."""

    def __call__(self, *, id: str, name: str, seconds: float, due: float) -> T_co: ...


class StoredTimers(Generic[T]):
    """Keeps timers of any kind that `make` makes; adding and removing return at once."""

    def __init__(
        self,
        path: Path,
        post: "Callable[[Callable[[Database], object]], None]",
        make: "MakeTimer[T]",
    ) -> None:
        self._path = path
        self._post = post
        self._make = make

    def add(self, timer: TimerLike) -> None:
        """Keeps a timer; one with the same id is replaced."""
        values = (timer.id, timer.name, timer.seconds, timer.due, time.time())
        self._post(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO timers (id, name, seconds, due_at, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                values,
            )
        )

    def remove(self, timer_id: str) -> None:
        """Forgets a timer; an unknown one is no error."""
        self._post(lambda db: db.execute("DELETE FROM timers WHERE id = ?", (timer_id,)))

    def all(self) -> list[T]:
        """Every committed timer, the next one first. Blocks for a read: for the start."""
        with reading(self._path) as db:
            rows = db.query("SELECT id, name, seconds, due_at AS due FROM timers ORDER BY due_at")
            return [self._make(**row) for row in rows]
