"""What a session knows of whom it talks to."""

from types import SimpleNamespace
from typing import Any

from appliance.config import load
from appliance.tools import Speech
from appliance.voice.pipeline import Shared, _barge_in
from appliance.voice.recorder import Gauges
from appliance.voice.session import Reports, Session, Wishes

nothing: Any = None
anything: Any = SimpleNamespace


def _session(language: str) -> Session:
    shared = Shared(load((), {}), hearing=nothing, engines=nothing, registry=nothing, models=None)
    gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
    reports = Reports(
        on_event=lambda event: None,
        gauges=gauges,
        malformed=lambda code: None,
        dropped=lambda what: None,
        engines=dict,
        opened=lambda session: None,
        rerouted=lambda route: None,
    )
    return Session("s", "c", "client", shared, reports, Wishes(language=language))


def test_a_language_to_be_found_out_is_that_heard_last_and_english_before() -> None:
    session = _session("auto")
    languages = [session.voice.language]
    for heard in ("de", "", "fr"):
        session.recorder.transcribed(heard)
        languages.append(session.voice.language)
    assert languages == ["en", "de", "de", "fr"]
    # Whoever changes the speed alone does not settle on a language.
    slower = Speech(session.speech.voice, session.speech.language, 0.8)
    session.speak_as(slower)
    assert (session.language, session.voice.language) == ("auto", "fr")


def test_assent_is_known_in_the_language_that_is_spoken() -> None:
    session = _session("auto")
    playback = anything(playing=True, hold=lambda: None, resume=lambda: None)
    one = anything(
        transport=anything(output=lambda: playback),
        recorder=session.recorder,
        voice=lambda: session.voice,
    )
    barge_in = _barge_in(anything(models=True), one)
    assert barge_in.is_meant("Ja, genau.")
    session.recorder.transcribed("de")
    assert not barge_in.is_meant("Ja, genau.")


def test_a_language_that_was_wished_for_stays() -> None:
    session = _session("de")
    session.recorder.transcribed("fr")
    assert session.voice.language == "de"
    session.speak_as(Speech("", "es", 1.0))
    assert (session.language, session.voice.language) == ("es", "es")
