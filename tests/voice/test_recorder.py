"""The record of a session: what was said and heard, in order, each under its turn."""

from dataclasses import dataclass, field

import pytest

from appliance.conversation import Event, EventKind
from appliance.voice import recorder as module
from appliance.voice.recorder import ANSWER_SECONDS, BREATH, Gauges, Recorder


@dataclass
class Kept:
    """What a recorder gave away, and the clock that it reads."""

    events: list[Event] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    interruptions: int = 0
    now: float = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    def interrupted(self) -> None:
        self.interruptions += 1

    @property
    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr(module, "time", kept)
    return kept


@pytest.fixture
def recorder(kept: Kept) -> Recorder:
    gauges = Gauges(
        lambda stage, seconds: kept.stages.append((stage, seconds)),
        kept.routes.append,
        kept.interrupted,
    )
    return Recorder("chat", "session", kept.events.append, gauges, lambda: {"stt": "sphinx"})


def test_a_spoken_turn_is_timed_from_the_end_of_speech(kept: Kept, recorder: Recorder) -> None:
    recorder.speech_ended(hold=0.2)
    kept.now += 0.1
    recorder.transcribed()
    kept.now += 0.1
    recorder.turn_started("what day is it")
    kept.now += 0.05
    recorder.token()
    kept.now += 0.05
    recorder.audio_sent()
    recorder.audio_sent()
    recorder.answered("It is Friday.", interrupted=False)
    assert kept.kinds == [EventKind.USER_TRANSCRIPT, EventKind.TURN_TIMINGS, EventKind.ANSWER]
    assert {event.turn for event in kept.events} == {1}
    assert kept.events[0].data == {"text": "what day is it", "source": "voice"}
    assert kept.events[1].data["milliseconds"] == {
        "transcription": pytest.approx(300),
        "endpointing": pytest.approx(400),
        "first_token": pytest.approx(450),
        "first_audio": pytest.approx(500),
    }
    assert dict(kept.stages)["first_audio"] == pytest.approx(0.5)
    assert kept.routes == ["local"]


def test_a_typed_turn_is_timed_from_its_arrival(kept: Kept, recorder: Recorder) -> None:
    # Speech that came to nothing must not lend the typed turn its time.
    recorder.speech_ended(hold=0.2)
    kept.now += 5
    recorder.turn_started("hello")
    kept.now += 0.3
    recorder.audio_sent()
    assert kept.events[0].data["source"] == "text"
    assert kept.events[1].data["milliseconds"]["first_audio"] == pytest.approx(300)


def test_words_keep_the_language_in_which_they_were_heard(kept: Kept, recorder: Recorder) -> None:
    for language, text in (("de", "guten Tag"), ("", "again"), ("fr", "bonjour")):
        recorder.speech_ended(hold=0.2)
        recorder.transcribed(language)
        recorder.turn_started(text)
    recorder.turn_started("typed")
    told = [event.data.get("language") for event in kept.events]
    assert told == ["de", "de", "fr", None]
    assert recorder.language == "fr"


def test_words_before_the_last_silence_make_it_a_spoken_turn(
    kept: Kept, recorder: Recorder
) -> None:
    # The first half of a long utterance was cut, and nothing understood of the second.
    recorder.transcribed("en")
    recorder.speech_ended(hold=0.2)
    recorder.turn_started("tell me a story")
    recorder.turn_started("typed")
    assert [event.data["source"] for event in kept.events] == ["voice", "text"]


def test_an_answer_is_kept_as_it_was_heard(kept: Kept, recorder: Recorder) -> None:
    recorder.turn_started("tell me a story")
    recorder.answered("Once upon", interrupted=True)
    assert kept.interruptions == 1
    assert recorder.last_answer == "Once upon"
    answer = kept.events[-1].data
    assert answer == {
        "text": "Once upon",
        "interrupted": True,
        "route": "local",
        "engines": {"stt": "sphinx"},
        "left_the_box": False,
    }


def test_an_answer_that_nobody_heard_is_none(kept: Kept, recorder: Recorder) -> None:
    recorder.turn_started("stop")
    recorder.answered("", interrupted=True)
    assert kept.interruptions == 1
    assert EventKind.ANSWER not in kept.kinds
    assert kept.routes == []


