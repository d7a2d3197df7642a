"""Progress for people: a bar on a terminal, a line for each file elsewhere. On stderr."""

import sys
from types import TracebackType


class ProgressBars:
    """The Progress of `appliance models pull`; a context manager."""

    def __init__(self) -> None:
        # Here, because it takes a tenth of a second and other commands do without.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._live = sys.stderr.isatty()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._live,
        )
        self._task = self._bars.add_task("", visible=False)

    def __enter__(self) -> "ProgressBars":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begin(self, what: str, total: int | None, done: int) -> None:
        """A bar on a terminal takes the place of the one before it."""
        if not self._live:
            size = f" ({total / 1e6:.1f} MB)" if total else ""
            more = f", {done / 1e6:.1f} MB are there" if done else ""
            self.say(f"{what}{size}{more}")
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(what, total=total, completed=done)

    def reach(self, done: int, total: int | None) -> None:
        self._bars.update(self._task, completed=done, total=total)

    def say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
