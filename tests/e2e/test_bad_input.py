"""Malformed, oversized and excessive input on the WebSocket: reported, counted, survived."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from appliance import wire
from appliance.audio.format import INPUT_RATE
from appliance.client import Call, calling
from tests.daemon import Daemon, running, speech
from tests.stranger import (
    ask,
    connected,
    deaf_socket,
    masked_frame,
    message,
    new_session,
    next_message,
    raw_message,
    until,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

PCM = b"\x01\x00" * 320


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    overrides = {"APPLIANCE__TURN__MAX_SECONDS": "5", "APPLIANCE__LIMITS__IDLE_SECONDS": "9"}
    async with running(tmp_path_factory.mktemp("appliance"), overrides) as daemon:
        yield daemon


async def answers_a_turn(call: Call) -> None:
    sent = await call.type("what can you do")
    await call.wait_for(lambda a: "I can" in str(a.data.get("text")), since=sent)


BAD_FRAMES: list[tuple[str, bytes | str]] = [
    ("text", "hello"),
    ("text", "{}"),
    ("not_protobuf", b"\xff" * 40),
    ("not_protobuf", wire.encode(wire.Audio(PCM))[:-3]),
    ("unknown_frame", b""),
    ("unknown_frame", wire.encode(wire.Interruption())),
    ("oversized", bytes(wire.MAX_FRAME_BYTES + 1)),
    ("oversized", bytes(1024 * 1024 - 1)),
    ("sample_rate", wire.encode(wire.Audio(PCM, 8_000))),
    ("channels", wire.encode(wire.Audio(PCM, 16_000, 2))),
    ("audio_length", wire.encode(wire.Audio(PCM[:-1]))),
    ("not_json", raw_message("{")),
    ("not_json", raw_message("[1]")),
    ("not_rtvi", raw_message('{"type": "send-text"}')),
    ("unknown_message", message("llm-function-call-result", {"result": 1})),
    ("unknown_message", message("raw-audio", {"base64Audio": ""})),
    ("unknown_message", message("no-such-thing")),
    ("text_content", message("send-text", {"content": ""})),
    ("text_content", message("send-text", {"content": "x" * 5_000})),
]


async def sends_bad_frames(daemon: Daemon, frames: list[tuple[str, bytes | str]]) -> None:
    """Sends bad frames, expects an error with the right code for each, and has a turn after it."""
    async with calling(daemon.base_url) as call:
        for _, data in frames:
            await call.send_raw(data)
        await call.wait_for(lambda _: len(call.after(0, "error")) == len(frames))
        errors = [arrival.data for arrival in call.after(0, "error")]
        assert [error["code"] for error in errors] == [f"malformed_{code}" for code, _ in frames]
        assert all(error["error"] and error["fatal"] is False for error in errors)
        await answers_a_turn(call)


async def test_a_bad_frame_is_reported_counted_and_survived(daemon: Daemon) -> None:
    counted = await daemon.metric("appliance_malformed_frames_total")
    async with calling(daemon.base_url) as other:
        await other.type("what can you do")
        # A session gets five errors a second at most.
        for start in range(0, len(BAD_FRAMES), 5):
            await sends_bad_frames(daemon, BAD_FRAMES[start : start + 5])
            await answers_a_turn(other)
        assert other.after(0, "error") == []
    now = await daemon.metric("appliance_malformed_frames_total")
    assert now == counted + len(BAD_FRAMES)


async def test_a_flood_of_bad_frames_is_counted_and_few_are_answered(daemon: Daemon) -> None:
    counted = await daemon.metric("appliance_malformed_frames_total")
    async with calling(daemon.base_url) as call:
        for _ in range(2_000):
            await call.send_raw(b"\xff")
        await answers_a_turn(call)
        assert len(call.after(0, "error")) < 50
    assert await daemon.metric("appliance_malformed_frames_total") == counted + 2_000


async def test_a_message_too_large_to_read_ends_the_session_and_is_counted(daemon: Daemon) -> None:
    counted = await daemon.metric("appliance_refused_total")
    async with calling(daemon.base_url) as other:
        async with calling(daemon.base_url, microphone=False) as call:
            # The appliance may close before all of it is sent.
            with contextlib.suppress(OSError):
                await call.send_raw(bytes(2 * 1024 * 1024))
            # Unread data resets the connection when the appliance closes it; the client may then
            # miss the close frame.
            too_big, lost = (
                aiohttp.WSCloseCode.MESSAGE_TOO_BIG,
                aiohttp.WSCloseCode.ABNORMAL_CLOSURE,
            )
            assert await call.wait_closed() in (too_big, lost)
        await until(lambda: refused_are(daemon, counted + 1))
        await answers_a_turn(other)


async def test_data_that_is_not_a_websocket_frame_ends_the_session(daemon: Daemon) -> None:
    counted = await daemon.metric("appliance_refused_total")
    session = await new_session(daemon)
    async with calling(daemon.base_url) as other:
        deaf = await deaf_socket(daemon, session["ws_url"])
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(deaf, b"GET / HTTP/1.1\r\n\r\n" * 3)
        await until(lambda: sessions_are(daemon, 1))
        deaf.close()
        await until(lambda: refused_are(daemon, counted + 1))
        await answers_a_turn(other)


async def test_audio_and_text_are_accepted_before_client_ready(daemon: Daemon) -> None:
    session = await new_session(daemon)
    async with connected(daemon, session["ws_url"]) as ws:
        for _ in range(10):
            await ws.send_bytes(wire.encode(wire.Audio(PCM)))
        await ws.send_bytes(message("send-text", {"content": "what can you do"}))
        answer = await next_message(ws, "bot-llm-text")
        assert "I can" in answer["data"]["text"]
        for _ in range(2):
            await ws.send_bytes(message("client-ready", {"version": "2.0.0"}))
            await next_message(ws, "bot-ready")
        await ws.send_bytes(message("send-text", {"content": "what day is it"}))
        await next_message(ws, "bot-llm-text")


@pytest.mark.parametrize(
    "data",
    [{}, {"version": 7}, {"version": "99.0.0"}, {"version": "x"}, {"version": "2.0.0", "about": 3}],
)
async def test_an_odd_client_ready_is_survived(daemon: Daemon, data: dict[str, object]) -> None:
    session = await new_session(daemon)
    async with connected(daemon, session["ws_url"]) as ws:
        await ws.send_bytes(message("client-ready", data))
        await next_message(ws, "bot-ready")


async def test_a_flood_of_messages_is_held_back_at_its_sender(daemon: Daemon) -> None:
    counted = await daemon.metric("appliance_malformed_frames_total")
    async with calling(daemon.base_url) as call, calling(daemon.base_url) as other:
        for _ in range(230):
            # Each is answered, because the field "t" is missing.
            await call.message("client-message", {})
        await answers_a_turn(other)
        error = await call.wait_for(lambda a: a.kind == "error")
        assert error.data["code"] == "malformed_too_fast"
        assert len(call.after(0, "error-response")) < 230
        assert call.close_code is None
        # Ends the session now, with messages still waiting.
        await ask(daemon, "DELETE", f"/api/sessions/{call.session_id}")
    assert await daemon.metric("appliance_malformed_frames_total") > counted


def noise(seconds: float, level: float = 0.15) -> bytes:
    samples = np.random.default_rng(1).normal(0, level, int(seconds * INPUT_RATE))
    return bytes((samples.clip(-1, 1) * 32_767).astype("<i2").tobytes())


def music(seconds: float) -> bytes:
    """Returns chords of sine tones with their overtones, a new one every half second."""
    times = np.arange(int(seconds * INPUT_RATE)) / INPUT_RATE
    samples = np.zeros_like(times)
    chords = itertools.cycle([(262, 330, 392), (294, 370, 440), (247, 311, 370)])
    for start in np.arange(0, seconds, 0.5):
        here = (times >= start) & (times < start + 0.5)
        for hz in next(chords):
            for overtone in (1, 2, 3):
                samples[here] += np.sin(2 * np.pi * hz * overtone * times[here]) / overtone
    return bytes((0.3 * 32_767 * samples / np.abs(samples).max()).astype("<i2").tobytes())


def voiced(pcm: bytes) -> bytes:
    """Returns speech without the silence before and after it."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16)) > 300)
    return pcm[2 * int(loud[0]) : 2 * int(loud[-1])]


