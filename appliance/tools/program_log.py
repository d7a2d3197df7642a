"""The error output of a child process, line by line in the log of the appliance."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

log = logging.getLogger(__name__)

LONGEST_LINE = 500
"""Characters of a line that are logged."""


class _Lines(asyncio.Protocol):
    def __init__(self, source: str) -> None:
        self._source = source
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        # A program that ends no line must not fill the memory.
        self._rest = rest[: 4 * LONGEST_LINE]
        for line in lines:
            self._log(line)

    def connection_lost(self, error: Exception | None) -> None:
        self._log(self._rest)

    def _log(self, line: bytes) -> None:
        text = "".join(c for c in line.decode("utf-8", "replace") if c.isprintable()).strip()
        if text:
            log.info("%s: %s", self._source, text[:LONGEST_LINE])


@asynccontextmanager
async def logged_lines(source: str) -> AsyncIterator[TextIO]:
    """A file for a child's error output; each line is logged behind the name of its source."""
    reading, writing = os.pipe()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _Lines(source), os.fdopen(reading, "rb", buffering=0)
    )
    try:
        with os.fdopen(writing, "w") as file:
            yield file
    finally:
        transport.close()
