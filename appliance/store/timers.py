"""Keeps timers, so that they outlive the process."""

import time
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from appliance.store.connection import Post
from appliance.store.queries import reading


class TimerLike(Protocol):
    """A client's timer, set for `seconds`, that rings at `due`, in seconds since the epoch.

    While it is paused, `paused_left` seconds are left; None where it runs.
    """

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def due(self) -> float: ...
    @property
    def client_id(self) -> str: ...
    @property
    def paused_left(self) -> float | None: ...


T = TypeVar("T", bound=TimerLike)
T_co = TypeVar("T_co", covariant=True)


class TimerFactory(Protocol[T_co]):
    """Makes a timer of the caller's own class."""

    def __call__(
        self,
        *,
        id: str,
        name: str,
        seconds: float,
        due: float,
        client_id: str,
        paused_left: float | None,
    ) -> T_co: ...


class StoredTimers(Generic[T]):
    """The table of timers, which `make` turns into objects. Adding and removing return at once."""

    def __init__(
        self,
        path: Path,
        post: Post,
        make: TimerFactory[T],
    ) -> None:
        self._path = path
        self._post = post
        self._make = make

    def add(self, timer: TimerLike) -> None:
        """Adds a timer, or replaces the one with the same id."""
        values = (
            *(timer.id, timer.name, timer.seconds, timer.due, time.time()),
            *(timer.client_id, timer.paused_left),
        )
        self._post(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO timers"
                " (id, name, seconds, due_at, created_at, client_id, paused_left)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        )

    def remove(self, timer_id: str) -> None:
        """Removes a timer; an unknown one is no error."""
        self._post(lambda db: db.execute("DELETE FROM timers WHERE id = ?", (timer_id,)))

    def all(self) -> list[T]:
        """Returns every committed timer, the next one first. Blocks; meant for the start."""
        with reading(self._path) as db:
            rows = db.query(
                "SELECT id, name, seconds, due_at AS due, client_id, paused_left"
                " FROM timers ORDER BY due_at"
            )
            return [self._make(**row) for row in rows]
