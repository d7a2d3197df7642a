"""The language model: any OpenAI-compatible endpoint, one HTTP client for all sessions."""

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from openai import AsyncOpenAI
from pipecat.services.openai.llm import OpenAILLMService

from appliance.config import Llm

CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider by name: where it listens, which model it serves, which secret it wants."""

    base_url: str
    model: str
    secret: str = ""


PRESETS: Mapping[str, Preset] = {
    "openai": Preset("https://api.openai.com/v1", "gpt-4.1-mini", "OPENAI_API_KEY"),
    "groq": Preset("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", "GROQ_API_KEY"),
    "ollama": Preset("http://127.0.0.1:11434/v1", "llama3.2"),
    # Not llama.cpp's own default port, which is the appliance's in development.
    "llama_cpp": Preset("http://127.0.0.1:8090/v1", "default"),
    "custom": Preset("", "default", "OPENAI_API_KEY"),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the answers come from, and whether asking there leaves the box."""

    base_url: str
    model: str
    client: AsyncOpenAI

    @property
    def left_the_box(self) -> bool:
        return not is_local(self.base_url)

    @property
    def name(self) -> str:
        return f"{self.model} at {urlsplit(self.base_url).netloc}"


def is_local(url: str) -> bool:
    """Whether an address names this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def endpoint(config: Llm, secrets: Mapping[str, str]) -> Endpoint | None:
    """The configured endpoint with its HTTP client; None where no model is configured."""
    if config.provider == "none":
        return None
    preset = PRESETS[config.provider]
    base_url = config.base_url or preset.base_url
    timeout = httpx2.Timeout(config.first_token_seconds, connect=CONNECT_SECONDS)
    client = AsyncOpenAI(
        # The client insists on a key; servers on the box want none.
        api_key=secrets.get(preset.secret) or "none",
        base_url=base_url,
        # A retry inside a turn costs the user more than an honest apology.
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.AsyncClient(
            timeout=timeout, limits=httpx2.Limits(keepalive_expiry=None, max_connections=100)
        ),
    )
    return Endpoint(base_url, config.model or preset.model, client)


def prepare(endpoint: Endpoint) -> None:
    """Imports what the first request would import, on a thread without an event loop: 110 ms.

    openai loads its resources when they are first touched, and the HTTP client's anyio its
    backend when something first waits inside a running loop; hence one that runs for that alone.
    """
    _ = endpoint.client.chat.completions.create

    async def touch() -> None:
        anyio.Event()

    asyncio.run(touch())


class ChatService(OpenAILLMService):
    """Pipecat's chat service on the client that all sessions share."""

    def __init__(self, endpoint: Endpoint, config: Llm, system_prompt: str) -> None:
        self._shared_client = endpoint.client
        super().__init__(
            settings=self.Settings(
                model=endpoint.model,
                system_instruction=system_prompt,
                temperature=config.temperature,
                max_tokens=config.max_tokens,
            )
        )

    # Servers other than OpenAI's do not know the "developer" role.
    supports_developer_role = False

    def create_client(self, *_args: Any, **_kwargs: Any) -> AsyncOpenAI:  # noqa: ANN401  Pipecat's signature
        # Building a client costs tens of milliseconds (TLS trust store), on the event loop.
        return self._shared_client
