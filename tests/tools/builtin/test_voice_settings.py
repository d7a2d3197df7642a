"""Volume, voice, speed and language by sentence."""

import pytest

from appliance.tools import Speech
from tests.tools.conftest import Toolbox


@pytest.mark.parametrize(
    ("sentence", "data"),
    [
        ("set the volume to fifty percent", {"level": 50}),
        ("volume 30", {"level": 30}),
        ("turn the volume all the way up", {"level": 100}),
        ("louder please", {"change": 20}),
        ("turn it down a bit", {"change": -20}),
        ("you are too quiet", {"change": 20}),
        ("mute yourself", {"level": 0}),
    ],
)
async def test_a_sentence_sets_the_volume_of_the_page(
    toolbox: Toolbox, sentence: str, data: dict[str, int]
) -> None:
    answer = await toolbox.say(sentence)
    assert [message.to_json() for message in toolbox.session.sent] == [{"type": "volume", **data}]
    assert answer.silent == (data == {"level": 0})


async def test_the_voice_is_changed_to_the_next_or_by_name(toolbox: Toolbox) -> None:
    assert (await toolbox.say("use another voice")).spoken == "This is bella. How do I sound?"
    assert toolbox.session.speech == Speech("af_bella", "en", 1.0)
    assert (await toolbox.say("give me the next voice")).spoken.startswith("This is sarah.")
    assert (await toolbox.say("change the voice to george")).data == {"voice": "bm_george"}
    assert (
        await toolbox.say("change your voice to zorro")
    ).spoken == "I have no voice of that name."
    assert toolbox.session.speech.voice == "bm_george"
    toolbox.session.voices = ("en",)
    assert (await toolbox.say("use another voice")).spoken == "I have only this one voice."


async def test_speed_has_its_limits(toolbox: Toolbox) -> None:
    for _ in range(20):
        answer = await toolbox.say("speak faster")
    assert toolbox.session.speech.speed == 2.0
    assert answer.spoken == "I cannot speak any faster."
    await toolbox.say("you are talking too fast")
    assert toolbox.session.speech.speed == 1.85


async def test_another_language_brings_its_own_voice(toolbox: Toolbox) -> None:
    told = (await toolbox.say("speak German")).spoken
    assert told.startswith("I listen and speak in German now")
    assert "Commands stay English" in told
    assert toolbox.session.speech == Speech("", "de", 1.0)
    assert (await toolbox.say("speak English")).spoken == "I listen and speak in English now."
    assert toolbox.session.speech == Speech("", "en", 1.0)
