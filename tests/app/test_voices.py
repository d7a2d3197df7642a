"""The voices that can be chosen: those of the engine, and its substitutes for other languages."""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.app.voices import VoiceCatalogue, sample_sentence
from appliance.audio.format import OUTPUT_RATE
from appliance.config.loader import load
from appliance.engines import Priority, Ticket, Voice
from appliance.languages import table


class Speaker:
    """A synthesizer that only notes what it is to say."""

    stuck_seconds = 0.0
    streams = True

    def __init__(self, name: str, *voices: str) -> None:
        self.name = name
        self.voices = voices
        self.said: list[tuple[str, Voice, Ticket | None]] = []

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        self.said.append((text, voice, ticket))
        yield b"ab"
        yield b"cd"

    async def close(self) -> None:
        pass


KOKORO = Speaker("kokoro kokoro-v1.0.int8 int8 cpu", *table.kokoro_voices(), "jf_alpha")


def catalogue(tmp_path: Path, engine: Speaker, *models: str, **settings: str) -> VoiceCatalogue:
    for name in models:
        (tmp_path / f"{name}.onnx").touch()
    environ = {f"APPLIANCE__{name.upper()}": value for name, value in settings.items()}
    config = load([], {"APPLIANCE__MODELS__DIRECTORY": str(tmp_path), **environ})
    return VoiceCatalogue(lambda: engine, lambda: config)


async def voices_of(found: VoiceCatalogue, language: str) -> list[dict[str, Any]]:
    listed = (await found.listed())["languages"]
    return next(one["voices"] for one in listed if one["code"] == language)


async def test_kokoro_speaks_its_languages_with_names_for_people(tmp_path: Path) -> None:
    english = await voices_of(catalogue(tmp_path, KOKORO, "en_US-joe-medium"), "en")
    assert english[0] == {
        "id": "af_sarah",
        "name": "Sarah",
        "variant": "en-us",
        "engine": "kokoro",
        "quality": "natural",
    }
    assert {"George", "Emma"} <= {voice["name"] for voice in english if voice["variant"] == "en-gb"}
    assert {voice["engine"] for voice in english} == {"kokoro"}


async def test_other_languages_have_the_voice_that_stands_in(tmp_path: Path) -> None:
    found = catalogue(tmp_path, KOKORO, "de_DE-thorsten-medium")
    assert [(v["name"], v["quality"]) for v in await voices_of(found, "de")] == [
        ("Thorsten", "clear")
    ]
    assert [(v["id"], v["quality"]) for v in await voices_of(found, "pl")] == [("pl", "robotic")]


async def test_a_piper_voice_speaks_its_own_language(tmp_path: Path) -> None:
    engine = Speaker("piper de_DE-thorsten-medium cpu", "de_DE-thorsten-medium")
    found = catalogue(tmp_path, engine, "de_DE-thorsten-medium")
    assert [v["id"] for v in await voices_of(found, "de")] == ["de_DE-thorsten-medium"]
    assert [v["engine"] for v in await voices_of(found, "en")] == ["espeak"]


async def test_the_starter_voice_speaks_every_language_in_its_way(tmp_path: Path) -> None:
    found = catalogue(tmp_path, Speaker("espeak", "en-us", "de"), "de_DE-thorsten-medium")
    assert [v["engine"] for v in await voices_of(found, "de")] == ["espeak"]
    listed = (await found.listed())["languages"]
    assert all(len(one["voices"]) == 1 for one in listed)


async def test_what_is_chosen_now_is_told(tmp_path: Path) -> None:
    settings = {"tts__voice": "ff_siwis", "stt__language": "fr", "tts__speed": "1.2"}
    told = await catalogue(tmp_path, KOKORO, **settings).listed()
    assert (told["voice"], told["language"], told["speed"]) == ("ff_siwis", "fr", 1.2)


@pytest.mark.parametrize(
    ("voice", "language", "code", "words"),
    [
        ("af_sarah", "de", "en", "This is Sarah. How do I sound?"),
        ("auto", "auto", "en", "I am the voice assistant of this appliance."),
        ("", "pl", "pl", "Polski: 1, 2, 3, 4, 5."),
        ("own voice", "klingon", "en", "This is own voice. How do I sound?"),
    ],
)
async def test_a_voice_is_heard_in_its_own_language(
    tmp_path: Path, voice: str, language: str, code: str, words: str
) -> None:
    engine = Speaker("espeak")
    heard = await catalogue(tmp_path, engine).preview(voice, language, 1.5)
    with wave.open(io.BytesIO(heard)) as sound:
        assert sound.getparams()[:3] == (1, 2, OUTPUT_RATE)
        assert sound.readframes(100) == b"abcd"
    ((text, spoken, ticket),) = engine.said
    assert (text, spoken.language, spoken.speed) == (words, code, 1.5)
    assert ticket is not None
    assert ticket.priority is Priority.LATER


def test_every_language_that_is_spoken_has_a_sentence() -> None:
    for code, language in table.languages().items():
        assert not language.speakers or sample_sentence("", code)
