"""Serves the light connection of a page: server-sent events, in a call or not."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientConnectionError, web

from appliance.api.auth import sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import address
from appliance.errors import BadRequest
from appliance.event_hub import Subscription

# A page that hears nothing for a little longer than this knows that its connection is dead.
KEEP_ALIVE_SECONDS = 10.0
# A client that reads nothing for so long is gone; its place is needed.
WRITE_SECONDS = 20.0

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx passes each event on at once
}


async def stream(request: web.Request) -> web.StreamResponse:
    """GET /api/events: `hello`, then what happens and concerns this client, until either ends."""
    if request.can_read_body:
        raise BadRequest("a request for events has no body")
    identity = sender(request)
    hub = request.app[DEPENDENCIES].hub
    with hub.subscribed(identity.client_id, identity.role, address(request)) as subscription:
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        try:
            await _send(response, _encoded("hello", {"keep_alive": KEEP_ALIVE_SECONDS}))
            await _pass_on(subscription, response)
        except (ClientConnectionError, ConnectionError, TimeoutError):
            _abort(request)
    return response


async def _pass_on(subscription: Subscription, response: web.StreamResponse) -> None:
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                event = await subscription.next()
        except TimeoutError:
            await _send(response, b": alive\n\n")
            continue
        if event is None:
            return
        await _send(response, _encoded(event.topic, event.data))


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


def _encoded(name: str, data: Mapping[str, Any]) -> bytes:
    # JSON escapes line ends, so the data is always one line.
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _abort(request: web.Request) -> None:
    """Closes the connection of a peer that has left or does not read, without writing more."""
    if request.transport is not None:
        request.transport.abort()
