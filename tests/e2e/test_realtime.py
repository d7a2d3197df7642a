"""The Realtime route of a real appliance, against a scripted Realtime server."""

import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance import wire
from appliance.client import Call, calling, packets
from appliance.errors import SessionError
from appliance.voice.realtime.connection import CONNECTION_LOST
from appliance.voice.route_runner import LOCAL_NOTICE, REALTIME_NOTICE
from tests.agents.test_daemon import hears_out
from tests.chat_server import ChatServer, Trouble, chat_server
from tests.daemon import Daemon, running, speech
from tests.realtime_server import Call as ToolCall
from tests.realtime_server import Drop, RealtimeServer, Reply, Script, realtime_server
from tests.stranger import until

pytestmark = pytest.mark.slow

MCP_SERVER = Path(__file__).parents[1] / "tools" / "mcp_server.py"
KEY = "sk-this-is-nobody-s-business"
REALTIME = {"route": "realtime"}


def allowed(server: RealtimeServer, policy: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": KEY,
        "APPLIANCE__FALLBACK__POLICY": policy,
        # An address that counts as another machine's.
        "APPLIANCE__REALTIME__BASE_URL": server.base_url.replace("127.0.0.1", "0.0.0.0"),
    }


def asking(chat: ChatServer) -> dict[str, str]:
    return {"APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": chat.base_url}


@asynccontextmanager
async def far(
    state: Path, script: Script, **settings: str
) -> AsyncIterator[tuple[RealtimeServer, Daemon]]:
    """Runs a Realtime server that counts as outside, and an appliance that may use it."""
    async with realtime_server(script) as server:
        changes = {f"APPLIANCE__REALTIME__{key.upper()}": value for key, value in settings.items()}
        overrides = {**allowed(server, "on_failure"), **changes}
        async with running(state, overrides) as daemon:
            yield server, daemon


def answer_text(call: Call, since: float) -> str:
    return "".join(arrival.data["text"] for arrival in call.after(since, "bot-llm-text"))


async def answered(call: Call, since: float, words: str) -> None:
    await call.wait_for(lambda _: words in answer_text(call, since))
    await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=since)


async def heard_out(call: Call, since: float) -> None:
    """Waits until the last word of the answer was spoken, after any notices."""
    await call.wait_for(
        lambda _: _aloud(call, since).endswith(answer_text(call, since).strip() or "?")
    )
    spoken = call.after(since, "bot-tts-text")[-1].at
    await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=spoken)


async def kept(daemon: Daemon, call: Call) -> dict[str, Any]:
    """Returns the stored conversation, once its session is over."""
    found: list[dict[str, Any]] = []

    async def is_over() -> bool:
        _, conversation = await daemon.get(f"/api/conversations/{call.conversation_id}")
        found.append(conversation)
        return "session_ended" in [event["kind"] for event in conversation["events"]]

    await until(is_over)
    return found[-1]


