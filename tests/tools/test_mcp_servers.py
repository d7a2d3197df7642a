"""MCP servers that are switched on and off while the appliance runs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from appliance.config.schema import MCPServerConfig
from appliance.tools import Tool
from appliance.tools.mcp_servers import MCPServers
from tests.stranger import until
from tests.tools.test_mcp import PROGRAM


def server(**settings: Any) -> MCPServerConfig:  # noqa: ANN401  as the schema takes it
    return MCPServerConfig(
        command=(sys.executable, str(PROGRAM), "stdio"), allow=("get_*",), **settings
    )


@asynccontextmanager
async def running(
    **configured: MCPServerConfig,
) -> AsyncIterator[tuple[MCPServers, dict[str, Any]]]:
    servers, offered = MCPServers(configured, lambda _name: ""), {}

    def put(name: str, tools: Sequence[Tool]) -> None:
        offered[name] = [tool.name for tool in tools]

    task = asyncio.create_task(servers.run(put))
    yield servers, offered
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def state(servers: MCPServers, name: str = "home") -> dict[str, Any]:
    return next(one for one in servers.states() if one["name"] == name)


async def test_a_server_is_switched_off_and_on_again() -> None:
    async with running(home=server()) as (servers, offered):

        async def offers() -> bool:
            return "home_get_level" in offered.get("home", ())

        await until(offers, 60)
        assert state(servers) == {
            **{"name": "home", "on": True, "kind": "program", "state": "connected", "error": ""},
        }
        servers.configure({"home": server(enabled=False)})

        async def offers_nothing() -> bool:
            return not offered["home"]

        await until(offers_nothing, 60)
        assert (state(servers)["on"], state(servers)["state"]) == (False, "off")
        servers.configure({"home": server()})
        await until(offers, 60)


async def test_a_server_that_is_configured_otherwise_is_connected_anew() -> None:
    async with running(home=server()) as (servers, offered):

        async def offers() -> bool:
            return "home_get_level" in offered.get("home", ())

        await until(offers, 60)
        put = offered["home"]
        servers.configure({"home": server(seconds=7)})

        async def offers_anew() -> bool:
            return "home_get_level" in offered["home"] and offered["home"] is not put

        await until(offers_anew, 60)


async def test_a_server_that_fails_says_why_and_the_others_stay() -> None:
    broken = MCPServerConfig(command=("/no/such/program",), allow=("*",))
    async with running(home=server(), broken=broken) as (servers, offered):

        async def settled() -> bool:
            return "home" in offered and state(servers, "broken")["state"] == "failed"

        await until(settled, 60)
        assert "No such file" in state(servers, "broken")["error"]
        servers.configure(
            {"home": server(), "broken": broken.model_copy(update={"enabled": False})}
        )

        async def is_off() -> bool:
            return state(servers, "broken") == {
                **{"name": "broken", "on": False, "kind": "program", "state": "off", "error": ""}
            }

        await until(is_off, 60)
        assert state(servers)["state"] == "connected"
