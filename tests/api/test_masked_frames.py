"""Frames that are not masked end a WebSocket; masked ones arrive, however they are cut."""

import asyncio

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from appliance.api.masked_frames import FrameHeaders
from appliance.api.websocket import AiohttpSocket
from tests.api.test_websocket import serving
from tests.stranger import masked_frame

FRAMES = st.builds(masked_frame, st.binary(max_size=300), st.sampled_from([1, 2, 8, 9, 10]))
SIZES = (0, 125, 126, 65_535, 65_536)

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
UNMASKED = b"\x82\x05hello"
PROTOCOL_ERROR = b"\x88\x02\x03\xea"  # a close frame with 1002


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.lists(FRAMES), st.integers(1, 50))
def test_masked_frames_pass_however_they_are_cut(frames: list[bytes], size: int) -> None:
    headers = FrameHeaders()
    assert all(headers.all_masked(piece) for piece in cut(b"".join(frames), size))


@given(st.lists(FRAMES), st.integers(1, 50))
def test_one_unmasked_frame_is_found_however_it_is_cut(frames: list[bytes], size: int) -> None:
    headers = FrameHeaders()
    stream = b"".join(frames) + UNMASKED
    assert not all(headers.all_masked(piece) for piece in cut(stream, size))


def test_lengths_of_every_form_are_followed() -> None:
    stream = b"".join(masked_frame(b"\x00" * size) for size in SIZES)
    assert FrameHeaders().all_masked(stream)
    assert not FrameHeaders().all_masked(stream + UNMASKED)


async def echo(request: web.Request) -> web.StreamResponse:
    ours = AiohttpSocket(lambda reason: None)
    response = await ours.prepare(request)
    while (message := await ours.receive()) is not None:
        await ours.send(message if isinstance(message, bytes) else message.encode())
    ours.release()
    return response


async def all_answered(port: int, *pieces: bytes) -> bytes:
    """What a peer is sent from its handshake to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number, piece in enumerate(pieces):
        if number:
            await reader.readuntil(b"\r\n\r\n")  # of the handshake
        writer.write(piece)
    async with asyncio.timeout(10):
        answered = await reader.read()
    writer.close()
    return answered


async def test_an_unmasked_frame_closes_the_connection() -> None:
    async with serving(echo) as (_, port):
        assert PROTOCOL_ERROR in await all_answered(port, HANDSHAKE, UNMASKED)


async def test_one_that_comes_with_the_handshake_does_so_too() -> None:
    async with serving(echo) as (_, port):
        assert PROTOCOL_ERROR in await all_answered(port, HANDSHAKE + UNMASKED)


async def test_masked_frames_are_answered() -> None:
    async with serving(echo) as (_, port):
        stream = masked_frame(b"hello") + masked_frame(b"\x03\xe8", opcode=8)
        answered = await all_answered(port, HANDSHAKE, stream)
    assert b"\x82\x05hello" in answered
    assert PROTOCOL_ERROR not in answered
