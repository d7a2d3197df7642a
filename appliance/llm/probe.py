"""Probes of the language model and the Realtime server for the self-test.

The daemon runs them on behalf of the self-test where the key is readable by the daemon alone.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.config.loader import Config
from appliance.llm import providers
from appliance.llm.providers import Address
from appliance.llm.served_model import managed_address
from appliance.network.addresses import is_on_this_machine
from appliance.network.proxies import ProxyRules

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_FACTOR: Final = 2.0
"""Times llm.first_token_seconds, after which a turn gives up."""
REALTIME_SECONDS: Final = 5.0
"""A connection that takes longer is too slow for a conversation."""
_SHORTEST_KEY: Final = 20
"""Characters; every key of OpenAI's is longer."""
REFUSALS: Final = {
    401: "The key is wrong or expired; set {secret} anew.",
    403: "The key may not use this model; see the account of the provider.",
    429: "The account has no credit left or asks too often; see the provider's page.",
}
"""Advice by HTTP status, for statuses that mean the same at every provider."""


class ProbeOutcome(StrEnum):
    """The result of a probe; the value is what the control socket transmits."""

    UNCONFIGURED = "unconfigured"
    NO_KEY = "no_key"
    TOKEN = "token"
    REFUSED = "refused"
    GARBAGE = "garbage"
    SILENCE = "silence"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    NOT_ASKED = "not_asked"
    SESSION_OPENED = "let_in"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The outcome of a probe and what it was sent to.

    `where` is model and server without a password, `secret` the name of the key. `status` is the
    HTTP status, 0 if there was none; `detail` is the cause as the HTTP library states it.
    """

    outcome: ProbeOutcome
    model: str = ""
    where: str = ""
    secret: str = ""
    status: int = 0
    seconds: float = 0.0
    detail: str = ""


async def probe_llm(config: Config, secrets: Mapping[str, str]) -> ProbeResult:
    """Asks the language model for one token, as a turn would. A failure is a result."""
    import aiohttp

    chosen = managed_address(config) or providers.address(config.llm, secrets)
    if chosen is None:
        return ProbeResult(ProbeOutcome.UNCONFIGURED)
    result = ProbeResult(ProbeOutcome.TOKEN, chosen.model, _place(chosen), chosen.secret)
    if chosen.secret and not chosen.key and not is_on_this_machine(chosen.base_url):
        return replace(result, outcome=ProbeOutcome.NO_KEY)
    begin = time.monotonic()
    try:
        async with (
            asyncio.timeout(TIMEOUT_FACTOR * config.llm.first_token_seconds),
            _session() as http,
        ):
            outcome, status = await _one_token(http, chosen)
            result = replace(result, outcome=outcome, status=status)
    except TimeoutError:
        result = replace(result, outcome=ProbeOutcome.SILENCE)
    except (aiohttp.ClientError, OSError) as error:
        detail = _without_password(str(error), chosen.base_url)
        result = replace(result, outcome=ProbeOutcome.UNREACHABLE, detail=detail)
    return replace(result, seconds=time.monotonic() - begin)


async def _one_token(http: "aiohttp.ClientSession", chosen: Address) -> tuple[ProbeOutcome, int]:
    body = {
        "model": chosen.model,
        "messages": [{"role": "user", "content": "Say yes."}],
        "max_tokens": 1,
        "stream": True,
    }
    # A URL with user and password authenticates with those.
    has_user = urlsplit(chosen.base_url).username
    headers = {} if has_user else {"Authorization": f"Bearer {chosen.key or 'none'}"}
    async with http.post(
        f"{chosen.base_url}/chat/completions", json=body, headers=headers
    ) as answer:
        if answer.status != 200:
            return ProbeOutcome.REFUSED, answer.status
        async for line in answer.content:
            if line.startswith(b"data:") and not line.startswith(b"data: [DONE]"):
                return (ProbeOutcome.TOKEN if _is_chunk(line) else ProbeOutcome.GARBAGE), 200
    return ProbeOutcome.GARBAGE, 200


def _is_chunk(line: bytes) -> bool:
    try:
        return "choices" in json.loads(line.removeprefix(b"data:"))
    except (ValueError, TypeError):
        return False


async def probe_realtime(config: Config, secrets: Mapping[str, str]) -> ProbeResult:
    """Opens a Realtime session and closes it again, if `fallback.policy` allows asking.

    No audio or text is sent. A failure is a result.
    """
    import aiohttp

    chosen = providers.realtime(config.realtime, secrets)
    result = ProbeResult(ProbeOutcome.SESSION_OPENED, chosen.model, _place(chosen), chosen.secret)
    if not chosen.key:
        return replace(result, outcome=ProbeOutcome.NO_KEY)
    if not looks_like_a_key(chosen.key, of_openai=not config.realtime.base_url):
        return replace(result, outcome=ProbeOutcome.MALFORMED)
    if config.fallback.policy == "off":
        return replace(result, outcome=ProbeOutcome.NOT_ASKED)
    begin = time.monotonic()
    try:
        async with asyncio.timeout(REALTIME_SECONDS), _session() as http:
            result = replace(result, outcome=await _first_event(http, chosen))
    except TimeoutError:
        result = replace(result, outcome=ProbeOutcome.SILENCE)
    except aiohttp.WSServerHandshakeError as refused:
        result = replace(result, outcome=ProbeOutcome.REFUSED, status=refused.status)
    except (aiohttp.ClientError, OSError) as error:
        detail = _without_password(str(error), chosen.base_url)
        result = replace(result, outcome=ProbeOutcome.UNREACHABLE, detail=detail)
    return replace(result, seconds=time.monotonic() - begin)


def looks_like_a_key(key: str, *, of_openai: bool) -> bool:
    """Whether `key` has the shape of OpenAI's; another server's key must only fit into a header."""
    if not (key.isascii() and key.isprintable()) or any(sign in key for sign in " \"'"):
        return False
    return not of_openai or (key.startswith("sk-") and len(key) >= _SHORTEST_KEY)


async def _first_event(http: "aiohttp.ClientSession", chosen: Address) -> ProbeOutcome:
    headers = {"api-key": chosen.key}
    if not urlsplit(chosen.base_url).username:
        # A URL with user and password authenticates with those.
        headers["Authorization"] = f"Bearer {chosen.key}"
    url = f"{chosen.base_url}?model={chosen.model}"
    async with http.ws_connect(url, headers=headers) as socket:
        try:
            first = await socket.receive_json()
        except (TypeError, ValueError):  # a binary message, or invalid JSON
            return ProbeOutcome.GARBAGE
    kind = first.get("type") if isinstance(first, dict) else None
    return ProbeOutcome.SESSION_OPENED if kind == "session.created" else ProbeOutcome.GARBAGE


def _session() -> "aiohttp.ClientSession":
    import aiohttp

    return aiohttp.ClientSession(trust_env=True, middlewares=(ProxyRules().middleware,))


def _without_password(text: str, url: str) -> str:
    password = urlsplit(url).password
    return text.replace(password, "***") if password else text


def _place(chosen: Address) -> str:
    """Model and server, for people."""
    parts = urlsplit(chosen.base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{chosen.model} at {parts.hostname}{port}"