async def is_no_turn(daemon: Daemon, pcm: bytes) -> None:
    async with calling(daemon.base_url) as call:
        await call.say(pcm)
        assert call.after(0, "user-transcription") == []
        assert call.after(0, "bot-llm-text") == []


async def is_one_turn(daemon: Daemon, pcm: bytes) -> None:
    async with calling(daemon.base_url) as call:
        before = (await daemon.get("/health"))[1]["resident_bytes"]
        end = await call.say(pcm + bytes(16_000))
        assert [a for a in call.after(0, "user-stopped-speaking") if a.at < end] == []
        await call.wait_for(lambda a: a.kind == "user-stopped-speaking", since=end)
        heard = call.after(0, "user-transcription")
        assert heard
        assert all(arrival.data["text"] for arrival in heard)
        await answers_a_turn(call)
        after = (await daemon.get("/health"))[1]["resident_bytes"]
        assert after - before < 64 * 1024 * 1024


async def test_noise_and_music_are_no_turn_and_speech_without_a_pause_is_one(
    daemon: Daemon,
) -> None:
    """The speech is longer than the longest utterance (5 s here) and the idle limit (9 s)."""
    once = voiced(speech("tell_me_a_story"))
    seconds = 5.5
    await asyncio.gather(
        is_no_turn(daemon, bytes(int(seconds * 32_000))),
        is_no_turn(daemon, noise(seconds)),
        is_no_turn(daemon, music(seconds)),
        is_one_turn(daemon, once * (1 + 11 * 32_000 // len(once))),
    )


async def test_a_flood_of_audio_is_dropped_and_counted(daemon: Daemon) -> None:
    dropped = await daemon.metric("appliance_dropped_total")
    async with calling(daemon.base_url, microphone=False) as call:
        packet = wire.Audio(bytes(32_000))
        for _ in range(30):
            await call.send(packet)
        await answers_a_turn(call)
    assert await daemon.metric("appliance_dropped_total") >= dropped + 20


async def sessions_are(daemon: Daemon, count: int) -> bool:
    return await daemon.metric("appliance_sessions") == count


async def refused_are(daemon: Daemon, count: float) -> bool:
    return await daemon.metric("appliance_refused_total") == count


async def test_a_client_that_does_not_read_loses_only_its_own_audio(
    daemon: Daemon,
) -> None:
    dropped = await daemon.metric("appliance_dropped_total")
    session = await new_session(daemon)
    deaf = await deaf_socket(daemon, session["ws_url"])
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(deaf, masked_frame(message("client-ready", {"version": "2.0.0"})))
        async with calling(daemon.base_url) as other:
            await until(lambda: sessions_are(daemon, 2))

            async def drops() -> bool:
                asked = message("send-text", {"content": "what can you do"})
                await loop.sock_sendall(deaf, masked_frame(asked))
                await answers_a_turn(other)
                return await daemon.metric("appliance_dropped_total") > dropped

            await until(drops)
            assert (
                await ask(daemon, "DELETE", f"/api/sessions/{session['session_id']}")
            ).status == 204
            await until(lambda: sessions_are(daemon, 1))
            await answers_a_turn(other)
    finally:
        deaf.close()
    await until(lambda: sessions_are(daemon, 0))
