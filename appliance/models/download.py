"""One file over HTTP: in ranges, several at once, going on where an earlier attempt was cut off."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from appliance.errors import DownloadFailed
from appliance.models import patience
from appliance.models.partial_file import Partial
from appliance.models.spans import Span

if TYPE_CHECKING:
    import aiohttp

_CHUNK: Final = 2**18
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")
_KEPT = "What has arrived is kept; the same command goes on from there."


class DownloadProgress(Protocol):
    """Where a person sees how far it is."""

    def begin(self, what: str, total: int | None, done: int) -> None:
        """A new piece of work, in bytes."""

    def reach(self, done: int, total: int | None) -> None:
        """How far it is."""

    def say(self, text: str) -> None:
        """A line that stays."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are fetched: that many connections at once, each asking for `piece` bytes.

    Four connections fill a line that a hub throttles one by one, and are no burden to it.
    """

    connections: int = 4
    piece: int = 32 * 2**20
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class _Cut(Exception):
    """The attempt ended early; another one may do better."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class Transfer:
    """Fills one partial file from one address; used once."""

    def __init__(
        self,
        http: "aiohttp.ClientSession",
        url: str,
        partial: Partial,
        manner: Manner,
        progress: DownloadProgress,
    ) -> None:
        self._http = http
        self._url = url
        self._partial = partial
        self._manner = manner
        self._progress = progress
        self._connections = manner.connections

    async def run(self) -> None:
        """Returns when every byte is there. Raises DownloadFailed, or OSError from the disk."""
        fruitless, most = 0, self._partial.have
        while not self._partial.complete:
            try:
                await self._attempt()
            except _Cut as cut:
                fruitless = 0 if self._partial.have > most else fruitless + 1
                most = max(most, self._partial.have)
                if fruitless >= patience.ATTEMPTS or (cut.wait or 0) > patience.LONGEST:
                    raise DownloadFailed(
                        f"{self._url} could not be fetched: {cut}",
                        advice=f"Is the network there? {_KEPT}",
                    ) from cut
                await self._manner.sleep(patience.pause(fruitless, cut.wait))

    async def _attempt(self) -> None:
        """One answer, and where it comes in ranges, further ones beside it."""
        gaps = iter(self._partial.missing(self._manner.piece))
        first = next(gaps, (0, self._partial.total))
        async with self._answer(*first) as answer:
            if answer.status == 200:  # no ranges here, or other content than before
                self._partial.restart(answer.content_length, _validator(answer))
                await self._drink(answer, 0, self._partial.total)
                self._partial.ended()
                return
            if not self._partial.validator:
                self._partial.validator = _validator(answer)
            await self._beside(answer, first, gaps)

    async def _beside(
        self, answer: "aiohttp.ClientResponse", first: tuple[int, int | None], gaps: Iterator[Span]
    ) -> None:
        cuts: list[_Cut] = []

        async def rest() -> None:
            try:
                for start, end in gaps:
                    async with self._answer(start, end) as other:
                        if other.status != 206:
                            raise _Cut("the server no longer sends ranges")
                        await self._drink(other, start, end)
            except _Cut as cut:
                cuts.append(cut)  # the other connections go on

        async def begun() -> None:
            try:
                await self._drink(answer, *first)
            except _Cut as cut:
                cuts.append(cut)
            else:
                await rest()

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(begun())
                for _ in range(self._connections - 1):
                    group.create_task(rest())
        except ExceptionGroup as several:
            raise several.exceptions[0] from several
        if cuts:
            raise max(cuts, key=lambda cut: cut.wait or 0)

    @asynccontextmanager
    async def _answer(self, start: int, end: int | None) -> AsyncIterator["aiohttp.ClientResponse"]:
        """The answer to a request for start..end, checked; foreign errors become ours."""
        import aiohttp  # here, because it takes long and the other commands do without

        whole = start == 0 and end == self._partial.total
        headers = {} if whole or end is None else {"Range": f"bytes={start}-{end - 1}"}
        if headers and self._partial.validator:
            headers["If-Range"] = self._partial.validator
        try:
            async with self._http.get(self._url, headers=headers) as answer:
                self._check(answer)
                self._check_length(answer, start, end)
                yield answer
        except aiohttp.ClientConnectorCertificateError as error:
            raise DownloadFailed(
                f"{self._url}: the certificate of the server is not to be trusted: {error}",
                advice="Is the clock of this machine right? Is there a proxy that looks inside?",
            ) from error
        except aiohttp.InvalidURL as error:
            raise DownloadFailed(
                f"{self._url} is no address", advice="See models.mirror."
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Cut(str(error) or "the server fell silent") from error

    def _check(self, answer: "aiohttp.ClientResponse") -> None:
        if answer.status in patience.PASSING:
            self._connections = 1  # it may be the number of them that it does not like
            wait = patience.wished(answer.headers, datetime.now(UTC))
            raise _Cut(f"the server answers {answer.status} {answer.reason}", wait)
        if answer.status == 416:
            self._partial.restart(None, "")
            raise _Cut("the server has other bytes than those that had arrived")
        if answer.status not in (200, 206):
            raise DownloadFailed(
                f"{self._url} cannot be had: {answer.status} {answer.reason}",
                advice="Does models.mirror serve these files? Empty, it means the original hub.",
            )
        if answer.content_type == "text/html":
            raise DownloadFailed(
                f"{self._url} is a web page, not a model",
                advice="Is there a portal between here and the internet that wants a login?",
            )

    def _check_length(self, answer: "aiohttp.ClientResponse", start: int, end: int | None) -> None:
        total = answer.content_length
        if answer.status == 206:
            found = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
            if not found or (int(found[1]), int(found[2]) + 1) != (start, end):
                raise _Cut("the server sends another range than it was asked for")
            total = int(found[3])
        if self._partial.promised is not None and total not in (None, self._partial.promised):
            raise DownloadFailed(
                f"{self._url} has {total} bytes where {self._partial.promised} were expected",
                advice="The mirror or a proxy sends something else. Nothing of it was kept.",
            )
        if answer.status == 206 and total != self._partial.total:
            self._partial.restart(total, "")
            raise _Cut("the file has changed on the server")

    async def _drink(self, answer: "aiohttp.ClientResponse", start: int, end: int | None) -> None:
        """Writes the body from `start` on; all of it must come, and nothing more."""
        async for chunk in answer.content.iter_chunked(_CHUNK):
            if end is not None and start + len(chunk) > end:
                raise _Cut("the server sends more than it was asked for")
            self._partial.write(start, chunk)
            start += len(chunk)
            self._progress.reach(self._partial.have, self._partial.total)
        if end is not None and start < end:
            raise _Cut(f"the connection was cut {end - start} bytes before the end")


def _validator(answer: "aiohttp.ClientResponse") -> str:
    """What tells this content from a later one: a strong ETag, else the date of change."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