def test_whoever_speaks_is_not_idle(kept: Kept, recorder: Recorder) -> None:
    for say in (
        recorder.speech_heard,
        lambda: recorder.speech_ended(0.2),
        lambda: recorder.turn_started("hello"),
        recorder.audio_sent,
    ):
        kept.now += 50
        say()
        assert recorder.last_activity == kept.now


def test_a_pause_is_a_breath_and_who_waits_for_an_answer_makes_none(
    kept: Kept, recorder: Recorder
) -> None:
    recorder.speech_heard()
    assert recorder.quiet_in == BREATH
    recorder.turn_started("hello")
    kept.now += BREATH
    assert recorder.quiet_in == ANSWER_SECONDS - BREATH
    recorder.audio_sent()
    assert recorder.quiet_in == BREATH
    kept.now += 2 * BREATH
    assert recorder.quiet_in == 0


def test_an_event_says_where_it_belongs(kept: Kept, recorder: Recorder) -> None:
    recorder.emit(EventKind.TIMER_RANG, text="Your tea timer is done.")
    event = kept.events[0]
    assert (event.conversation_id, event.session_id, event.turn) == ("chat", "session", 0)
    assert event.at == kept.time()


def test_only_what_the_model_was_asked_has_left_the_box(kept: Kept, recorder: Recorder) -> None:
    asked: tuple[list[bool], ...] = ([], [False], [True, False], [])
    for places in asked:
        recorder.turn_started("hello")
        for left_the_box in places:
            recorder.model_asked(left_the_box=left_the_box)
        recorder.answered("hi", interrupted=False)
    answers = [event for event in kept.events if event.kind is EventKind.ANSWER]
    assert [answer.data["left_the_box"] for answer in answers] == [False, False, True, False]


def test_what_left_the_box_is_told_of_a_turn_without_an_answer(
    kept: Kept, recorder: Recorder
) -> None:
    recorder.turn_started("what is the weather")
    recorder.model_asked(left_the_box=True)
    recorder.answered("", interrupted=True)
    recorder.turn_started("never mind")
    recorder.ended("hung_up")
    told = [event for event in kept.events if event.kind is EventKind.LEFT_THE_BOX]
    # Of the second turn too: it can't be told from a question that was asked ahead of its end.
    assert [(event.turn, event.data) for event in told] == [
        (1, {"left_the_box": True}),
        (2, {"left_the_box": True}),
    ]
    assert kept.kinds[-1] is EventKind.SESSION_ENDED


def test_nothing_is_told_to_have_left_where_nothing_did(kept: Kept, recorder: Recorder) -> None:
    recorder.turn_started("hello")
    recorder.model_asked(left_the_box=False)
    recorder.turn_started("hello?")
    recorder.ended("hung_up")
    assert EventKind.LEFT_THE_BOX not in kept.kinds


def test_a_turn_that_another_route_answers_is_one_turn(kept: Kept, recorder: Recorder) -> None:
    recorder.turn_begun()
    recorder.understood("what time is it")
    recorder.taken_over()
    recorder.turn_started("what time is it")
    assert (recorder.turn, recorder.answer_awaited) == (1, True)
    recorder.turn_started("and in Paris")
    said = [(event.turn, event.data["text"]) for event in kept.events]
    assert said == [(1, "what time is it"), (2, "and in Paris")]


def test_words_that_become_known_on_another_route_are_the_turns(
    kept: Kept, recorder: Recorder
) -> None:
    recorder.turn_begun()
    recorder.taken_over()
    recorder.turn_started("what time is it")
    assert [(event.turn, event.data["text"]) for event in kept.events] == [(1, "what time is it")]


def test_another_question_after_the_routes_changed_is_a_turn_of_its_own(
    kept: Kept, recorder: Recorder
) -> None:
    recorder.turn_begun()
    recorder.understood("what time is it", "text")
    recorder.taken_over()
    recorder.turn_started("never mind")
    told = [(event.turn, event.data["text"], event.data["source"]) for event in kept.events]
    assert told == [(1, "what time is it", "text"), (2, "never mind", "text")]
