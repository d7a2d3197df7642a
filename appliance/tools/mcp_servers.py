"""Runs the MCP servers that are switched on, and follows changes of the configuration."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from appliance.config.schema import MCPServerConfig
from appliance.tools.mcp import MCPServer, PutTools


class MCPServers:
    """The configured servers by name. `token_of` gives the token of one, "" where it has none."""

    def __init__(
        self, configured: Mapping[str, MCPServerConfig], token_of: Callable[[str], str]
    ) -> None:
        self._configured = configured
        self._token_of = token_of
        self._servers: dict[str, MCPServer] = {}
        self._changed = asyncio.Event()

    def configure(self, configured: Mapping[str, MCPServerConfig]) -> None:
        """Connects and disconnects what the new configuration asks for; the rest stays as it is."""
        self._configured = configured
        self._changed.set()

    def states(self) -> list[dict[str, Any]]:
        """Every configured server for JSON: whether it is on, connected, and its last error."""
        return [self._state(name, config) for name, config in self._configured.items()]

    def _state(self, name: str, config: MCPServerConfig) -> dict[str, Any]:
        server = self._servers.get(name) if config.enabled else None
        state = "connecting" if config.enabled else "off"
        if server is not None and (server.is_connected or server.error):
            state = "connected" if server.is_connected else "failed"
        return {
            "name": name,
            "on": config.enabled,
            "kind": "program" if config.command else "address",
            "state": state,
            "error": server.error if server else "",
        }

    async def run(self, put: PutTools) -> None:
        """Runs the servers until cancelled; `put` registers their tools."""
        running: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._changed.clear()
                await self._disconnect(running, put)
                for name, config in self._configured.items():
                    if config.enabled and name not in running:
                        server = MCPServer(name, config, self._token_of(name), put)
                        self._servers[name] = server
                        running[name] = asyncio.create_task(server.run(), name=f"MCP {name}")
                await self._until_changed(running.values())
        finally:
            await _cancel(*running.values())

    async def _disconnect(self, running: dict[str, asyncio.Task[None]], put: PutTools) -> None:
        """Ends the servers that are off or configured otherwise now, and takes their tools."""
        for name in list(running):
            config = self._configured.get(name)
            if config is None or not config.enabled or config != self._servers[name].config:
                await _cancel(running.pop(name))
                del self._servers[name]
                put(name, ())

    async def _until_changed(self, running: Iterable[asyncio.Task[None]]) -> None:
        """Returns when the configuration changes; raises what ends a server, which has no end."""
        changed = asyncio.create_task(self._changed.wait())
        try:
            done, _ = await asyncio.wait({changed, *running}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            changed.cancel()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
