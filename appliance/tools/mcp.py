"""Connects MCP servers, over stdio or streamable HTTP, and offers their tools.

One coroutine (`MCPServer.run`) owns a connection from its opening to its end; calls come from any
task. The tools of a server that is lost remain, and answer with an error until it is back.
"""

import asyncio
import importlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.concurrency import logged_lines
from appliance.config.schema import MCPServerConfig
from appliance.errors import ToolError
from appliance.tools import Tool, ToolContext, ToolResult, matches_any
from appliance.tools.intents.recognizer import command_of
from appliance.tools.intents.templates import parse_templates
from appliance.tools.mcp_results import result_texts, spoken_result
from appliance.tools.mcp_schemas import schema_fault, standalone_schema
from appliance.tools.mcp_transport import tolerant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client
    from mcp_types import CallToolResult
    from mcp_types import Tool as Offered

log = logging.getLogger(__name__)

FIRST_RETRY = 1.0  # seconds, doubled each time
LAST_RETRY = 60.0
CONNECT_SECONDS = 20.0
END_SECONDS = 8.0  # a program has two to end by itself, and two more before it is killed
REFRESH_SECONDS = 60.0  # between two requests for the list of tools, which also detect a loss
MOST_TOOLS = 256  # of one server; a model is told of few of them at once (`tools.offer`)
LONGEST_TEXT = 20_000  # characters of a result that a model reads
LONGEST_NAME = 64  # characters, as models accept them
TOOLS_CHANGED = "notifications/tools/list_changed"
LONGEST_DESCRIPTION = 1_000  # characters, which every request to a model carries

PutTools = Callable[[str, Sequence[Tool]], None]
"""Replaces the tools of a group, here of a server: `ToolRegistry.put`."""


