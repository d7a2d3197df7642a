"""An endpoint of a language model and the HTTP client that all sessions share to ask it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import anyio
import httpx2
from openai import AsyncOpenAI

from appliance.config.schema import AlternativeLLMConfig, LLMConfig
from appliance.llm.providers import Address, address
from appliance.llm.slots import SlotLeases
from appliance.network.addresses import is_on_this_machine
from appliance.network.proxies import ProxiedTransport

CONNECT_SECONDS = 3.0
LONGEST_BODY: Final = 4_194_304
"""Bytes of a response."""
UNBOUNDED: Final = 10**9
"""For an endpoint whose context is not known: llm.context_tokens is the limit then."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A chat-completions endpoint, which has `first_token_seconds` to begin an answer.

    `left_the_box`: words sent there leave this machine.
    """

    base_url: str
    model: str
    client: AsyncOpenAI
    first_token_seconds: float
    left_the_box: bool
    is_starting: Callable[[], bool] = lambda: False
    """Whether its server is on its way, so that an error means "not yet"."""
    is_off: Callable[[], bool] = lambda: False
    """Whether its server is stopped on purpose, so that an error means "there is none"."""
    prefills: bool = False
    """Whether it keeps the beginning of a prompt computed, for what follows it."""
    slots: SlotLeases | None = None
    """The slots of its server, where a session may choose one."""
    history_tokens: Callable[[], int] = lambda: UNBOUNDED
    """The most that a conversation may take of its context, beside prompt, tools and answer."""

    @property
    def name(self) -> str:
        """Model and server, without user or password."""
        return f"{self.model} at {urlsplit(self.base_url).netloc.rpartition('@')[2]}"


class BoundedTransport(httpx2.AsyncBaseTransport):
    """A transport whose responses, errors included, end after `longest_body` bytes.

    A longer one raises httpx2.ReadError.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, longest_body: int) -> None:
        self._transport = transport
        self._longest_body = longest_body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _BoundedBody(response.stream, self._longest_body)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _BoundedBody(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream, longest: int) -> None:
        self._body = body
        self._left = longest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = aiter(self._body)
        try:
            async for data in body:
                self._left -= len(data)
                if self._left < 0:
                    raise httpx2.ReadError("the body of the response is too long")
                yield data
        finally:
            # Left to the garbage collector, it would be closed while the connection is in use.
            if isinstance(body, AsyncGenerator):
                await body.aclose()

    async def aclose(self) -> None:
        await self._body.aclose()


def configured_endpoint(
    config: LLMConfig | AlternativeLLMConfig,
    secrets: Mapping[str, str],
    longest_body: int = LONGEST_BODY,
) -> Endpoint | None:
    """The configured endpoint with its HTTP client; None if no model is configured.

    `longest_body`: bytes of a response.
    """
    chosen = address(config, secrets)
    return endpoint_at(chosen, config.first_token_seconds, longest_body) if chosen else None


def endpoint_at(
    chosen: Address, first_token_seconds: float, longest_body: int = LONGEST_BODY
) -> Endpoint:
    """The endpoint at an address with its HTTP client."""
    # How long an answer may take to read is limited word by word (answer_reader).
    timeout = httpx2.Timeout(first_token_seconds, connect=CONNECT_SECONDS, read=None)
    client = AsyncOpenAI(
        # The client insists on a key; local servers need none.
        api_key=chosen.key or "none",
        base_url=chosen.base_url,
        # A retry inside a turn costs the user more time than the next endpoint or an apology.
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.AsyncClient(
            timeout=timeout,
            # A compressed body would be longer than its bytes.
            headers={"Accept-Encoding": "identity"},
            transport=BoundedTransport(
                ProxiedTransport(httpx2.Limits(keepalive_expiry=None, max_connections=100)),
                longest_body,
            ),
        ),
    )
    leaves = not is_on_this_machine(chosen.base_url)
    return Endpoint(chosen.base_url, chosen.model, client, first_token_seconds, leaves)


def warm_up(endpoint: Endpoint) -> None:
    """Imports what the first request would import (110 ms). Call it on a thread without a loop.

    openai loads its resources on first access, and anyio loads its backend when something first
    waits inside a running loop; hence the loop that runs for this alone.
    """
    _ = endpoint.client.chat.completions.create

    async def load_backend() -> None:
        anyio.Event()

    asyncio.run(load_backend())
