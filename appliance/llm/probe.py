"""One word asked of the language model, as in a turn. The daemon asks too: it alone has the key."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.config.schema import LLMConfig
from appliance.llm import providers
from appliance.llm.providers import Address

if TYPE_CHECKING:
    import aiohttp

PATIENCE = 2.0  # times llm.first_token_seconds, at which a turn gives up
REFUSALS = {
    401: "The key is wrong or expired; set {secret} anew.",
    403: "The key may not use this model; see the account of the provider.",
    429: "The account has no credit left or asks too often; see the provider's page.",
}
"""What to do about the answers that every provider gives, by HTTP status."""


class ProbeOutcome(StrEnum):
    """What came of asking."""

    UNCONFIGURED = "unconfigured"
    NO_KEY = "no_key"
    TOKEN = "token"
    REFUSED = "refused"
    GARBAGE = "garbage"
    SILENCE = "silence"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    NOT_ASKED = "not_asked"
    LET_IN = "let_in"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`where` is model and server without any password, `secret` the name of the key it wants.

    `status` is that of HTTP, 0 where none came; `detail` is the cause in the words of a library.
    """

    outcome: ProbeOutcome
    model: str = ""
    where: str = ""
    secret: str = ""
    status: int = 0
    seconds: float = 0.0
    detail: str = ""


async def ask(config: LLMConfig, secrets: Mapping[str, str]) -> ProbeResult:
    """Asks for one token. Never raises for what an endpoint may do."""
    import aiohttp

    chosen = providers.address(config, secrets)
    if chosen is None:
        return ProbeResult(ProbeOutcome.UNCONFIGURED)
    asked = ProbeResult(ProbeOutcome.TOKEN, chosen.model, where(chosen), chosen.secret)
    if chosen.secret and not chosen.key and not providers.is_local(chosen.base_url):
        return replace(asked, outcome=ProbeOutcome.NO_KEY)
    begin = time.monotonic()
    try:
        async with (
            asyncio.timeout(PATIENCE * config.first_token_seconds),
            aiohttp.ClientSession() as http,
        ):
            outcome, status = await _one_token(http, chosen)
            asked = replace(asked, outcome=outcome, status=status)
    except TimeoutError:
        asked = replace(asked, outcome=ProbeOutcome.SILENCE)
    except (aiohttp.ClientError, OSError) as error:
        detail = without_password(str(error), chosen.base_url)
        asked = replace(asked, outcome=ProbeOutcome.UNREACHABLE, detail=detail)
    return replace(asked, seconds=time.monotonic() - begin)


async def _one_token(http: "aiohttp.ClientSession", chosen: Address) -> tuple[ProbeOutcome, int]:
    body = {
        "model": chosen.model,
        "messages": [{"role": "user", "content": "Say yes."}],
        "max_tokens": 1,
        "stream": True,
    }
    # An address may carry a user and a password, and then those are what is shown.
    named = urlsplit(chosen.base_url).username
    headers = {} if named else {"Authorization": f"Bearer {chosen.key or 'none'}"}
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


def without_password(text: str, url: str) -> str:
    password = urlsplit(url).password
    return text.replace(password, "***") if password else text


def where(chosen: Address) -> str:
    parts = urlsplit(chosen.base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{chosen.model} at {parts.hostname}{port}"
