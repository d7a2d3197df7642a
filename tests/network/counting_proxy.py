"""An HTTP proxy on a real port that counts its clients and answers for every host itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

VARIABLES = tuple(
    name for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (upper, upper.lower())
)


@dataclass
class CountingProxy:
    """`requests` are the request lines that reached the proxy: "CONNECT host:443", "GET http:"."""

    url: str
    requests: list[str] = field(default_factory=list)

    def set_in(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        """Names the proxy in the environment of this process, in these variables alone."""
        for name in (*VARIABLES, "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in names:
            monkeypatch.setenv(name, self.url)


@asynccontextmanager
async def counting_proxy() -> AsyncIterator[CountingProxy]:
    """Serves on a free port of the loopback; every request is answered with 502."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        proxy.requests.append(" ".join(head.decode("latin-1").split()[:2]))
        writer.write(b"HTTP/1.1 502 Counted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = CountingProxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield proxy
