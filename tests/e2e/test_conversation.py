"""Spoken conversations with a real process over a real socket, with real speech."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import wire
from appliance.client import calling, packets
from tests.chat_server import Call, chat_server
from tests.daemon import FIXTURES, MICRO_MODELS, command, running, sound, speech


async def test_the_starter_engines_answer_the_time(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        end = await call.say(speech("what_time_is_it"))
        heard = await call.wait_for(lambda a: a.kind == "user-transcription", since=end)
        assert heard.data["text"] == "what time is it"
        await call.wait_for(lambda a: a.kind == "audio", since=end)
        answer = await call.wait_for(lambda a: a.kind == "bot-llm-text", since=end)
        assert answer.data["text"].startswith("It is ")
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=end)
        _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
    # The tool has run ahead of the turn's end, and counts once, as a part of the turn.
    kinds = [event["kind"] for event in kept["events"] if "tool" in event["data"]]
    assert kinds == ["tool_call", "tool_result"]
    assert [event["turn"] for event in kept["events"] if "tool" in event["data"]] == [1, 1]


async def test_piper_answers_whatever_voice_is_configured(tmp_path: Path) -> None:
    model = FIXTURES / "micro_piper" / "en_US-micro-low.onnx"
    piper = {"APPLIANCE__TTS__ENGINE": "piper", "APPLIANCE__TTS__MODEL": str(model)}
    async with running(tmp_path, piper) as daemon, calling(daemon.base_url) as call:
        _, health = await daemon.get("/health")
        assert health["engines"]["tts"]["name"] == "piper en_US-micro-low cpu"
        sent = await call.type("what time is it")
        await call.wait_for(lambda a: a.kind == "audio", since=sent)
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
        sent = await call.type("use another voice")
        only = await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        assert only.data["text"] == "I have only this one voice."


async def test_a_model_answers_and_calls_tools(tmp_path: Path) -> None:
    def script(messages: list[dict[str, object]]) -> str | Call:
        if messages[-1]["role"] == "tool":
            return "It is done. Your timer runs."
        return Call("set_timer", {"minutes": 3, "name": "tea"})

    async with chat_server(script) as chat:
        overrides = {
            **MICRO_MODELS,
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
        }
        async with running(tmp_path, overrides) as daemon, calling(daemon.base_url) as call:
            end = await call.say(command("turn_on_the_kitchen_light"))
            timer = await call.wait_for(lambda a: a.data.get("type") == "timer", since=end)
            assert timer.data["name"] == "tea"
            await call.wait_for(lambda a: "Your timer runs" in str(a.data.get("text")), since=end)
            await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=end)
        assert chat.requests[0]["stream"] is True
        assert "set_timer" in {tool["function"]["name"] for tool in chat.requests[0]["tools"]}


@pytest.mark.slow
async def test_a_short_pause_does_not_end_a_turn(tmp_path: Path) -> None:
    sentence = speech("set_a_timer_for_five_seconds")
    # 130 ms of silence where the voice is quietest near the middle: too short to end a turn, long
    # enough to begin a speculative transcription.
    middle = min(
        range(len(sentence) * 4 // 10, len(sentence) * 6 // 10, 320), key=_energy(sentence)
    )
    broken = sentence[:middle] + bytes(int(0.13 * 32_000)) + sentence[middle:]
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        end = await call.say(broken)
        timer = await call.wait_for(lambda a: a.data.get("state") == "set", since=end - 3)
        assert (timer.data["name"], timer.data["seconds"]) == ("", 5)
        rang = await call.wait_for(lambda a: a.data.get("state") == "rang", since=end)
        await call.wait_for(lambda a: a.kind == "audio", since=rang.at)
        assert len(call.after(0, "user-transcription")) == 1


def _energy(pcm: bytes) -> Callable[[int], int]:
    samples = memoryview(pcm).cast("h")
    return lambda at: sum(abs(sample) for sample in samples[at // 2 : at // 2 + 160])


@pytest.mark.slow
async def test_no_audio_is_sent_after_an_interruption(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        end = await call.say(speech("what_can_you_do"))
        started = await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=end)
        asked = await call.say(speech("what_time_is_it"))
        stopped = await call.wait_for(lambda a: a.kind == "interruption", since=started.at)
        heard = await call.wait_for(lambda a: a.kind == "user-transcription", since=asked)
        await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=asked)
        assert [a for a in call.after(stopped.at, "audio") if a.at < heard.at] == []


@pytest.mark.slow
@pytest.mark.alone
async def test_a_back_channel_does_not_stop_an_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        end = await call.say(speech("what_can_you_do"))
        started = await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=end)
        await call.say(sound("murmur"))
        held = await call.wait_for(lambda a: a.kind == "interruption", since=started.at)
        # Audio is held back meanwhile; then the rest of it follows.
        resumed = await call.wait_for(lambda a: a.kind == "audio", since=held.at + 0.1)
        over = await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=resumed.at)
        assert over.at - resumed.at > 1
        assert len(call.after(0, "user-transcription")) == 1
        await call.say(speech("what_time_is_it"))
        await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=over.at)
        _, conversation = await daemon.get(f"/api/conversations/{call.conversation_id}")
    events = [(event["kind"], event["data"]) for event in conversation["events"]]
    assert "not_meant" in [kind for kind, _ in events]
    answer = next(data for kind, data in events if kind == "answer")
    assert not answer["interrupted"]
    assert answer["text"].endswith((".", "?"))


@pytest.mark.slow
async def test_speech_that_arrives_in_a_burst_is_transcribed_completely(tmp_path: Path) -> None:
    """As after a network that stalled for a moment."""
    said = speech("what_is_the_capital_of_france") + bytes(2 * 32_000)
    async with running(tmp_path) as daemon, calling(daemon.base_url, microphone=False) as call:
        sent = time.monotonic()
        for packet in packets(said):
            await call.send(wire.Audio(packet))
        heard = await call.wait_for(lambda a: a.kind == "user-transcription", since=sent)
        assert heard.data["text"] == "what is the capital of france"


@pytest.mark.slow
async def test_a_stalled_network_does_not_end_a_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        saying = asyncio.create_task(call.say(speech("what_is_the_capital_of_france")))
        await call.wait_for(lambda a: a.kind == "user-started-speaking")
        call.microphone_on = False
        await asyncio.sleep(1.5)
        call.microphone_on = True
        await saying
        heard = await call.wait_for(lambda a: a.kind == "user-transcription")
        assert heard.data["text"] == "what is the capital of france"
