"""What a reload does: it reads the settings again and says what a restart would change.

Everything the appliance is built from (engines, limits, rights) is settled when it starts, so
nothing is exchanged under a conversation; the operator chooses the moment.
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
    """Until cancelled, answers every SIGHUP in the log. What is in force stays so."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    while True:
        await asked.wait()
        asked.clear()
        _compare(in_force, reread)


def _compare(in_force: Config, reread: Reread) -> None:
    try:
        changed = differences(in_force, reread())
    except ConfigError as error:
        log.error("reload: %s The appliance goes on with what it has read before.", error.message)
        return
    if changed:
        log.warning("reload: a restart is needed for %s", ", ".join(changed))
    else:
        log.info("reload: the settings are those in force")
