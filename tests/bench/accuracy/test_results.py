"""Errors summed up, printed and drawn."""

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from appliance.bench.accuracy import picture, report
from appliance.bench.accuracy.results import AccuracyResults
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.bench.contenders import OURS, STOCK
from appliance.text.word_error_rate import WordErrors
from tests.bench.accuracy.results import heard_clip, results


@pytest.fixture
def measured() -> AccuracyResults:
    return results(
        heard_clip(),
        heard_clip(heard="1 2", name="2", condition="room", stops=(1.3, 3.9)),
        heard_clip(
            "Hola, ¿qué tal?",
            "hola",
            name="3",
            language="es",
            kind="short",
            baseline="hola que tal",
            is_finished=False,
        ),
        heard_clip("", "You <b>.", name="hum -20 dB", kind="hum", baseline=None),
    )


def test_words_are_counted_by_condition_language_and_kind(measured: AccuracyResults) -> None:
    scores = {
        f"{heading} {score.group}": score
        for heading, group in measured.word_scores()
        for score in group
    }
    everything = scores["all all"]
    assert (everything.clips, everything.ours) == (3, WordErrors(9, 0, 0, 3))
    assert everything.baseline == WordErrors(9, 1, 0, 0)
    assert scores["condition room"].ours.rate == pytest.approx(1 / 3)
    assert scores["language es"].ours == WordErrors(3, 0, 0, 2)
    assert scores["kind digits"].clips == 2


def test_the_baseline_counts_only_where_it_heard_everything(measured: AccuracyResults) -> None:
    [(_, [score]), *_] = results(heard_clip(), heard_clip(name="2", baseline=None)).word_scores()
    assert score.baseline is None
    assert score.ours == WordErrors(6)


def test_ends_of_turn_are_counted_by_server(measured: AccuracyResults) -> None:
    ours, stock = measured.turn_scores()
    assert (ours.server, stock.server) == (OURS, STOCK)
    assert (ours.finished, ours.waited, stock.waited) == (2, 1, 2)
    assert (ours.pauses, ours.cut, stock.cut) == (3, 1, 0)
    assert (ours.utterances, ours.cut_inside, ours.false_starts) == (3, 0, 0)
    assert ours.wait is not None
    assert ours.wait.most == pytest.approx(900)


def test_the_report_names_every_figure(measured: AccuracyResults) -> None:
    out = io.StringIO()
    report.show(measured, Console(file=out, width=160), errors=True)
    text = out.getvalue()
    for expected in (
        *("whisper base", "33.3 %", "11.1 %", "+22.2", "condition room", "language es"),
        *("1 of 2, 50.0 %", "1 of 3, 33.3 %", "hum -20 dB", "You <b>.", "¿qué tal?", "note"),
    ):
        assert expected in text, expected


def test_a_report_without_speech_or_without_sounds() -> None:
    for clip in (heard_clip("", ""), heard_clip()):
        out = io.StringIO()
        report.show(results(clip), Console(file=out, width=160))
        assert out.getvalue()


def test_the_picture_is_xml_with_a_bar_for_every_figure(measured: AccuracyResults) -> None:
    drawn = ElementTree.fromstring(picture.draw(measured))
    bars = drawn.findall("{http://www.w3.org/2000/svg}rect[@fill]")
    # all, two conditions, two languages, two kinds, three errors of turn taking; a background
    assert len(bars) == 2 * (1 + 2 + 2 + 2 + 3) + 1


def test_the_json_holds_every_clip(measured: AccuracyResults) -> None:
    kept = json.loads(json.dumps(measured.as_json()))
    assert [clip["name"] for clip in kept["clips"]] == ["1", "2", "3", "hum -20 dB"]
    assert kept["clips"][1]["errors"]["ours"]["deleted"] == 1
    assert kept["clips"][1]["turns"]["ours"]["cut_pauses"] == 1
    assert kept["words"]["all"][0]["ours"]["words"] == 9


def test_a_clip_that_could_not_be_said_does_not_count() -> None:
    lost = replace(heard_clip(name="2"), heard={OURS: Heard(fault="no session"), STOCK: Heard()})
    measured = results(heard_clip(), lost)
    assert [clip.name for clip in measured.spoken] == ["1"]
    assert measured.remarks == ("note", "1 clips do not count: no session")


def test_a_turn_may_end_after_a_whole_sentence() -> None:
    [ours, _] = results(heard_clip(stops=(1.3, 3.9), may_end=True)).turn_scores()
    assert (ours.pauses, ours.cut, ours.cut_inside) == (0, 0, 0)
