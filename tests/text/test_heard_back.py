"""What the rules say is understood: spoken by the released Kokoro, heard by Whisper base."""

from pathlib import Path

import pytest

from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.whisper.engine import Whisper
from tests.text.heard_back import (
    MODEL,
    VOICE_OF,
    VOICES,
    edits,
    is_heard,
    is_nearly_heard,
    listen,
    made_by_rules,
)
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


def test_a_number_is_heard_however_it_is_written() -> None:
    said = "L'adresse est cent quatre-vingt-douze point un."
    assert is_heard("L'adresse est 192.1.", said, "L'adresse est 192 point 1", "fr")


def test_a_slip_changes_few_letters_and_another_reading_changes_words() -> None:
    written, said = "Es kostet 500 ¥.", "Es kostet fünfhundert Yen."
    assert is_nearly_heard(written, said, "Es kostet fünfhundert Jen.", "de")
    assert not is_nearly_heard(written, said, "Es kostet fünfhundert Euro.", "de")
    assert not is_nearly_heard("5-10 cups", "five to ten cups", "five minus ten cups", "en")


@pytest.mark.parametrize(
    ("part", "text", "fewest"), [("yens", "costsyen", 1), ("abc", "xabcx", 0), ("abc", "", 3)]
)
def test_the_fewest_edits_within_a_text(part: str, text: str, fewest: int) -> None:
    assert edits(part, text) == fewest


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
