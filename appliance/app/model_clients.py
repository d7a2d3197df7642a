"""Replaces the client that asks the language models, when other ones are to be asked."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from appliance.config.loader import Config

if TYPE_CHECKING:
    from appliance.llm.endpoint import Endpoint
    from appliance.llm.failover import FailoverClient


class ModelClients:
    """The client of the sessions that open from now on is `current`; None without a model.

    `changed` is called when another model answers; `idle` tells whether nobody is in a turn.
    """

    def __init__(self, changed: Callable[[], None], idle: Callable[[], bool]) -> None:
        self.current: FailoverClient | None = None
        self._changed = changed
        self._idle = idle
        self._replaced = asyncio.Event()

    async def replace(
        self, config: Config, secrets: Mapping[str, str], managed: "Endpoint | None"
    ) -> "FailoverClient | None":
        """Makes the client for a configuration and the model that the appliance runs itself."""
        self.current = await asyncio.to_thread(self._make, config, secrets, managed)
        self._replaced.set()
        return self.current

    def _make(
        self, config: Config, secrets: Mapping[str, str], managed: "Endpoint | None"
    ) -> "FailoverClient | None":
        from appliance.llm.endpoint import warm_up
        from appliance.llm.failover import failover_client

        made = failover_client(config, secrets, self._changed, managed=managed)
        if made:
            warm_up(made.first)
        return made

    async def keep_retrying(self) -> None:
        """Asks failed models again, of one client after the other. Runs until cancelled."""
        while True:
            self._replaced.clear()
            retrying = asyncio.create_task(self._retry(), name="ask failed models again")
            try:
                await self._replaced.wait()
            finally:
                retrying.cancel()
                await asyncio.wait({retrying})

    async def _retry(self) -> None:
        if self.current:
            await self.current.keep_retrying(self._idle)