async def test_speech_is_answered_with_speech(tmp_path: Path) -> None:
    settings = {"model": "gpt-x", "voice": "cedar", "temperature": "0.8", "max_tokens": "77"}
    async with far(tmp_path, lambda _: "It is far away.", **settings) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.say(speech("what_time_is_it"))
            await answered(call, sent, "far away.")
            route = next(a.data for a in call.after(0, "server-message"))
            assert (route["route"], route["left_the_box"]) == ("realtime", True)
            heard = next(a.data["text"] for a in call.after(0, "user-transcription"))
            assert heard == server.hears
        turn = (await kept(daemon, call))["turns"][0]
        assert (turn["user_text"], turn["answer"]) == (server.hears, "It is far away.")
        assert (turn["route"], turn["left_the_box"]) == ("realtime", True)
        session = server.sessions[0]
        assert session["audio"]["output"]["voice"] == "cedar"
        assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
        assert session["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
        assert (session["temperature"], session["max_output_tokens"]) == (0.8, 77)
        assert "voice assistant" in session["instructions"]
        assert len(server.used) == 1
        assert (set(server.models), set(server.keys)) == ({"gpt-x"}, {f"Bearer {KEY}"})
        assert KEY not in json.dumps([await kept(daemon, call), await daemon.get("/config")])
        assert KEY not in "".join(daemon.log)


async def test_wishes_about_voice_language_and_speed_reach_the_server(tmp_path: Path) -> None:
    def script(said: str) -> Reply:
        if said == "slower":
            return ToolCall("change_speed", {"faster": False})
        return ToolCall("set_language", {"language": "French"}) if said == "french" else "Voilà."

    wishes = {**REALTIME, "voice": "alloy", "language": "de"}
    async with far(tmp_path, script) as (server, daemon):
        async with calling(daemon.base_url, options=wishes) as call:
            for said in ("slower", "french"):
                sent = await call.type(said)
                await answered(call, sent, "Voilà.")
        first = server.of_type("session.update")[0]["session"]
        assert first["audio"]["output"]["voice"] == "alloy"
        assert first["audio"]["input"]["transcription"]["language"] == "de"
        assert "answer in German" in first["instructions"]
        changes = [event["session"] for event in server.of_type("session.update")[1:]]
        slower = next(one for one in changes if one.get("audio", {}).get("output"))
        assert slower["audio"]["output"] == {"speed": 0.85}
        french = next(one for one in changes if "French" in one.get("instructions", ""))
        assert french["audio"]["input"]["transcription"]["language"] == "fr"


async def test_a_spoken_question_is_sent_once_even_with_a_long_answer(tmp_path: Path) -> None:
    """Its transcript arrives while the answer is being spoken."""
    story = " ".join(["It is far away, and nobody has ever gone there on foot."] * 4)
    async with far(tmp_path, lambda _: story) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.say(speech("what_time_is_it"))
            await answered(call, sent, story)
        turns = (await kept(daemon, call))["turns"]
    assert [(turn["user_text"], turn["answer"]) for turn in turns] == [(server.hears, story)]
    assert server.of_type("conversation.item.create") == []
    assert server.of_type("response.create") == []


async def test_an_answer_that_arrives_with_the_question_is_not_interrupted(tmp_path: Path) -> None:
    """As after a stalled network, when the server's events arrive together."""
    said = speech("what_time_is_it") + bytes(2 * 32_000)
    async with far(tmp_path, lambda _: "It is far away.") as (_, daemon):
        async with calling(daemon.base_url, options=REALTIME, microphone=False) as call:
            sent = time.monotonic()
            for packet in packets(said):
                await call.send(wire.Audio(packet))
            await answered(call, sent, "It is far away.")
        events = (await kept(daemon, call))["events"]
    (answer,) = [event["data"] for event in events if event["kind"] == "answer"]
    assert (answer["text"], answer["interrupted"]) == ("It is far away.", False)


async def test_a_tool_is_called_and_its_result_answered(tmp_path: Path) -> None:
    def script(said: str) -> Reply:
        return f"I see: {said}" if said.startswith("{") else ToolCall("get_time", {})

    async with far(tmp_path, script) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.type("what time is it")
            await answered(call, sent, "spoken")
        assert "get_time" in [tool["name"] for tool in server.sessions[0]["tools"]]
        events = [(e["kind"], e["data"].get("via")) for e in (await kept(daemon, call))["events"]]
        assert ("tool_call", "model") in events


def turns_on_the_light(said: str) -> Reply:
    """Calls the tool whatever the user says, like a model that takes a yes for a command."""
    return JOKE if said.startswith("{") else ToolCall("home_turn_on", {"room": "kitchen"})


async def said_in(daemon: Daemon, words: str) -> bool:
    return any(words in line for line in daemon.log)


JOKE = "Would you like to hear a joke?"
QUESTION = "Shall I use home turn on, with room kitchen?"


@asynccontextmanager
async def with_a_light(
    state: Path, script: Script
) -> AsyncIterator[tuple[RealtimeServer, Daemon, Path]]:
    """A Realtime model with a tool that needs a yes, and the file of the tool's calls."""
    calls = state / "calls"
    program = ["/usr/bin/env", f"CALLS={calls}", sys.executable, str(MCP_SERVER), "stdio"]
    async with realtime_server(script) as server:
        home = {"COMMAND": json.dumps(program), "ALLOW": '["turn_on"]', "REALTIME": "true"}
        tools = {f"APPLIANCE__TOOLS__MCP__HOME__{key}": value for key, value in home.items()}
        async with running(state, {**allowed(server, "on_failure"), **tools}) as daemon:
            await until(lambda: said_in(daemon, "MCP server home offers"), 60)
            yield server, daemon, calls


@pytest.mark.parametrize("aloud", [True, False], ids=["spoken", "typed"])
async def test_only_the_users_yes_confirms_and_the_tool_runs_once(
    tmp_path: Path, aloud: bool
) -> None:
    async with with_a_light(tmp_path, turns_on_the_light) as (server, daemon, calls):
        async with calling(daemon.base_url, options=REALTIME) as call:
            server.hears = "turn on the light in the kitchen"
            asked = await call.say(speech("turn_on_the_kitchen_light"))
            await hears_out(call, QUESTION, asked)
            # The appliance asks, and the model says nothing of its own.
            assert JOKE not in _aloud(call, asked)
            assert not calls.exists()
            server.hears = "yes please"
            server.script = lambda said: f"Told: {said}" if "light" in said else "Hm."
            said = await (call.say(speech("stop")) if aloud else call.type("yes please"))
            await answered(call, said, "is on.")
        events = (await kept(daemon, call))["events"]
    assert calls.read_text().splitlines() == ["turn_on kitchen"]
    used = [(e["data"]["tool"], e["data"]["via"]) for e in events if e["kind"] == "tool_call"]
    assert used == [("home_turn_on", "model"), ("confirm", "sentence")]


async def test_no_other_yes_confirms(tmp_path: Path) -> None:
    """A yes over the question, after other words, to the model's own question, and a second one."""
    async with (
        with_a_light(tmp_path, turns_on_the_light) as (server, daemon, calls),
        calling(daemon.base_url, options=REALTIME) as call,
    ):
        sent = await call.type("I would like some light")
        await call.wait_for(lambda _: "Shall I" in _aloud(call, sent), since=sent)
        server.script = lambda _: JOKE
        sent = await call.type("yes")
        await answered(call, sent, JOKE)
        sent = await call.type("yes")
        await answered(call, sent, JOKE)

        server.script = turns_on_the_light
        sent = await call.type("I would like some light")
        await hears_out(call, QUESTION, sent)
        server.script = lambda _: "Say yes to continue."
        sent = await call.type("what a nice day")
        await answered(call, sent, "Say yes to continue.")
        sent = await call.type("yes")
        await answered(call, sent, "Say yes to continue.")
        assert not calls.exists()

        server.script = turns_on_the_light
        sent = await call.type("I would like some light")
        await hears_out(call, QUESTION, sent)
        server.script = lambda said: f"Told: {said}" if "light" in said else "Hm."
        sent = await call.type("yes")
        await answered(call, sent, "is on.")
        sent = await call.type("yes")
        await answered(call, sent, "Hm.")
    assert calls.read_text().splitlines() == ["turn_on kitchen"]


async def test_speech_over_an_answer_interrupts_it(tmp_path: Path) -> None:
    story = " ".join(f"word{number}" for number in range(80))  # eight seconds
    async with far(tmp_path, lambda _: story) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.type("tell me a story")
            await call.wait_for(lambda _: "word5" in _aloud(call, sent))
            server.script = lambda _: "As you like."
            begun = time.monotonic()
            await call.say(speech("stop"))
            await call.wait_for(lambda a: a.kind == "interruption", since=begun)
            await answered(call, begun, "As you like.")
        conversation = await kept(daemon, call)
    answers = [e["data"] for e in conversation["events"] if e["kind"] == "answer"]
    assert answers[0]["interrupted"]
    # Only the words that were heard are stored; the server learns how much that was.
    assert "word5" in answers[0]["text"]
    assert "word79" not in answers[0]["text"]
    assert server.of_type("conversation.item.truncate")[0]["audio_end_ms"] < 8_000


async def test_a_timer_rings_and_is_stored(tmp_path: Path) -> None:
    def script(said: str) -> Reply:
        return "It is set." if said.startswith("{") else ToolCall("set_timer", {"seconds": 1})

    async with far(tmp_path, script) as (_, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.type("set a timer for one second")
            await answered(call, sent, "It is set.")
            rang = await call.wait_for(lambda _: "timer is done" in _aloud(call, sent))
            await call.wait_for(
                lambda a: a.kind == "audio" and any(getattr(a.frame, "pcm", b"")), since=sent
            )
            shown = [a.data for a in call.after(sent, "server-message") if "timer" in str(a.data)]
            assert shown, rang
        assert "timer_rang" in [e["kind"] for e in (await kept(daemon, call))["events"]]


async def test_the_appliance_may_detect_the_end_of_the_turn(tmp_path: Path) -> None:
    async with far(tmp_path, lambda _: "It is far away.", turn_detection="local") as (s, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.say(speech("what_time_is_it"))
            await answered(call, sent, "far away.")
        assert s.sessions[0]["audio"]["input"]["turn_detection"] is None
        assert s.of_type("input_audio_buffer.commit")


async def test_a_lost_connection_is_opened_again_with_the_conversation_so_far(
    tmp_path: Path,
) -> None:
    replies: list[Reply] = ["It is far away.", Drop("Very"), "As I said: very far."]
    async with far(tmp_path, lambda _: replies.pop(0)) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.type("how far away is the moon")
            await answered(call, sent, "far away.")
            sent = await call.type("really")
            await call.wait_for(lambda _: CONNECTION_LOST in _aloud(call, sent))
            again = await call.wait_for(lambda _: "very far." in answer_text(call, sent))
            spoken = call.after(sent, "bot-tts-text")
            lost = next(a.at for a in spoken if CONNECTION_LOST in a.data["text"])
            # About one attempt; on a busy machine each further one may take as long.
            assert again.at - lost < 2 * (len(server.lines) - 1)
            assert _aloud(call, sent).count(CONNECTION_LOST) == 1
        assert len(server.used) == 2
        given = server.of_type("conversation.item.create")[-1]["item"]
        assert given["role"] == "system"
        for words in ("how far away is the moon", "It is far away.", "really"):
            assert words in given["content"][0]["text"]


def _aloud(call: Call, since: float) -> str:
    return " ".join(arrival.data["text"] for arrival in call.after(since, "bot-tts-text"))


async def test_with_policy_off_there_is_no_realtime_route(tmp_path: Path) -> None:
    async with realtime_server(lambda _: "It is far away.") as server:
        overrides = {"OPENAI_API_KEY": KEY, "APPLIANCE__REALTIME__BASE_URL": server.base_url}
        async with running(tmp_path, overrides) as daemon:
            with pytest.raises(SessionError, match="not open"):
                async with calling(daemon.base_url, options=REALTIME):
                    pass
        assert not server.keys


async def test_a_turn_that_the_local_model_cannot_answer_is_answered_outside(
    tmp_path: Path,
) -> None:
    async with (
        chat_server(lambda _: Trouble(status=500)) as chat,
        realtime_server(lambda said: f"You asked {said}.") as server,
        running(tmp_path, {**allowed(server, "on_failure"), **asking(chat)}) as daemon,
    ):
        async with calling(daemon.base_url) as call:
            assert call.session["route"] == "local"
            sent = await call.type("how far away is the moon")
            await answered(call, sent, "You asked how far away is the moon.")
            messages = [a.data for a in call.after(0, "server-message")]
            routes = [data["route"] for data in messages if data["type"] == "route"]
            assert (routes[0], routes[-1]) == ("local", "realtime")
            notices = [data["message"] for data in messages if data["type"] == "notice"]
            assert notices == [REALTIME_NOTICE]
            assert _aloud(call, sent).startswith(REALTIME_NOTICE)
            # The next turn, by voice, uses that route at once.
            server.hears = "and the sun"
            end = await call.say(speech("what_time_is_it"))
            await answered(call, end, "You asked and the sun.")
        assert len(chat.requests) == 1
        turns = (await kept(daemon, call))["turns"]
        assert [turn["user_text"] for turn in turns] == ["how far away is the moon", "and the sun"]
        assert [(turn["route"], turn["left_the_box"]) for turn in turns] == [("realtime", True)] * 2
        assert await daemon.metric("appliance_reroutes_total") >= 1


async def test_a_server_that_opens_no_session_is_left(tmp_path: Path) -> None:
    async with (
        chat_server(lambda _: "It is far away.") as chat,
        realtime_server(lambda _: "Hello.") as server,
        running(
            tmp_path,
            {
                **allowed(server, "always"),
                **asking(chat),
                "APPLIANCE__REALTIME__FIRST_TOKEN_SECONDS": "0.5",
            },
        ) as daemon,
    ):
        server.greeting = ""
        async with calling(daemon.base_url) as call:
            sent = await call.type("how far away is the moon")
            await answered(call, sent, "It is far away.")


async def test_the_local_route_answers_where_the_realtime_server_fails(tmp_path: Path) -> None:
    async with (
        chat_server(lambda _: "It is far away.") as chat,
        realtime_server(lambda _: Drop("Well")) as server,
        running(tmp_path, {**allowed(server, "always"), **asking(chat)}) as daemon,
        calling(daemon.base_url) as call,
    ):
        assert call.session["route"] == "realtime"
        sent = await call.type("how far away is the moon")
        await answered(call, sent, "It is far away.")
        messages = [a.data for a in call.after(sent, "server-message")]
        assert [data["message"] for data in messages if data["type"] == "notice"] == [LOCAL_NOTICE]
        assert [data["route"] for data in messages if data["type"] == "route"][-1] == "local"


async def test_a_question_without_a_transcript_is_answered_from_its_audio(
    tmp_path: Path,
) -> None:
    async with (
        realtime_server(lambda _: Drop()) as server,
        running(tmp_path, allowed(server, "always")) as daemon,
    ):
        server.transcribes = False
        async with calling(daemon.base_url) as call:
            assert call.session["route"] == "realtime"
            end = await call.say(speech("what_time_is_it"))
            await heard_out(call, end)
            messages = [a.data for a in call.after(0, "server-message")]
            assert [data["route"] for data in messages if data["type"] == "route"][-1] == "local"
        [turn] = (await kept(daemon, call))["turns"]
        assert (turn["user_text"], turn["left_the_box"]) == ("what time is it", True)
        assert turn["answer"].startswith("It is ")


async def test_a_question_without_a_transcript_is_sent_again_as_audio(tmp_path: Path) -> None:
    replies: list[Reply] = ["It is far away.", Drop()]
    async with far(tmp_path, lambda _: replies.pop()) as (server, daemon):
        server.transcribes = False
        async with calling(daemon.base_url, options=REALTIME) as call:
            end = await call.say(speech("what_time_is_it"))
            await answered(call, end, "It is far away.")
        assert len(server.used) == 2
        # The server ended the first turn itself; the second was committed by the appliance.
        assert len(server.of_type("input_audio_buffer.commit")) == 1


async def test_a_question_that_another_route_answers_is_stored_once(tmp_path: Path) -> None:
    async with (
        chat_server(lambda _: "It is far away.") as chat,
        realtime_server(lambda _: Drop()) as server,
        running(tmp_path, {**allowed(server, "always"), **asking(chat)}) as daemon,
    ):
        async with calling(daemon.base_url) as call:
            sent = await call.type("how far away is the moon")
            await heard_out(call, sent)
        [turn] = (await kept(daemon, call))["turns"]
        assert turn["user_text"] == "how far away is the moon"
        assert turn["answer"] == "It is far away."


async def test_a_question_outlasts_a_short_outage_of_the_server(tmp_path: Path) -> None:
    replies: list[Reply] = ["It is far away.", Drop()]

    def script(_: str) -> Reply:
        reply = replies.pop()
        server.refuse = 503 if isinstance(reply, Drop) else 0
        return reply

    async with far(tmp_path, script) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            sent = await call.type("how far away is the moon")

            async def was_refused() -> bool:
                return server.refused > 0

            await until(was_refused)
            server.refuse = 0
            await answered(call, sent, "It is far away.")
        assert not replies
        assert len(server.used) == 2


async def test_a_new_connection_gets_no_results_of_tools_that_it_did_not_call(
    tmp_path: Path,
) -> None:
    """The server knows only its own calls; the result of another one is an error that ends it."""

    def script(said: str) -> Reply:
        if said.startswith("{"):
            return "I see."
        return Drop() if said == "really" and len(server.used) == 1 else ToolCall("get_time", {})

    async with far(tmp_path, script) as (server, daemon):
        async with calling(daemon.base_url, options=REALTIME) as call:
            for question in ("what time is it", "really"):
                sent = await call.type(question)
                await answered(call, sent, "I see.")
        assert len(server.used) == 2
        items = [event["item"] for event in server.of_type("conversation.item.create")]
        results = [item["call_id"] for item in items if item["type"] == "function_call_output"]
        assert len(results) == 2
