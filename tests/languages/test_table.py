"""The table of languages against the engines that it speaks of, and against its page."""

from pathlib import Path

import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from appliance.engines.espeak.library import espeak_library
from appliance.hardware.model_profiles import piper_language
from appliance.languages import table
from appliance.languages.table import Language, Quality, languages
from appliance.models.manifest import SHIPPED, read_manifest

PAGE = Path(__file__).parent.parent.parent / "docs" / "languages.md"


def row(one: Language) -> str:
    """A language as the page shows it."""
    speakers = [
        f"{speaker.engine} (`{'`, `'.join(speaker.voices)}`)"
        for speaker in one.speakers
        if speaker.engine != "espeak"
    ]
    espeak = one.speaker("espeak")
    by = ", ".join([*speakers, f"eSpeak NG (`{espeak.voices[0]}`)" if espeak else "nobody"])
    return f"| `{one.code}` | {one.name} | {by} | {one.quality or 'heard only'} |"


def test_the_codes_are_those_of_whisper() -> None:
    assert sorted(languages()) == sorted(_LANGUAGE_CODES)


@pytest.mark.parametrize("one", languages().values(), ids=lambda one: one.code)
def test_every_voice_exists_and_is_one_of_its_language(one: Language) -> None:
    espeak = espeak_library().voices()
    for speaker in one.speakers:
        assert speaker.voices
        assert speaker.phonemizer in espeak
        for voice in speaker.voices:
            if speaker.engine == "espeak":
                assert voice in espeak
            else:
                assert table.language_of_voice(voice) == one.code
            if speaker.engine == "piper":
                assert piper_language(voice) == one.code
            assert voice in table.voices()
    assert one.name == one.name.strip()
    assert one.own_name


def test_names_are_unique() -> None:
    names = [one.name for one in languages().values()]
    assert len(set(names)) == len(names)


def test_every_piper_voice_of_the_manifest_is_in_the_table() -> None:
    voices = {model.name for model in read_manifest(SHIPPED).model if model.engine == "piper"}
    assert voices <= set(table.voices())


def test_the_best_come_first() -> None:
    order = list(Quality)
    for one in languages().values():
        places = [order.index(speaker.quality) for speaker in one.speakers]
        assert places == sorted(places)
    spoken_by_kokoro = {code for code in languages() if table.kokoro_speaks(code)}
    assert spoken_by_kokoro == {"en", "es", "fr", "hi", "it", "pt"}


@pytest.mark.parametrize(
    ("voice", "language", "phonemizer"),
    [
        ("af_sarah", "en", "en-us"),
        ("bf_emma", "en", "en-gb"),
        ("ef_dora", "es", "es"),
        ("ff_siwis", "fr", "fr-fr"),
        ("pf_dora", "pt", "pt-br"),
        ("af_sarah", "es", "es"),  # the text decides, not the voice
        ("ef_dora", "en", "en-us"),
        ("my_own", "de", "en-us"),
    ],
)
def test_phonemes_are_those_of_the_text_s_language(
    voice: str, language: str, phonemizer: str
) -> None:
    assert table.kokoro_phonemizer(voice, language) == phonemizer


@pytest.mark.parametrize(
    ("voice", "language", "name"),
    [
        ("af_sarah", "en", "Sarah"),
        ("zf_xiaobei", "zh", "Xiaobei"),
        ("de_DE-thorsten-medium", "de", "Thorsten"),
        ("af_ZA-google_nwu-low", "af", "Google Nwu"),
        ("af", "af", "Afrikaans"),
        ("en-gb", "en", "British English"),
        ("cmn", "zh", "Chinese"),
        ("nb", "no", "Norwegian"),
        ("my_own", "", "my own"),
    ],
)
def test_voices_tell_their_language_and_have_names_for_people(
    voice: str, language: str, name: str
) -> None:
    assert table.language_of_voice(voice) == language
    assert table.voice_name(voice) == name


def test_a_voice_fits_its_own_language_only() -> None:
    assert table.fits("ef_dora", "es")
    assert not table.fits("ef_dora", "en")
    assert table.fits("my_own", "en")
    assert table.fits("", "de")


def test_the_page_shows_the_table() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [row(one) for one in languages().values()]
