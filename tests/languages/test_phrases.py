"""Numbers, times, dates and sentences in every language with a folder."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.conversation import NO_ANSWERS
from appliance.languages.folder import TRANSLATED, folder
from appliance.languages.phrases import phrases, translated

LANGUAGES = st.sampled_from(TRANSLATED)


@pytest.mark.parametrize(
    ("code", "hour", "minute", "told"),
    [
        ("en", 15, 20, "It is twenty past three in the afternoon."),
        ("de", 15, 20, "Es ist 15 Uhr 20."),
        ("de", 1, 0, "Es ist ein Uhr."),
        ("de", 0, 5, "Es ist null Uhr 5."),
        ("es", 15, 20, "Son las 3 y 20 de la tarde."),
        ("es", 13, 0, "Es la una de la tarde."),
        ("es", 0, 0, "Es medianoche."),
        ("fr", 21, 5, "Il est vingt et une heures 5."),
        ("fr", 12, 0, "Il est midi."),
        ("it", 13, 10, "Sono le 13 e 10."),
        ("it", 1, 30, "È l'una e 30."),
        ("pt", 14, 20, "São 14 horas e 20."),
        ("pt", 2, 0, "São duas horas."),
        ("pt", 12, 15, "É meio-dia e 15."),
    ],
)
def test_the_time(code: str, hour: int, minute: int, told: str) -> None:
    said = phrases(code)
    assert said.say("time", time=said.time(datetime(2026, 11, 21, hour, minute))) == told


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("en", "Today is Saturday, the 21st of November, 2026."),
        ("de", "Heute ist Samstag, der einundzwanzigste November 2026."),
        ("es", "Hoy es sábado, 21 de noviembre de 2026."),
        ("fr", "Aujourd'hui, c'est samedi 21 novembre 2026."),
        ("it", "Oggi è sabato 21 novembre 2026."),
        ("pt", "Hoje é sábado, 21 de novembro de 2026."),
    ],
)
def test_the_date(code: str, told: str) -> None:
    said = phrases(code)
    assert said.say("date_today", date=said.day(date(2026, 11, 21))) == told


@pytest.mark.parametrize(
    ("code", "first", "length"),
    [
        ("de", "der erste August", "eine Stunde und 10 Minuten"),
        ("es", "primero de agosto", "una hora y 10 minutos"),
        ("fr", "premier août", "une heure et 10 minutes"),
        ("it", "primo agosto", "un'ora e 10 minuti"),
        ("pt", "primeiro de agosto", "uma hora e 10 minutos"),
    ],
)
def test_the_first_of_a_month_and_lengths(code: str, first: str, length: str) -> None:
    said = phrases(code)
    assert first in said.day(date(2026, 8, 1))
    assert said.length(4200) == length
    assert said.length(0)


def test_portuguese_counts_hours_by_their_gender() -> None:
    assert phrases("pt").length(7200) == "duas horas"


@pytest.mark.parametrize(
    ("code", "size"), [("en", "3.4 gigabytes"), ("de", "3,4 Gigabyte"), ("fr", "3,4 gigaoctets")]
)
def test_sizes(code: str, size: str) -> None:
    said = phrases(code)
    assert said.size(3_400_000_000) == size
    assert "2" in said.size(2_000_000)
    assert said.size(5 * 10**12).startswith("5 ")


@given(LANGUAGES, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.floats(0, 1e6))
def test_any_moment_and_length_is_told(code: str, moment: datetime, seconds: float) -> None:
    said = phrases(code)
    for text in (said.time(moment), said.day(moment.date()), said.length(seconds)):
        assert text
        assert "{" not in text
    assert str(moment.year) in said.day(moment.date())


@given(LANGUAGES, st.sampled_from(sorted(folder("en").answers)))
def test_a_sentence_of_english_is_found_in_every_language(code: str, key: str) -> None:
    said = phrases(code)
    assert said.find(key)


def test_what_is_said_where_there_is_no_answer_is_translated() -> None:
    for sentence in NO_ANSWERS:
        assert translated(sentence, "en") == sentence
        for code in TRANSLATED[1:]:
            assert translated(sentence, code) != sentence
    assert translated("Of another's making.", "de") == "Of another's making."


def test_lists() -> None:
    assert phrases("de").listed(["a", "b", "c"], "or") == "a, b oder c"
    assert phrases("es").listed(["a"]) == "a"
    assert phrases("nl").listed(["a", "b"]) == "a and b"
