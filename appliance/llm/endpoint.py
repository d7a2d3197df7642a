"""Where a language model answers, and the one HTTP client with which all sessions ask it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import httpx2
from openai import AsyncOpenAI

from appliance.config.schema import AlternativeLLMConfig, LLMConfig
from appliance.llm.providers import address, is_local

CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the answers come from, and whether asking there leaves the box."""

    base_url: str
    model: str
    client: AsyncOpenAI
    first_token_seconds: float

    @property
    def left_the_box(self) -> bool:
        return not is_local(self.base_url)

    @property
    def name(self) -> str:
        return f"{self.model} at {urlsplit(self.base_url).netloc.rpartition('@')[2]}"


def endpoint(
    config: LLMConfig | AlternativeLLMConfig, secrets: Mapping[str, str]
) -> Endpoint | None:
    """The configured endpoint with its HTTP client; None where no model is configured."""
    chosen = address(config, secrets)
    if chosen is None:
        return None
    timeout = httpx2.Timeout(config.first_token_seconds, connect=CONNECT_SECONDS)
    client = AsyncOpenAI(
        # The client insists on a key; servers on the box want none.
        api_key=chosen.key or "none",
        base_url=chosen.base_url,
        # A retry inside a turn costs the user more than the next endpoint, or an honest apology.
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.AsyncClient(
            timeout=timeout, limits=httpx2.Limits(keepalive_expiry=None, max_connections=100)
        ),
    )
    return Endpoint(chosen.base_url, chosen.model, client, config.first_token_seconds)


def prepare(endpoint: Endpoint) -> None:
    """Imports what the first request would import, on a thread without an event loop: 110 ms.

    openai loads its resources when they are first touched, and the HTTP client's anyio its
    backend when something first waits inside a running loop; hence one that runs for that alone.
    """
    _ = endpoint.client.chat.completions.create

    async def touch() -> None:
        anyio.Event()

    asyncio.run(touch())
