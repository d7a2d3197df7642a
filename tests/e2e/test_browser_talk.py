"""Spoken conversations in a real browser, from the microphone to the loudspeaker."""

import asyncio
import json
import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from appliance.conversation import EventKind
from tests.chat_server import chat_server
from tests.daemon import MICRO_MODELS, command, speech
from tests.e2e.browser import PHONE, Visit, browser_for, visiting, write_microphone
from tests.e2e.browser_appliance import Place, installed
from tests.e2e.browser_barge_in import Sample, barge_ins

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# The end-to-end budget, from the onset of the user's voice to the end of the assistant's.
BARGE_IN_MS = 300.0

INTERRUPTED = "document.querySelectorAll('#log [data-state=interrupted]').length"
LAST_WORDS = "[...document.querySelectorAll('#log .main')].at(-1).innerText"

# Notes the words that are shown while somebody speaks and may still change.
WATCH_INTERIM = """
window.interim = [];
new MutationObserver(() => {
  const words = document.querySelector('#log .entry.interim .extra')?.innerText;
  if (words && window.interim.at(-1) !== words) window.interim.push(words);
}).observe(document.body, { subtree: true, childList: true, characterData: true });
"""

FORECAST = (
    "In Paris it will be sunny in the morning, with a little wind from the west. "
    "In the evening some rain may fall, so take an umbrella."
)


async def take_pictures(visit: Visit, directory: Path) -> None:
    """Takes pictures of the page during a conversation, at the sizes of a desktop and a phone."""
    desktop = visit.page.viewport_size
    assert desktop
    await visit.page.evaluate("document.activeElement.blur()")
    await visit.page.screenshot(path=directory / "page.png")
    if picture := os.environ.get("APPLIANCE_SCREENSHOT"):
        Path(picture).write_bytes((directory / "page.png").read_bytes())
    await visit.page.set_viewport_size(PHONE)
    await visit.until("innerWidth < 500 && document.body.scrollHeight <= innerHeight")
    await visit.page.screenshot(path=directory / "phone.png")
    await visit.page.set_viewport_size(desktop)


async def test_the_starter_engines_hold_a_conversation(tmp_path: Path) -> None:
    says = [(1.5, speech("what_time_is_it")), (7.0, speech("set_a_timer_for_five_seconds"))]
    for second in (21.0, 32.0, 43.0):
        says += [(second, speech("what_can_you_do")), (second + 4.5, speech("what_time_is_it"))]
    microphone = write_microphone(tmp_path / "microphone.wav", says, 60.0)
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place, microphone) as browser,
        visiting(browser, appliance.pairing_link) as visit,
    ):
        await appliance.ready()
        await visit.connect()
        await visit.until_shown("#log .you", "what time is it")
        await visit.until_shown("#log .assistant", "It is")

        await visit.until_shown("#timer-list", "0:0")
        await visit.until_shown("#timer-list .rang", "Time is up")
        await visit.until("window.__appliance.outputLevel() > 0.01", 5)
        await visit.until_shown("#log .assistant", "timer is done")

        await visit.until(f"{INTERRUPTED} === 1")
        await visit.until(f"/^It is [\\w-]+ \\w/.test({LAST_WORDS})")
        await take_pictures(visit, tmp_path)
        await visit.until(f"{INTERRUPTED} === 3")
        await visit.until_state("speaking")
        await visit.until_state("listening")

        samples = [Sample(*sample) for sample in (await visit.probe())["samples"]]
        playing = [(e["at"], e["detail"]) for e in await visit.events() if e["type"] == "audible"]
        measured = barge_ins(samples, playing)
        (tmp_path / "barge_in.json").write_text(json.dumps({"ms": measured}))
        assert measured, "the page stalled during every barge-in"
        assert statistics.median(measured) <= BARGE_IN_MS, measured

        kept = appliance.conversation(await visit.conversation_id())
        said = [turn.user_text for turn in kept.turns]
        assert said[0] == "what time is it"
        assert said.count("what can you do") == 3
        assert kept.turns[0].answer.startswith("It is ")
        answers = [event.data for event in kept.events if event.kind == EventKind.ANSWER]
        assert sum(bool(answer["interrupted"]) for answer in answers) == 3
        assert any(event.kind == EventKind.TIMER_RANG for event in kept.events)
        assert not any(turn.left_the_box for turn in kept.turns)


