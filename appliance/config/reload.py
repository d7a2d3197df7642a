"""Answers SIGHUP: reads the settings again, applies what can be, and says what needs a restart."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence

from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

Reload = Callable[[], Awaitable[tuple[Sequence[str], Sequence[str]]]]
"""Returns the settings that were applied, and those that wait for a restart."""


async def answer_reloads(reload: Reload) -> None:
    """Calls `reload` at every SIGHUP. Runs until cancelled."""
    requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, requested.set)
    while True:
        await requested.wait()
        requested.clear()
        await _reload(reload)


async def _reload(reload: Reload) -> None:
    try:
        applied, waiting = await reload()
    except ApplianceError as error:
        log.error("reload: %s The appliance goes on with the settings in force.", error.message)
        return
    if applied:
        log.info("reload: for sessions from now on: %s", ", ".join(applied))
    if waiting:
        log.warning("reload: a restart is needed for %s", ", ".join(waiting))
    if not applied and not waiting:
        log.info("reload: the settings are those in force")
