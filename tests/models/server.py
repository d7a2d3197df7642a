"""Serves a model hub over HTTP on the loopback, with the faults of real ones on demand."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

STEP = 16 * 1024


@dataclass
class Request:
    """A request; `range` is half-open, None for the whole file."""

    path: str
    range: tuple[int, int] | None
    if_range: str
    host: str
    authorization: str


@dataclass
class Hub:
    """Files by path, and how they are served."""

    files: dict[str, bytes] = field(default_factory=dict)
    base: str = ""
    ranges: bool = True
    etag: str = '"one"'
    lengths: bool = True
    content_type: str = "application/octet-stream"
    content_types: dict[str, str] = field(default_factory=dict)  # by path, instead of that
    cuts: list[int] = field(default_factory=list)  # a request each: cut after so many bytes
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # instead of files
    hold_after: int | None = None  # bytes of one request, until `go` or until…
    crowd: int = 10**6  # …so many are served at once
    go: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def handle(self, http: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once >= self.crowd:
            self.go.set()
        try:
            return await self._serve(http)
        except ConnectionResetError:  # the client was killed, or had enough
            return web.Response(status=500)
        finally:
            self.at_once -= 1

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", http.headers.get("Range", ""))
        wanted = (int(asked[1]), int(asked[2]) + 1) if asked else None
        if_range = http.headers.get("If-Range", "")
        host, authorization = http.headers["Host"], http.headers.get("Authorization", "")
        self.requests.append(Request(http.path, wanted, if_range, host, authorization))
        if self.answers:
            status, headers = self.answers.pop(0)
            return web.Response(status=status, headers=headers, text="not now")
        content = self.files.get(http.path)
        if content is None:
            return web.Response(status=404, text="no such file")
        if wanted and self.ranges and if_range in ("", self.etag):
            start, end = wanted[0], min(wanted[1], len(content))
            headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
            answer = web.StreamResponse(status=206, headers=headers)
        else:
            start, end = 0, len(content)
            answer = web.StreamResponse()
        return await self._send(http, answer, content[start:end])

    async def _send(
        self, http: web.Request, answer: web.StreamResponse, body: bytes
    ) -> web.StreamResponse:
        answer.content_type = self.content_types.get(http.path, self.content_type)
        if self.etag:
            answer.headers["ETag"] = self.etag
        if self.lengths:
            answer.content_length = len(body)
        await answer.prepare(http)
        cut = self.cuts.pop(0) if self.cuts else None
        end = len(body) if cut is None else min(cut, len(body))
        for start in range(0, end, STEP):
            sent = min(start + STEP, end)
            await answer.write(body[start:sent])
            if self.hold_after is not None and sent >= self.hold_after:
                await self.go.wait()
        if cut is not None:
            assert http.transport is not None
            http.transport.close()
            return answer
        await answer.write_eof()
        return answer


@asynccontextmanager
async def serving(files: dict[str, bytes] | None = None) -> AsyncIterator[Hub]:
    """A hub on a free port."""
    hub = Hub(files or {})
    app = web.Application()
    app.router.add_get("/{path:.*}", hub.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        hub.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield hub
    finally:
        hub.go.set()
        await runner.cleanup()
