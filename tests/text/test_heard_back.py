"""What the rules say is understood: spoken by the released Kokoro, heard by Whisper base."""

from pathlib import Path

import pytest

from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.whisper.engine import Whisper
from tests.text.heard_back import MODEL, VOICE_OF, VOICES, is_heard, listen, made_by_rules
from tests.text.spoken.rows import sections


def test_only_the_words_that_the_rules_made_count() -> None:
    assert made_by_rules("It costs $5 now.", "It costs five dollars now.") == ["fivedollars"]
    assert is_heard("It costs $5.", "It costs five dollars.", "He costs $5.", "en")
    assert is_heard("It costs $5.", "It costs five dollars.", "It costs five dollars", "en")
    assert not is_heard("It costs $5.", "It costs five dollars.", "It costs five dollar", "en")
    assert is_heard(
        "Es kostet 100 €.", "Es kostet einhundert Euro.", "Es kostet ein hundert Euro", "de"
    )
    ip = (
        "Es 192.168.1.10.",
        "Es ciento noventa y dos punto ciento sesenta y ocho punto uno punto diez.",
    )
    assert is_heard(*ip, "Es 190 y 2.160 y 8.1.10.", "es")
    assert not is_heard(*ip, "Es 190 y 2.160 y 7.1.10.", "es")


def test_the_same_digits_in_other_groups_are_the_same_number() -> None:
    assert is_heard("Llega a las 15:30.", "Llega a las quince treinta.", "Llega a la 1530.", "es")
    assert not is_heard(
        "Cuesta $1530.", "Cuesta mil quinientos treinta dólares.", "Cuesta 1530", "es"
    )
    assert not is_heard(
        "Llega a las 15:30.", "Llega a las quince treinta.", "1530 años atrás.", "es"
    )


@pytest.mark.released
@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_sample_of_each_kind_is_heard_back(language: str, released_models: Path) -> None:
    sample = [(kind, next(iter(table))) for kind, table in sections(language).items()]
    whisper = await Whisper.load(released_models / "base", "cpu", "int8", 2)
    kokoro = await Kokoro.load(released_models / MODEL, released_models / VOICES, "cpu", 2)
    try:
        rows = await listen(kokoro, whisper, sample, language, VOICE_OF[language])
    finally:
        await kokoro.close()
        await whisper.close()
    wrong = [(row.said, row.heard) for row in rows if not row.right]
    assert len(wrong) <= 1 + len(rows) // 10, wrong