class MCPServer:
    """One configured server. `put` is called with its tools at first and after every change.

    `error` is why it could not be used at last, "" while it can.
    """

    def __init__(self, name: str, config: MCPServerConfig, token: str, put: PutTools) -> None:
        self._name = name
        self.config = config
        self._token = token
        self._put = put
        self._client: Client | None = None
        self._is_lost = False
        self._awake = asyncio.Event()
        self._offered: Sequence[Offered] = ()
        self.error = ""

    @property
    def is_connected(self) -> bool:
        return self._client is not None

    async def run(self) -> None:
        """Keeps the server connected until cancelled."""
        # On a thread, because the import takes a second.
        await asyncio.to_thread(importlib.import_module, "mcp")
        delay = FIRST_RETRY
        while True:
            connection = asyncio.create_task(self._connection(), name=f"MCP {self._name}")
            try:
                # As a task of its own: a connection that breaks while it is cancelled raises its
                # own error instead of CancelledError.
                await asyncio.wait({connection})
            finally:
                self._client = None
                connection.cancel()
                await asyncio.wait({connection}, timeout=END_SECONDS)
            error = None if connection.cancelled() else connection.exception()
            if error is not None:
                self.error = _cause(error)
                log.warning("the MCP server %s cannot be used: %s", self._name, self.error)
            delay = FIRST_RETRY if error is None else min(2 * delay, LAST_RETRY)
            await asyncio.sleep(delay)

    async def _connection(self) -> None:
        """Opens a connection and returns once it is lost."""
        self._is_lost = False
        async with self._connected() as client, self._listening(client):
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._refresh(client)
            self._client, self.error = client, ""
            log.info("the MCP server %s offers %d tools", self._name, len(self._offered))
            while not self._is_lost:
                with suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_SECONDS):
                        await self._awake.wait()
                self._awake.clear()
                if not self._is_lost:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await self._refresh(client)

    @asynccontextmanager
    async def _listening(self, client: "Client") -> "AsyncIterator[None]":
        """Hears of changes of the list where the server tells them to subscribers only."""
        listening = asyncio.create_task(self._listen(client), name=f"listen to MCP {self._name}")
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait({listening}, timeout=END_SECONDS)

    async def _listen(self, client: "Client") -> None:
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._awake.set()
        except Exception as error:  # noqa: BLE001  boundary of the library: the list is asked for anyway
            log.debug("the MCP server %s tells no changes: %s", self._name, _cause(error))

    async def _notified(self, message: object) -> None:
        """A message of the server that answers no request."""
        if getattr(message, "method", "") == TOOLS_CHANGED:
            self._awake.set()

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[Client]":
        import httpx2
        from mcp import Client
        from mcp.client.stdio import StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client

        from appliance.network.proxies import ProxiedTransport

        config = self.config
        if config.command:
            program, *arguments = config.command
            environment = {f"MCP_{self._name.upper()}_TOKEN": self._token} if self._token else None
            parameters = StdioServerParameters(
                command=program, args=arguments, env=environment, cwd=config.directory
            )
            async with (
                logged_lines(f"MCP server {self._name}") as errors,
                Client(
                    tolerant(stdio_client(parameters, errlog=errors), self._name),
                    read_timeout_seconds=config.seconds,
                    message_handler=self._notified,
                ) as client,
            ):
                yield client
            return
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = httpx2.Timeout(config.seconds, read=None)
        async with httpx2.AsyncClient(
            headers=headers, timeout=timeout, transport=ProxiedTransport()
        ) as http:
            transport = streamable_http_client(config.url, http_client=http)
            async with Client(
                tolerant(transport, self._name),
                read_timeout_seconds=config.seconds,
                message_handler=self._notified,
            ) as client:
                yield client

    async def _refresh(self, client: "Client") -> None:
        """Lists the server's tools and passes them on if they have changed."""
        offered: list[Offered] = []
        cursor: str | None = None
        while len(offered) < MOST_TOOLS:
            listed = await client.list_tools(cursor=cursor, cache_mode="refresh")
            offered += [tool for tool in listed.tools if matches_any(tool.name, self.config.allow)]
            cursor = listed.next_cursor
            if cursor is None:
                break
        if len(offered) > MOST_TOOLS or cursor is not None:
            log.warning("the MCP server %s has more than %d tools", self._name, MOST_TOOLS)
        if offered != self._offered:
            self._put(self._name, self._tools(offered[:MOST_TOOLS]))
            self._offered = offered

    def _tools(self, offered: Sequence["Offered"]) -> list[Tool]:
        """The tools that can be used: one that is odd leaves the others as they are."""
        made: dict[str, Tool] = {}
        for each in offered:
            fault = schema_fault(each.input_schema)
            try:
                tool = self._tool(each) if not fault else None
            except Exception as error:  # noqa: BLE001  boundary of a foreign definition
                tool, fault = None, _cause(error)
            if tool is not None and tool.name in made:
                tool, fault = None, "another tool has that name"
            if tool is None:
                log.warning("%s of the MCP server %s is left out: %s", each.name, self._name, fault)
            else:
                made[tool.name] = tool
        return list(made.values())

    def _tool(self, offered: "Offered") -> Tool:
        config = self.config
        description = (offered.description or offered.title or offered.name).strip()
        tool = Tool(
            tool_name(self._name, offered.name),
            description[:LONGEST_DESCRIPTION],
            partial(self._run, offered.name),
            standalone_schema(offered.input_schema),
            sentences=config.sentences.get(offered.name, ()),
            timeout=config.seconds + 1,
            confirm=matches_any(offered.name, config.confirm),
            realtime=config.realtime,
        )
        from hassil.parser import ParseError

        try:
            parse_templates(command_of(tool), lambda word: True)
        except (ParseError, ToolError) as error:
            log.warning("the sentences of %s are left out: %s", tool.name, _cause(error))
            return replace(tool, sentences=())
        return tool

    async def _run(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        client = self._client
        if client is None:
            raise ToolError(
                f"{self._name} is not connected", advice=f"See [tools.mcp.{self._name}]."
            )
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED

        try:
            result = await client.call_tool(name, dict(arguments))
        except MCPError as error:
            if error.error.code != CONNECTION_CLOSED:
                raise ToolError(f"{self._name} refuses: {error.error.message[:300]}") from None
            fault: Exception = error
        except Exception as error:  # noqa: BLE001  boundary of the library: a loss has many forms
            fault = error
        else:
            template = self.config.answers.get(name, "")
            return _tool_result(self._name, result, template, arguments)
        # The call is not repeated: it may have been carried out.
        self._client = None
        self._is_lost = True
        self._awake.set()
        raise ToolError(f"{self._name} did not answer", advice=_cause(fault))


def _tool_result(
    server: str, result: "CallToolResult", template: str, arguments: Mapping[str, Any]
) -> ToolResult:
    texts = result_texts(result.content)
    text = "\n".join(texts)
    if result.is_error:
        raise ToolError(f"{server} says: {text[:300] or 'it did not work'}")
    spoken = spoken_result(texts, result.structured_content, template, arguments)
    data: dict[str, Any] = {"result": text[:LONGEST_TEXT]}
    if not text and isinstance(result.structured_content, dict):
        data = {"result": result.structured_content}
    return ToolResult(spoken, data)


def _cause(error: BaseException) -> str:
    """The cause in one line; groups of exceptions nest it several levels deep."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:300]


def tool_name(server: str, name: str) -> str:
    """The name of a server's tool in the registry: the server's name before its own."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", f"{server}_{name}")[:LONGEST_NAME]
