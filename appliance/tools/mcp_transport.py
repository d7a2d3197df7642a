"""Leaves the tools out of an MCP server's list that are no tools by the protocol.

The library refuses the whole list for one of them, and with it the server. So each is judged by
itself as the list arrives, and the others stay.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from mcp.client import Transport
    from mcp.client._transport import ReadStream, TransportStreams
    from mcp.shared.message import SessionMessage

log = logging.getLogger(__name__)

_WITHOUT_RESULT_TYPE: Final = "2025-11-25"
_WITH_RESULT_TYPE: Final = "2026-07-28"
"""Versions of the protocol, by which a list is judged where none was agreed on."""


@asynccontextmanager
async def tolerant(transport: "Transport", server: str) -> "AsyncIterator[TransportStreams]":
    """The same transport, on which the lists of tools hold nothing but tools."""
    async with transport as (incoming, outgoing):
        yield _SiftedStream(incoming, server), outgoing


class _SiftedStream:
    """The incoming messages of a transport."""

    def __init__(self, stream: "ReadStream[SessionMessage | Exception]", server: str) -> None:
        self._stream = stream
        self._server = server
        self._version = ""

    async def receive(self) -> "SessionMessage | Exception":
        return self._sifted(await self._stream.receive())

    def _sifted(self, received: "SessionMessage | Exception") -> "SessionMessage | Exception":
        result = getattr(getattr(received, "message", None), "result", None)
        if isinstance(result, dict):
            version = result.get("protocolVersion")
            self._version = version if isinstance(version, str) else self._version
            if isinstance(result.get("tools"), list):
                result["tools"] = [tool for tool in result["tools"] if self._is_tool(tool, result)]
        return received

    def _is_tool(self, tool: Any, result: Mapping[str, Any]) -> bool:  # noqa: ANN401  JSON
        from mcp_types.methods import validate_server_result
        from pydantic import ValidationError

        usual = _WITH_RESULT_TYPE if "resultType" in result else _WITHOUT_RESULT_TYPE
        try:
            validate_server_result(
                "tools/list", self._version or usual, {**result, "tools": [tool]}
            )
        except ValidationError as error:
            name = tool.get("name") if isinstance(tool, dict) else tool
            why = error.errors()[0]
            where = ".".join(str(part) for part in why["loc"][2:])
            log.warning(
                "%s of the MCP server %s is left out: %s: %s",
                *(str(name)[:60], self._server, where, why["msg"]),
            )
            return False
        except KeyError:  # a version that the library does not know, which it does not judge either
            return True
        return True

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "SessionMessage | Exception":
        return self._sifted(await anext(self._stream))

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._stream.__aexit__(kind, error, trace)
