"""Answers with text that is made while it is sent, as fast as the client takes it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing

from aiohttp import web

from appliance.errors import ApplianceError

PIECE = 65_536  # characters: half a millisecond


async def streamed(
    request: web.Request,
    pieces: AsyncGenerator[str, None],
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Sends the pieces. An error before the first is answered as any other.

    A later one breaks the connection off, so that nobody takes a part for the whole.
    """
    async with aclosing(pieces) as left:
        first = await anext(left)
        answer = web.StreamResponse(headers=headers)
        answer.content_type, answer.charset = content_type, "utf-8"
        await answer.prepare(request)
        try:
            await answer.write(first.encode())
            async for piece in left:
                await answer.write(piece.encode())
        except ApplianceError:
            if request.transport is not None:
                request.transport.abort()
            return answer
        await answer.write_eof()
        return answer


async def listed(
    name: str, items: Iterable[Mapping[str, object]], rest: Mapping[str, object] | None = None
) -> AsyncGenerator[str, None]:
    """Yields the JSON of `{name: items, **rest}`; between two pieces others have their turn."""
    piece = f'{{"{name}": ['
    for number, item in enumerate(items):
        piece += f"{', ' if number else ''}{json.dumps(item)}"
        if len(piece) > PIECE:
            yield piece
            await asyncio.sleep(0)
            piece = ""
    more = "".join(f', "{key}": {json.dumps(value)}' for key, value in (rest or {}).items())
    yield f"{piece}]{more}}}"
