"""Shows downloads: a bar on a terminal, elsewhere a line now and then, and JSON to programs."""

import json
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol

from appliance.models.download import DownloadProgress

# Without a terminal: steps of fewer bytes get no line, and a long step one now and then.
_LEAST_BYTES: Final = 4 * 2**20
_LINE_SECONDS: Final = 5.0
# As often as a program hears of a step.
_REPORT_SECONDS: Final = 0.25


class PullProgress(DownloadProgress, Protocol):
    """A DownloadProgress that is a context manager."""

    def __enter__(self) -> "PullProgress": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class JsonProgress:
    """The PullProgress for programs: a JSON object a line.

    {step, total, done} begins a step, {done, total} goes on with it, {message} stays.
    """

    def __init__(self, echo: Callable[[str], Any]) -> None:
        self._echo = echo
        self._next = 0.0

    def __enter__(self) -> "JsonProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def start(self, label: str, total: int | None, done: int) -> None:
        self._next = 0.0
        self._echo(json.dumps({"step": label, "total": total, "done": done}))

    def update(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + _REPORT_SECONDS
            self._echo(json.dumps({"done": done, "total": total}))

    def message(self, text: str) -> None:
        self._echo(json.dumps({"message": text}))


class ProgressBars:
    """The DownloadProgress of `appliance models pull`; a context manager."""

    def __init__(self) -> None:
        # Imported here, because it takes a tenth of a second and other commands do without.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._is_terminal = sys.stderr.isatty()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._is_terminal,
        )
        self._task = self._bars.add_task("", visible=False)
        self._label = ""
        self._has_lines = False
        self._next_line: float | None = None

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

    def start(self, label: str, total: int | None, done: int) -> None:
        """Replaces the bar of the step before; lines begin with the first bytes of the step."""
        size = f" ({total / 1e6:.1f} MB)" if total else ""
        resumed = f", {done / 1e6:.1f} MB of it are here already" if done else ""
        self._label = f"{label}{size}{resumed}"
        self._has_lines = not self._is_terminal and (total is None or total >= _LEAST_BYTES)
        self._next_line = None
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(label, total=total, completed=done)

    def update(self, done: int, total: int | None) -> None:
        self._bars.update(self._task, completed=done, total=total)
        now = time.monotonic()
        if not self._has_lines or (self._next_line is not None and now < self._next_line):
            return
        if self._next_line is None:
            self.message(self._label)
        elif total:
            self.message(f"  {100 * done // total} %")
        self._next_line = now + _LINE_SECONDS

    def message(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
