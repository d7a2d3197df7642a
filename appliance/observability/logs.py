"""Sets up logging: one line for each fact, in the form of the journal where systemd reads it."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

# The priorities of syslog, which the journal reads at the beginning of a line.
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))


class JournalFormatter(logging.Formatter):
    """`<priority>logger: message`; the journal adds time and process itself."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        # Each line of a traceback needs the prefix, or the journal gives it another priority.
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def set_up(environ: Mapping[str, str] = os.environ, *, debug: bool = False) -> None:
    """Sends all logging to standard error, including that of Pipecat (loguru)."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in environ:
        handler.setFormatter(JournalFormatter())
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for chatty in (
        "httpx",
        "httpcore",
        "openai",
        "aiohttp.access",
        "asyncio",
        "numba",
        "phonemizer",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _forward_loguru(logging.DEBUG if debug else logging.WARNING)


def _forward_loguru(level: int) -> None:
    from loguru import logger

    def forward(message: Any) -> None:  # noqa: ANN401  loguru's own str subclass
        record = message.record
        target = logging.getLogger(record["name"] or "pipecat")
        target.log(record["level"].no, "%s", record["message"], exc_info=record["exception"])

    logger.configure(handlers=[{"sink": forward, "level": level, "format": "{message}"}])
