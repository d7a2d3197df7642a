"""The Realtime server's door, tried with the key. The daemon tries too: it alone has the key."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.config.loader import Config
from appliance.llm import providers
from appliance.llm.probe import ProbeOutcome, ProbeResult, where, without_password
from appliance.llm.providers import Address

if TYPE_CHECKING:
    import aiohttp

SECONDS: Final = 5.0
"""A door that takes longer to open is none to wait at in a conversation."""
_SHORTEST: Final = 20
"""Characters; every key of OpenAI's has more."""


async def knock(config: Config, secrets: Mapping[str, str]) -> ProbeResult:
    """Opens a session and closes it again, where the policy lets anybody be asked.

    Nothing is said in it. Never raises for what a server may do.
    """
    import aiohttp

    chosen = providers.realtime(config.realtime, secrets)
    asked = ProbeResult(ProbeOutcome.LET_IN, chosen.model, where(chosen), chosen.secret)
    if not chosen.key:
        return replace(asked, outcome=ProbeOutcome.NO_KEY)
    if not looks_like_a_key(chosen.key, of_openai=not config.realtime.base_url):
        return replace(asked, outcome=ProbeOutcome.MALFORMED)
    if config.fallback.policy == "off":
        return replace(asked, outcome=ProbeOutcome.NOT_ASKED)
    begin = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as http:
            asked = replace(asked, outcome=await _greeting(http, chosen))
    except TimeoutError:
        asked = replace(asked, outcome=ProbeOutcome.SILENCE)
    except aiohttp.WSServerHandshakeError as refused:
        asked = replace(asked, outcome=ProbeOutcome.REFUSED, status=refused.status)
    except (aiohttp.ClientError, OSError) as error:
        detail = without_password(str(error), chosen.base_url)
        asked = replace(asked, outcome=ProbeOutcome.UNREACHABLE, detail=detail)
    return replace(asked, seconds=time.monotonic() - begin)


def looks_like_a_key(key: str, *, of_openai: bool) -> bool:
    """Whether it has the shape of one; of other servers' keys only that they fit into a header."""
    if not (key.isascii() and key.isprintable()) or any(sign in key for sign in " \"'"):
        return False
    return not of_openai or (key.startswith("sk-") and len(key) >= _SHORTEST)


async def _greeting(http: "aiohttp.ClientSession", chosen: Address) -> ProbeOutcome:
    headers = {"api-key": chosen.key}
    if not urlsplit(chosen.base_url).username:
        # An address may carry a user and a password, and then those are what is shown.
        headers["Authorization"] = f"Bearer {chosen.key}"
    url = f"{chosen.base_url}?model={chosen.model}"
    async with http.ws_connect(url, headers=headers) as socket:
        try:
            first = await socket.receive_json()
        except (TypeError, ValueError):  # no text, or text that is no JSON
            return ProbeOutcome.GARBAGE
    said = first.get("type") if isinstance(first, dict) else None
    return ProbeOutcome.LET_IN if said == "session.created" else ProbeOutcome.GARBAGE
