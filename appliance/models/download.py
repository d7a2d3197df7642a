"""Downloads one file over HTTP: in ranges, several at once, resuming an interrupted attempt."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol

from appliance.errors import SourceChanged, SourceMissing, SourceUnreachable
from appliance.models.http_client import connection_error, without_credentials
from appliance.models.partial_file import PartialFile, Span

if TYPE_CHECKING:
    import aiohttp

_ATTEMPTS: Final = 6  # in a row that bring nothing new; with their pauses, a quarter of a minute
_LONGEST_PAUSE: Final = 300.0  # seconds; a server that asks for more ends the download
_FIRST_PAUSE, _LONGEST_OWN_PAUSE = 0.5, 8.0
# Timed out, too early, too many requests, server errors: another attempt may do better.
_TRANSIENT_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

_CHUNK: Final = 2**18
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


class DownloadProgress(Protocol):
    """Shows a person how far a download is."""

    def start(self, label: str, total: int | None, done: int) -> None:
        """Begins a step of `total` bytes, of which `done` are here already."""

    def update(self, done: int, total: int | None) -> None:
        """`done` bytes of the step are here."""

    def message(self, text: str) -> None:
        """Prints a line that stays."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """The connections at once, the bytes that each asks for in one request, and the retries.

    Four connections fill a line on which a hub throttles each of them, and do not burden it.
    `attempts` is how many in a row may bring nothing new before the server is given up.
    """

    connections: int = 4
    piece: int = 32 * 2**20
    attempts: int = _ATTEMPTS
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class _AttemptFailed(Exception):
    """An attempt ended early; another may do better, after `wait` seconds if the server said so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Transfer:
    """Fills one partial file from one address; used once."""

    def __init__(
        self,
        http: "aiohttp.ClientSession",
        url: str,
        partial: PartialFile,
        options: TransferOptions,
        progress: DownloadProgress,
    ) -> None:
        self._http = http
        self._url = url
        self._shown = without_credentials(url)
        self._partial = partial
        self._options = options
        self._progress = progress
        self._connections = options.connections

    async def run(self) -> None:
        """Returns when every byte is there.

        Raises SourceUnreachable, SourceMissing, SourceChanged, or OSError from the disk.
        """
        fruitless, most = 0, self._partial.received
        while not self._partial.complete:
            try:
                await self._attempt()
            except _AttemptFailed as failure:
                fruitless = 0 if self._partial.received > most else fruitless + 1
                most = max(most, self._partial.received)
                if fruitless >= self._options.attempts or (failure.wait or 0) > _LONGEST_PAUSE:
                    raise SourceUnreachable(
                        f"{self._shown} could not be fetched: {failure}"
                    ) from failure
                await self._options.sleep(pause_before_retry(fruitless, failure.wait))

    async def _attempt(self) -> None:
        """Makes one request, and where the server sends ranges, further ones beside it."""
        pieces = iter(self._partial.missing(self._options.piece))
        first = next(pieces, (0, self._partial.total))
        async with self._request(*first) as response:
            if response.status == 200:  # it knows no ranges, or its content has changed
                self._partial.restart(response.content_length, _validator(response))
                await self._receive(response, 0, self._partial.total)
                self._partial.end_of_body()
                return
            if not self._partial.validator:
                self._partial.validator = _validator(response)
            await self._receive_ranges(response, first, pieces)

    async def _receive_ranges(
        self,
        response: "aiohttp.ClientResponse",
        first: tuple[int, int | None],
        pieces: Iterator[Span],
    ) -> None:
        """Receives the first piece from `response`; all connections share the rest."""
        failures: list[_AttemptFailed] = []

        async def request_rest() -> None:
            try:
                for start, end in pieces:
                    async with self._request(start, end) as other:
                        if other.status != 206:
                            raise _AttemptFailed("the server no longer sends ranges")
                        await self._receive(other, start, end)
            except _AttemptFailed as failure:
                failures.append(failure)  # the other connections go on

        async def receive_first() -> None:
            try:
                await self._receive(response, *first)
            except _AttemptFailed as failure:
                failures.append(failure)
            else:
                await request_rest()

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(receive_first())
                for _ in range(self._connections - 1):
                    group.create_task(request_rest())
        except ExceptionGroup as several:
            raise several.exceptions[0] from several
        if failures:
            raise max(failures, key=lambda failure: failure.wait or 0)

    @asynccontextmanager
    async def _request(
        self, start: int, end: int | None
    ) -> AsyncIterator["aiohttp.ClientResponse"]:
        """The checked response to a request for start..end; translates aiohttp's errors."""
        import aiohttp  # here, because it takes long and the other commands do without

        whole = start == 0 and end == self._partial.total
        headers = {} if whole or end is None else {"Range": f"bytes={start}-{end - 1}"}
        if headers and self._partial.validator:
            headers["If-Range"] = self._partial.validator
        try:
            async with self._http.get(self._url, headers=headers) as response:
                self._check_status(response)
                self._check_length(response, start, end)
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            raise SourceUnreachable(
                f"{self._shown}: the certificate of the server is not to be trusted: {error}",
                advice="Is the clock of this machine right? Is there a proxy that looks inside?",
            ) from error
        except aiohttp.InvalidURL as error:
            raise SourceMissing(
                f"{self._shown} is no address", advice="See models.mirror."
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _AttemptFailed(connection_error(error)) from error

    def _check_status(self, response: "aiohttp.ClientResponse") -> None:
        if response.status in _TRANSIENT_STATUS:
            self._connections = 1  # it may object to the number of them
            wait = retry_after(response.headers)
            raise _AttemptFailed(f"the server answers {response.status} {response.reason}", wait)
        if response.status == 416:
            self._partial.restart(None, "")
            raise _AttemptFailed("the server has other bytes than those that had arrived")
        if response.status not in (200, 206):
            raise SourceMissing(
                f"{self._shown} cannot be had: {response.status} {response.reason}",
                advice="Does models.mirror serve these files? Empty, it means the original hub.",
            )
        if response.content_type == "text/html":
            raise SourceChanged(
                f"{self._shown} is a web page, not a model",
                advice="Is there a portal between here and the internet that wants a login?",
            )

    def _check_length(
        self, response: "aiohttp.ClientResponse", start: int, end: int | None
    ) -> None:
        total = response.content_length
        if response.status == 206:
            sent = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
            if not sent or (int(sent[1]), int(sent[2]) + 1) != (start, end):
                raise _AttemptFailed("the server sends another range than it was asked for")
            total = int(sent[3])
        expected = self._partial.expected_total
        if expected is not None and total not in (None, expected):
            raise SourceChanged(
                f"{self._shown} has {total} bytes where {expected} were expected",
                advice="The mirror or a proxy sends something else. Nothing of it was kept.",
            )
        if response.status == 206 and total != self._partial.total:
            self._partial.restart(total, "")
            raise _AttemptFailed("the file has changed on the server")

    async def _receive(
        self, response: "aiohttp.ClientResponse", start: int, end: int | None
    ) -> None:
        """Writes the body from `start` on; raises if it ends before or after `end`."""
        async for chunk in response.content.iter_chunked(_CHUNK):
            if end is not None and start + len(chunk) > end:
                raise _AttemptFailed("the server sends more than it was asked for")
            self._partial.write(start, chunk)
            start += len(chunk)
            self._progress.update(self._partial.received, self._partial.total)
        if end is not None and start < end:
            raise _AttemptFailed(f"the connection was cut {end - start} bytes before the end")


def _validator(response: "aiohttp.ClientResponse") -> str:
    """The If-Range value that tells this content from a later one: a strong ETag, else a date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def pause_before_retry(fruitless: int, requested: float | None) -> float:
    """Seconds to wait after `fruitless` attempts without a new byte, at least `requested`."""
    own = min(_LONGEST_OWN_PAUSE, _FIRST_PAUSE * float(2 ** max(0, fruitless - 1)))
    return own if requested is None else max(own, requested)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or a date; None without one.

    A date counts from the server's own (Date), because the clock of a board may be years off.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        moment, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return max(0.0, (_in_utc(moment) - _in_utc(now)).total_seconds())


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
