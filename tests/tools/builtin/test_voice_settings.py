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
    assert (await toolbox.say("use another voice")).spoken == "This is Bella. How do I sound?"
    assert toolbox.session.speech == Speech("af_bella", "en", 1.0)
    assert (await toolbox.say("give me the next voice")).spoken.startswith("This is Sarah.")
    assert (await toolbox.say("change the voice to george")).data == {"voice": "bm_george"}
    answer = await toolbox.say("change your voice to zorro")
    assert answer.spoken == "I have no voice of that name. There are Sarah, Bella, and George."
    assert toolbox.session.speech.voice == "bm_george"
    toolbox.session.voices = ("en",)
    assert (await toolbox.say("use another voice")).spoken == "I have only this one voice."


async def test_the_first_other_voice_is_not_the_one_that_speaks_already(toolbox: Toolbox) -> None:
    toolbox.session.speech = Speech("", "en", 1.0)
    assert (await toolbox.say("use another voice")).data == {"voice": "af_bella"}


async def test_only_voices_of_the_language_are_offered_and_by_names_for_people(
    toolbox: Toolbox,
) -> None:
    toolbox.session.speech = Speech("", "en", 1.0)
    toolbox.session.voices = ("en-us", "af", "am", "de", "en-gb", "fr-fr")
    answer = await toolbox.say("use another voice")
    assert answer.spoken == "This is British English. How do I sound?"
    assert answer.data == {"voice": "en-gb"}
    toolbox.session.speak_as(Speech("", "de", 1.0))
    assert (await toolbox.say("nimm eine andere Stimme")).spoken == (
        "Ich habe nur diese eine Stimme."
    )


async def test_speed_has_its_limits(toolbox: Toolbox) -> None:
    for _ in range(20):
        answer = await toolbox.say("speak faster")
    assert toolbox.session.speech.speed == 2.0
    assert answer.spoken == "I cannot speak any faster."
    await toolbox.say("you are talking too fast")
    assert toolbox.session.speech.speed == 1.85


async def test_another_language_brings_its_own_voice(toolbox: Toolbox) -> None:
    answer = await toolbox.say("speak German")
    assert answer.spoken == "Ich höre und spreche jetzt Deutsch."
    assert toolbox.session.speech == Speech("", "de", 1.0)
    assert (await toolbox.say("Sprich bitte Französisch.")).spoken.startswith("J'écoute")
    assert (await toolbox.say("speak English")).spoken == "I listen and speak in English now."
    assert toolbox.session.speech == Speech("", "en", 1.0)


async def test_a_language_without_a_folder_says_so(toolbox: Toolbox) -> None:
    assert (await toolbox.say("speak Polish")).spoken == (
        "I speak Polish now, as far as my models know it; commands stay English."
    )
    assert toolbox.session.speech == Speech("", "pl", 1.0)


@pytest.mark.parametrize("language", ["klingon", "Lao", ""])
async def test_a_language_that_nobody_speaks_is_refused_with_the_list(
    toolbox: Toolbox, language: str
) -> None:
    answer = await toolbox.registry.call("set_language", {"language": language}, toolbox.session)
    assert answer.spoken == "I do not know that language."
    assert "German" in answer.data["languages"]
    assert toolbox.session.speech.language == "en"
