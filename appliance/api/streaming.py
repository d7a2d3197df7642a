"""Answers with text that is made while it is sent, as fast as the client takes it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from aiohttp import web

from appliance.errors import ApplianceError


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
