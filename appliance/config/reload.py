"""Answers SIGHUP: reads the settings again and logs what a restart would change.

Nothing changes while the appliance runs: engines, limits and rights are settled at the start, so
that no conversation is disturbed. The operator chooses the moment of the restart.
"""

import asyncio
import logging
import signal
from collections.abc import Callable

from appliance.config.loader import Config, differences
from appliance.errors import ConfigError

log = logging.getLogger(__name__)

Reread = Callable[[], Config]


async def answer_reloads(in_force: Config, reread: Reread) -> None:
    """Compares the settings in force with `reread()` at every SIGHUP. Runs until cancelled."""
    requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, requested.set)
    while True:
        await requested.wait()
        requested.clear()
        _compare(in_force, reread)


def _compare(in_force: Config, reread: Reread) -> None:
    try:
        changed = differences(in_force, reread())
    except ConfigError as error:
        log.error("reload: %s The appliance goes on with the settings in force.", error.message)
        return
    if changed:
        log.warning("reload: a restart is needed for %s", ", ".join(changed))
    else:
        log.info("reload: the settings are those in force")
