"""Answers that are made while they are sent are whole, or break off."""

import json
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from appliance.api.streaming import PIECE, listed, streamed
from appliance.errors import NotFound, StoreError


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_list_comes_in_pieces(number: int) -> None:
    items = [{"text": "x" * PIECE, "number": one} for one in range(number)]
    pieces = [piece async for piece in listed("turns", items, {"before": None, "name": "é"})]
    assert len(pieces) == number + 1
    assert json.loads("".join(pieces)) == {"turns": items, "before": None, "name": "é"}


async def broken(after: int, error: Exception) -> AsyncGenerator[str, None]:
    for _ in range(after):
        yield "word "
    raise error


async def test_an_error_after_the_first_piece_breaks_the_connection_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await streamed(request, broken(2, StoreError("it cannot be read")), "text/plain")

    app = web.Application()
    app.router.add_get("/", answer)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as http,
        http.get(server.make_url("/")) as answered,
    ):
        assert answered.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answered.read()


async def test_an_error_before_the_first_piece_is_an_answer() -> None:
    found: list[Exception] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await streamed(request, broken(0, NotFound("there is none")), "text/plain")
        except NotFound as error:
            found.append(error)
            return web.Response(status=404)

    app = web.Application()
    app.router.add_get("/", answer)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as http,
        http.get(server.make_url("/")) as answered,
    ):
        assert answered.status == 404
    assert len(found) == 1
