"""A session of the self-test: a client like any other, for as long as it takes.

The household's tokens are not the self-test's to use. So the appliance, asked on its control
socket, lets a visitor in: a client of its own that may talk and nothing else, and comes in by the
front door, through nginx. When it leaves, the client and what was said are forgotten; what a
self-test left that was killed is forgotten by the next one.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from appliance.client import Call, calling
from appliance.errors import ApplianceError
from appliance.selftest import site_client
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import DaemonClient


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client in a session; `way` is how it came in, in words."""

    call: Call
    way: str


@asynccontextmanager
async def session(facts: CheckContext, daemon: DaemonClient) -> AsyncIterator[Visitor]:
    """A session in English, ready to talk, through nginx where there is one.

    Raises ApplianceError where the appliance refuses, and what aiohttp raises where it is not
    reached.
    """
    guest = await daemon.enter()
    wishes = {"language": "en", "conversation_id": guest.prefix + uuid.uuid4().hex}
    try:
        if facts.site:
            address, tls, socket = (
                await site_client.address(facts, facts.site),
                site_client.trust(facts.site),
                "",
            )
            way = f"through nginx at {address}"
        else:
            address, tls, socket = daemon.base_url, None, daemon.socket
            way = "past nginx, which is not here,"
        async with calling(
            address, token=guest.token, wishes=wishes, tls=tls, socket=socket
        ) as call:
            yield Visitor(call, way)
    finally:
        with suppress(ApplianceError):  # it is gone, and then the next self-test tidies up
            await daemon.leave()
