"""A session is recorded in order: what was said and heard, each under its turn, with its times."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.conversation import Event, EventKind
from appliance.observability.turn_trace import TurnTrace, VerdictStep
from appliance.voice import recorder as module
from appliance.voice.recorder import (
    ANSWER_SECONDS,
    END_OF_SPEECH,
    ENDPOINTING,
    FIRST_AUDIO,
    FIRST_TOKEN,
    PAUSE_SECONDS,
    TRANSCRIPTION,
    UNDERRUN_SECONDS,
    Gauges,
    Recorder,
    TurnTimings,
)


@dataclass
class Recorded:
    """The events and measurements of a recorder, and the clock that it reads."""

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
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded()
    monkeypatch.setattr(module, "time", recorded)
    return recorded


@pytest.fixture
def recorder(recorded: Recorded) -> Recorder:
    gauges = Gauges(
        lambda stage, seconds: recorded.stages.append((stage, seconds)),
        recorded.routes.append,
        recorded.interrupted,
    )
    return Recorder("chat", "session", recorded.events.append, gauges, lambda: {"stt": "sphinx"})


def test_a_spoken_turn_is_timed_from_the_end_of_speech(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.speech_ended(hold=0.2)
    recorded.now += 0.1
    recorder.transcribed()
    recorded.now += 0.1
    recorder.user_turn("what day is it")
    recorded.now += 0.05
    recorder.token_received()
    recorded.now += 0.05
    recorder.audio_sent()
    recorder.audio_sent()
    recorder.answer_heard("It is Friday.", interrupted=False)
    assert recorded.kinds == [
        *(EventKind.USER_TRANSCRIPT, EventKind.TURN_TIMINGS),
        *(EventKind.ANSWER, EventKind.TURN_TRACE),
    ]
    assert {event.turn for event in recorded.events} == {1}
    assert recorded.events[0].data == {"text": "what day is it", "source": "voice"}
    assert recorded.events[1].data["milliseconds"] == {
        "transcription": pytest.approx(300),
        "endpointing": pytest.approx(400),
        "first_token": pytest.approx(450),
        "first_audio": pytest.approx(500),
    }
    assert dict(recorded.stages)["first_audio"] == pytest.approx(0.5)
    assert recorded.routes == ["local"]


def test_a_typed_turn_is_timed_from_its_arrival(recorded: Recorded, recorder: Recorder) -> None:
    # Speech without words must not lend its time to the typed turn.
    recorder.speech_ended(hold=0.2)
    recorded.now += 5
    recorder.user_turn("hello")
    recorded.now += 0.3
    recorder.audio_sent()
    assert recorded.events[0].data["source"] == "text"
    assert recorded.events[1].data["milliseconds"]["first_audio"] == pytest.approx(300)


def test_a_transcript_has_the_language_in_which_it_was_heard(
    recorded: Recorded, recorder: Recorder
) -> None:
    for language, text in (("de", "guten Tag"), ("", "again"), ("fr", "bonjour")):
        recorder.speech_ended(hold=0.2)
        recorder.transcribed(language)
        recorder.user_turn(text)
    recorder.user_turn("typed")
    found = [event.data.get("language") for event in recorded.events]
    assert found == ["de", "de", "fr", None]
    assert recorder.language == "fr"


def test_words_before_the_last_silence_make_a_spoken_turn(
    recorded: Recorded, recorder: Recorder
) -> None:
    # The first half of a long utterance was cut, and nothing understood of the second.
    recorder.transcribed("en")
    recorder.speech_ended(hold=0.2)
    recorder.user_turn("tell me a story")
    recorder.user_turn("typed")
    assert [event.data["source"] for event in recorded.events] == ["voice", "text"]


def test_an_answer_is_recorded_as_it_was_heard(recorded: Recorded, recorder: Recorder) -> None:
    recorder.user_turn("tell me a story")
    recorder.answer_heard("Once upon", interrupted=True)
    assert recorded.interruptions == 1
    assert recorder.last_answer == "Once upon"
    answer = recorded.events[-1].data
    assert answer == {
        "text": "Once upon",
        "interrupted": True,
        "route": "local",
        "engines": {"stt": "sphinx"},
        "left_the_box": False,
    }


def test_an_answer_is_recorded_in_the_lines_in_which_it_was_written(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.user_turn("how do I make tea")
    recorder.answer_written("Like this:\n\n1. Boil water.\n2. Wait.")
    recorder.answer_heard("Like this: 1. Boil water.", interrupted=True)
    assert recorded.events[-1].data["text"] == "Like this:\n\n1. Boil water."


def test_an_answer_that_nobody_heard_is_not_recorded(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.user_turn("stop")
    recorder.answer_heard("", interrupted=True)
    assert recorded.interruptions == 1
    assert EventKind.ANSWER not in recorded.kinds
    assert recorded.routes == []


def test_speech_text_and_audio_are_activity(recorded: Recorded, recorder: Recorder) -> None:
    for say in (
        recorder.speech_heard,
        lambda: recorder.speech_ended(0.2),
        lambda: recorder.user_turn("hello"),
        recorder.audio_sent,
    ):
        recorded.now += 50
        say()
        assert recorder.last_activity == recorded.now


def test_a_pause_comes_after_silence_and_later_while_an_answer_is_awaited(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.speech_heard()
    assert recorder.seconds_to_pause == PAUSE_SECONDS
    recorder.user_turn("hello")
    recorded.now += PAUSE_SECONDS
    assert recorder.seconds_to_pause == ANSWER_SECONDS - PAUSE_SECONDS
    recorder.audio_sent()
    assert recorder.seconds_to_pause == PAUSE_SECONDS
    recorded.now += 2 * PAUSE_SECONDS
    assert recorder.seconds_to_pause == 0


def test_an_event_names_its_conversation_session_and_turn(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.emit(EventKind.TIMER_RANG, text="Your tea timer is done.")
    event = recorded.events[0]
    assert (event.conversation_id, event.session_id, event.turn) == ("chat", "session", 0)
    assert event.at == recorded.time()


def test_only_questions_to_a_distant_model_leave_the_box(
    recorded: Recorded, recorder: Recorder
) -> None:
    asked: tuple[list[bool], ...] = ([], [False], [True, False], [])
    for places in asked:
        recorder.user_turn("hello")
        for left_the_box in places:
            recorder.model_asked(left_the_box=left_the_box)
        recorder.answer_heard("hi", interrupted=False)
    answers = [event for event in recorded.events if event.kind is EventKind.ANSWER]
    assert [answer.data["left_the_box"] for answer in answers] == [False, False, True, False]


def test_a_turn_without_an_answer_records_that_it_left_the_box(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.user_turn("what is the weather")
    recorder.model_asked(left_the_box=True)
    recorder.answer_heard("", interrupted=True)
    recorder.user_turn("never mind")
    recorder.session_ended("hung_up")
    found = [event for event in recorded.events if event.kind is EventKind.LEFT_THE_BOX]
    # The second turn too: the model may have been asked ahead of its end.
    assert [(event.turn, event.data) for event in found] == [
        (1, {"left_the_box": True}),
        (2, {"left_the_box": True}),
    ]
    assert recorded.kinds[-1] is EventKind.SESSION_ENDED


def test_a_turn_that_stayed_in_the_box_records_nothing_of_it(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.user_turn("hello")
    recorder.model_asked(left_the_box=False)
    recorder.user_turn("hello?")
    recorder.session_ended("hung_up")
    assert EventKind.LEFT_THE_BOX not in recorded.kinds


def test_a_turn_that_another_route_answers_is_recorded_once(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.begin_turn()
    recorder.transcript_known("what time is it")
    recorder.turn_taken_over()
    recorder.user_turn("what time is it")
    assert (recorder.turn, recorder.answer_awaited) == (1, True)
    recorder.user_turn("and in Paris")
    said = [(event.turn, event.data["text"]) for event in recorded.events]
    assert said == [(1, "what time is it"), (2, "and in Paris")]


def test_a_transcript_may_become_known_on_another_route(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.begin_turn()
    recorder.turn_taken_over()
    recorder.user_turn("what time is it")
    assert [(event.turn, event.data["text"]) for event in recorded.events] == [
        (1, "what time is it")
    ]


def test_another_question_after_a_route_change_is_a_turn_of_its_own(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.begin_turn()
    recorder.transcript_known("what time is it", "text")
    recorder.turn_taken_over()
    recorder.user_turn("never mind")
    found = [(event.turn, event.data["text"], event.data["source"]) for event in recorded.events]
    assert found == [(1, "what time is it", "text"), (2, "never mind", "text")]


STAGES = [TRANSCRIPTION, ENDPOINTING, FIRST_TOKEN, FIRST_AUDIO]


def test_no_stage_is_marked_before_speech_has_ended() -> None:
    timings = TurnTimings()
    assert not timings.mark(FIRST_AUDIO, 5.0)
    assert timings.since_speech() == {}


def test_a_stage_is_marked_once() -> None:
    timings = TurnTimings()
    assert timings.mark(END_OF_SPEECH, 1.0)
    assert timings.mark(FIRST_AUDIO, 1.25)
    assert not timings.mark(FIRST_AUDIO, 9.0)
    assert timings.since_speech() == {FIRST_AUDIO: 250.0}


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.floats(10.0, 20.0))))
def test_the_first_mark_of_each_stage_counts(marks: list[tuple[str, float]]) -> None:
    timings = TurnTimings()
    timings.mark(END_OF_SPEECH, 10.0)
    first: dict[str, float] = {}
    for stage, at in marks:
        timings.mark(stage, at)
        first.setdefault(stage, round(1000 * (at - 10.0), 1))
    assert timings.since_speech() == first


def test_a_turn_leaves_a_trace_and_a_line_in_the_log_without_its_words(
    recorded: Recorded, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    recorder.speech_ended(hold=0.2)
    recorder.tracer.judged(0.75, ahead=True)
    recorder.transcribed()
    recorder.user_turn("what day is it")
    recorded.now += 0.3
    recorder.audio_sent()
    recorder.answer_heard("It is Friday.", interrupted=False)
    event = recorded.events[-1]
    assert (event.kind, event.turn) == (EventKind.TURN_TRACE, 1)
    trace = TurnTrace.from_json(event.data)
    assert trace.stages["first_audio"] == pytest.approx(500)
    assert trace.verdicts == (VerdictStep(200.0, 0.75, ahead=True),)
    [line] = caplog.messages
    assert line.startswith("turn 1 of session: first audio 500 ms; verdict 0.75 at +200; ")
    assert "Friday" not in line
    recorder.session_ended("hung_up")
    assert recorded.kinds.count(EventKind.TURN_TRACE) == 1, "nothing new has happened since"


def test_an_answer_in_two_parts_has_a_trace_after_each(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.user_turn("look it up")
    recorder.audio_sent()
    recorder.answer_heard("One moment.", interrupted=False)
    recorder.audio_sent(underrun=0.5)
    recorder.answer_heard("It is blue.", interrupted=False)
    traces = [event.data for event in recorded.events if event.kind is EventKind.TURN_TRACE]
    assert [len(trace["underruns"]) for trace in traces] == [0, 1]


def test_a_turn_that_nobody_answered_leaves_its_trace_when_the_next_begins(
    recorded: Recorded, recorder: Recorder
) -> None:
    recorder.speech_ended(hold=0.2)
    recorder.tracer.judged(0.75, ahead=True)
    recorder.transcribed()
    recorder.user_turn("hello")
    recorder.user_turn("hello?")
    [trace] = [event for event in recorded.events if event.kind is EventKind.TURN_TRACE]
    assert (trace.turn, len(trace.data["verdicts"])) == (1, 1)


def test_the_smallest_gaps_between_chunks_are_no_underruns(recorder: Recorder) -> None:
    recorder.user_turn("hello")
    recorder.audio_sent(underrun=UNDERRUN_SECONDS)
    assert recorder.tracer.current.underruns == []
