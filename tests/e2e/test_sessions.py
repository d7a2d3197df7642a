"""The end of sessions: limits, silence, hanging up, and a daemon that stops."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from appliance.client import Call, calling
from tests.daemon import Daemon, running
from tests.stranger import ask, connected, message, new_session, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    overrides = {
        "APPLIANCE__LIMITS__SESSIONS": "2",
        "APPLIANCE__LIMITS__IDLE_SECONDS": "4",
        "APPLIANCE__LIMITS__SESSION_SECONDS": "10",
    }
    async with running(tmp_path_factory.mktemp("appliance"), overrides) as daemon:
        yield daemon


async def no_session_is_open(daemon: Daemon) -> bool:
    return await daemon.metric("appliance_sessions") == 0


async def stored_reason(daemon: Daemon, conversation_id: str) -> str:
    """Returns the stored reason for which the session of a conversation ended."""
    reasons: list[str] = []

    async def is_stored() -> bool:
        _, kept = await daemon.get(f"/api/conversations/{conversation_id}")
        events = kept.get("events", [])
        reasons.extend(e["data"]["reason"] for e in events if e["kind"] == "session_ended")
        return bool(reasons)

    await until(is_stored)
    return reasons[0]


async def close_frame(ws: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
    """Returns the code and the reason with which the appliance closes."""
    async with asyncio.timeout(15):
        while (last := await ws.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
    return last.data, str(last.extra)


async def test_a_session_beyond_the_limit_is_refused_with_advice(daemon: Daemon) -> None:
    await until(lambda: no_session_is_open(daemon))
    async with calling(daemon.base_url) as first, calling(daemon.base_url) as second:
        for call in (first, second):
            sent = await call.type("what day is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        answer = await ask(daemon, "POST", "/api/sessions")
        assert (answer.status, answer.code) == (503, "session_limit")
        assert "limits.sessions" in answer.json["error"]["advice"]
        assert int(answer.headers["Retry-After"]) > 0


async def test_offers_and_silent_sockets_hold_no_place(daemon: Daemon) -> None:
    await until(lambda: no_session_is_open(daemon))
    for _ in range(4):
        await new_session(daemon)
    silent = [await new_session(daemon) for _ in range(2)]
    async with (
        connected(daemon, silent[0]["ws_url"]) as one,
        connected(daemon, silent[1]["ws_url"]) as other,
        calling(daemon.base_url) as call,
    ):
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        frames = await asyncio.gather(close_frame(one), close_frame(other))
        gave_way = (1000, "Nobody was speaking here, and somebody else needed the place.")
        assert gave_way in frames


async def test_idle_time_and_length_end_a_session_with_a_reason(daemon: Daemon) -> None:
    await until(lambda: no_session_is_open(daemon))
    silent, busy = await new_session(daemon), await new_session(daemon)

    async def keep_talking(ws: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await ws.send_bytes(message("send-text", {"content": "what day is it"}))
            await asyncio.sleep(1)

    async with (
        connected(daemon, silent["ws_url"]) as idle,
        connected(daemon, busy["ws_url"]) as long,
    ):
        talking = asyncio.create_task(keep_talking(long))
        code, reason = await close_frame(idle)
        assert (code, reason) == (1000, "Nobody has spoken for a while.")
        code, reason = await close_frame(long)
        assert (code, reason) == (1000, "This session has reached its longest time.")
        talking.cancel()
    await until(lambda: no_session_is_open(daemon))
    assert await stored_reason(daemon, silent["conversation_id"]) == "idle"
    assert await stored_reason(daemon, busy["conversation_id"]) == "too_long"


async def test_a_session_waits_for_the_timer_that_runs(tmp_path: Path) -> None:
    """The timer runs for longer than a session may be idle; afterwards the session ends idle."""
    async with running(tmp_path, {"APPLIANCE__LIMITS__IDLE_SECONDS": "4"}) as daemon:
        async with calling(daemon.base_url) as call:
            sent = await call.type("set a timer for seven seconds")
            await call.wait_for(lambda a: a.data.get("state") == "rang", since=sent)
            await call.wait_for(lambda a: "is done" in str(a.data.get("text")), since=sent)
            assert await call.wait_closed() == 1000
        assert await stored_reason(daemon, call.conversation_id) == "idle"


async def test_a_session_ended_over_http_gets_the_reason(daemon: Daemon) -> None:
    session = await new_session(daemon)
    async with connected(daemon, session["ws_url"]) as ws:
        place = f"/api/sessions/{session['session_id']}"
        assert (await ask(daemon, "DELETE", place)).status == 204
        assert await close_frame(ws) == (1000, "The conversation was ended.")
    await until(lambda: no_session_is_open(daemon))
    assert await stored_reason(daemon, session["conversation_id"]) == "hung_up"


async def test_clients_that_leave_at_once_leave_no_task_behind(daemon: Daemon) -> None:
    for _ in range(10):
        session = await new_session(daemon)
        async with connected(daemon, session["ws_url"]):
            pass
        await until(lambda: no_session_is_open(daemon))
    # Requests make garbage; when it is collected, Python complains of tasks that were lost.
    for _ in itertools.repeat(None, 400):
        await ask(daemon, "GET", "/nothing")
    assert [line for line in daemon.log if "was destroyed" in line] == []


def events(daemon: Daemon, conversation_id: str) -> list[dict[str, Any]]:
    """Returns the committed events of a conversation, from the command line."""
    import json

    exported = daemon.command_line("conversations", "export", conversation_id)
    assert exported.returncode == 0, exported.stderr
    found: list[dict[str, Any]] = json.loads(exported.stdout)["events"]
    return found


async def starts_to_speak(call: Call, asked: str) -> float:
    sent = await call.type(asked)
    await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=sent)
    return sent


async def test_a_stop_waits_for_the_sentence_being_spoken(tmp_path: Path) -> None:
    overrides = {"APPLIANCE__SERVER__DRAIN_SECONDS": "20"}
    async with (
        running(tmp_path, overrides) as daemon,
        calling(daemon.base_url) as call,
        calling(daemon.base_url) as silent,
    ):
        async with calling(daemon.base_url) as leaving:
            await starts_to_speak(leaving, "what can you do")
            sent = await starts_to_speak(call, "what day is it")
        # The sentence of the client that has just left is not waited for.
        daemon.process.send_signal(signal.SIGTERM)
        await call.wait_for(lambda a: a.data.get("type") == "notice", since=sent)
        refused = await ask(daemon, "POST", "/api/sessions")
        assert (refused.status, refused.code) == (503, "session_limit")
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
        assert await call.wait_closed() == 1001
        assert await silent.wait_closed() == 1001
        assert await daemon.stop() == 0
    assert "still speaking" not in "".join(daemon.log)
    kept = events(daemon, call.conversation_id)
    assert kept[-1]["data"] == {"reason": "shutdown"}
    answer = next(event["data"] for event in kept if event["kind"] == "answer")
    assert answer["interrupted"] is False
    written = "".join(a.data["text"] for a in call.after(sent, "bot-llm-text"))
    assert answer["text"].split() == written.split()


async def test_a_second_signal_and_a_long_answer_do_not_delay_a_stop(tmp_path: Path) -> None:
    overrides = {"APPLIANCE__SERVER__DRAIN_SECONDS": "0.2"}
    async with running(tmp_path, overrides) as daemon, calling(daemon.base_url) as call:
        sent = await starts_to_speak(call, "what can you do")
        # While it is stopped, so that both arrive together however busy the machine is.
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            daemon.process.send_signal(number)
        assert await call.wait_closed() == 1001
        assert call.after(sent, "bot-stopped-speaking") == []
        assert await daemon.stop() == 0
    kept = events(daemon, call.conversation_id)
    assert kept[-1]["data"] == {"reason": "shutdown"}
    # The part of the answer that was heard is stored.
    written = "".join(a.data["text"] for a in call.after(sent, "bot-llm-text"))
    heard = next(event["data"]["text"] for event in kept if event["kind"] == "answer")
    assert written.startswith(heard)
    assert len(heard) < len(written)


async def test_a_stop_while_models_load_ends_the_daemon(tmp_path: Path) -> None:
    async with running(tmp_path, until="/health") as daemon:
        early = await ask(daemon, "POST", "/api/sessions")
        assert (early.status, early.code) == (503, "not_ready")
        assert await daemon.stop() == 0