@pytest.mark.released
async def test_the_released_models_take_over_during_a_conversation(tmp_path: Path) -> None:
    """The starter engines answer first; the page says so, and says when they no longer do."""
    place = Place.new(tmp_path)
    async with (
        installed(place, models="base kokoro-v1.0.int8") as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as visit,
    ):
        await appliance.ready()
        await visit.connect()
        await visit.until_shown("#engines", "kokoro", 300)
        await visit.until(
            "document.querySelector('#badges').dataset.shown === 'on this device'", 300
        )
        await visit.type("what time is it")
        await visit.until_shown("#log .assistant", "It is")
        conversation_id = await visit.conversation_id()

        def engines() -> dict[str, str]:
            turns = appliance.conversation(conversation_id).turns
            return (turns[-1].engines if turns else None) or {}

        await visit.until_state("listening")
        async with asyncio.timeout(15):
            while not engines():  # noqa: ASYNC110  the daemon writes it down
                await asyncio.sleep(0.05)
        assert engines()["stt"].startswith("whisper base")
        assert engines()["tts"].startswith("kokoro")


async def test_small_models_and_a_language_model_hold_a_conversation(tmp_path: Path) -> None:
    says = [
        (1.5, command("what_is_the_weather_in_paris")),
        (14.0, command("what_time_is_it")),
        (20.0, command("turn_on_the_kitchen_light")),
    ]
    microphone = write_microphone(tmp_path / "microphone.wav", says, 30.0)
    place = Place.new(tmp_path)

    def script(messages: list[dict[str, Any]]) -> str:
        return FORECAST if "weather" in messages[-1]["content"] else "The light is on now."

    async with chat_server(script, tokens_per_second=20.0) as chat:
        model = {"APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": chat.base_url}
        async with (
            installed(place, {**MICRO_MODELS, **model}) as appliance,
            browser_for(place, microphone) as browser,
            visiting(browser, appliance.pairing_link) as visit,
        ):
            await appliance.ready()
            await visit.page.evaluate(WATCH_INTERIM)
            await visit.connect()
            await visit.until_shown("#log .assistant", "In Paris")
            # The page shows the words as they are heard, not when they arrive.
            assert "umbrella" not in (await visit.log())[-1][1]
            await visit.until("window.__appliance.outputLevel() > 0.001")
            await visit.until_shown("#log .assistant", "take an umbrella")
            await visit.until_shown("#log .assistant", "It is")
            await visit.until_shown("#log .assistant", "The light is on now")
            await visit.until_state("listening")
            await visit.until_shown("#engines", "whisper")
            heard = [words for who, words in await visit.log() if who == "You"]
            # Words stood there while they were said, and the final ones took their place.
            assert await visit.page.evaluate("window.interim")
            assert await visit.page.locator("#log .interim").count() == 0
            kept = appliance.conversation(await visit.conversation_id())
    assert heard == ["what is the weather in paris", "what time is it", "turn on the kitchen light"]
    assert [turn.user_text for turn in kept.turns] == heard
    assert kept.turns[0].answer == FORECAST
    # A tool answered the time; the model was asked for the rest, as a stream. It may have been
    # asked twice, where a pause between two words seemed to end the turn.
    assert all(request["stream"] for request in chat.requests)
    asked = [request["messages"][-1]["content"] for request in chat.requests]
    assert list(dict.fromkeys(words for words in asked if words in heard)) == [heard[0], heard[2]]
    assert asked[-1] == heard[2]
