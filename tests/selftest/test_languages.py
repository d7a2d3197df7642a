"""Language, model and voice: which pairs fit."""

from pathlib import Path

import pytest

from appliance.selftest.check import Verdict
from appliance.selftest.checks.languages import LanguagesCheck
from tests.hardware.boards import BOARDS
from tests.selftest.conftest import MakeContext, bad, good

BASE, BASE_EN = {"base": 145_217_532}, {"base.en": 145_216_508}
KOKORO = {"kokoro-v1.0.int8": 92_361_271}
GERMAN = {"de_DE-thorsten-medium": 63_201_294}
BOARD = next(iter(BOARDS.values()))


@pytest.mark.parametrize(
    ("language", "models", "word"),
    [
        ("en", {}, "English is spoken by eSpeak NG"),
        ("en", BASE_EN | KOKORO, "English is spoken by Kokoro: natural"),
        ("es", BASE | KOKORO, "Spanish is spoken by Kokoro: natural"),
        ("auto", BASE | KOKORO, "English is spoken by Kokoro: natural"),
        ("de", BASE | KOKORO | GERMAN, "German is spoken by de_DE-thorsten-medium: clear"),
        ("eu", BASE | KOKORO, "Basque is spoken by eSpeak NG: robotic"),
    ],
)
async def test_pairs_that_fit(
    tmp_path: Path, make_context: MakeContext, language: str, models: dict[str, int], word: str
) -> None:
    made = make_context(BOARD.lay(tmp_path), models, {"STT__LANGUAGE": language})
    assert word in good(await LanguagesCheck().run(made))


@pytest.mark.parametrize(
    ("settings", "models", "what", "advised"),
    [
        ({"STT__LANGUAGE": "de"}, {}, "the starter engine", "models pull base"),
        ({"STT__LANGUAGE": "auto"}, {}, "every language", "models pull base"),
        ({"STT__LANGUAGE": "de", "STT__MODEL": "base.en"}, BASE_EN, "English only", "to base"),
        ({"TTS__VOICE": "ef_dora"}, {}, "Dora (ef_dora), a voice for Spanish", "to es"),
        ({"TTS__VOICE": "de"}, {}, "a voice for German", "tts.voice to auto"),
        (
            {"STT__LANGUAGE": "fr", "TTS__MODEL": "de_DE-thorsten-medium"},
            BASE | GERMAN,
            "the language is French",
            "tts.model to auto",
        ),
        ({"STT__LANGUAGE": "lo"}, BASE, "Lao is heard, but no voice", "docs/languages.md"),
    ],
)
async def test_a_wrong_pair_is_a_failure_with_advice(
    tmp_path: Path,
    make_context: MakeContext,
    settings: dict[str, str],
    models: dict[str, int],
    what: str,
    advised: str,
) -> None:
    made = make_context(BOARD.lay(tmp_path), models, settings)
    message, advice = bad(await LanguagesCheck().run(made), Verdict.FAILURE)
    assert what in message
    assert advised in advice


async def test_a_clearer_voice_that_could_be_had_is_named(
    tmp_path: Path, make_context: MakeContext
) -> None:
    made = make_context(BOARD.lay(tmp_path), BASE | KOKORO, {"STT__LANGUAGE": "de"})
    message, advice = bad(await LanguagesCheck().run(made), Verdict.WARNING)
    assert message == "German is spoken by eSpeak NG: robotic"
    assert "de_DE-thorsten-medium" in advice
