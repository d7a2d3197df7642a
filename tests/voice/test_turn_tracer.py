"""Steps end up in the draft of the turn that they belong to, and their measurements in gauges."""

from dataclasses import dataclass, field

import pytest

from appliance.observability.turn_trace import (
    PieceStep,
    SpeculationOutcome,
    TranscriptionStep,
    TurnTrace,
)
from appliance.voice.turn_tracer import MAX_STEPS, StepGauges, TurnTracer
from appliance.voice.turns.coordinator import TurnCoordinator


@dataclass
class Measured:
    """The clock and the pressure that a tracer reads, and what it measures."""

    now: float = 100.0
    waited: float | None = 7.0
    samples: list[tuple[str, object]] = field(default_factory=list)

    def tracer(self) -> TurnTracer:
        gauges = StepGauges(
            queued=lambda kind, seconds: self.samples.append((f"{kind} queued", seconds)),
            real_time=lambda kind, factor: self.samples.append((f"{kind} factor", factor)),
            underrun=lambda seconds: self.samples.append(("underrun", seconds)),
            speculation=lambda outcome: self.samples.append(("speculation", outcome)),
            cpu_wait=lambda: self.waited,
        )
        return TurnTracer(gauges, lambda: self.now)


@pytest.fixture
def measured() -> Measured:
    return Measured()


@pytest.fixture
def tracer(measured: Measured) -> TurnTracer:
    return measured.tracer()


def finished(tracer: TurnTracer) -> TurnTrace:
    """The trace of the current turn, with times after the second 100."""
    return tracer.current.finished({}, 100.0)


def heard(seconds: float = 100.0, *, begun: float | None = 100.25) -> TranscriptionStep:
    return TranscriptionStep("whisper", "ahead", seconds, begun, 100.75, 2.0)


def voiced(queued: float = 101.0) -> PieceStep:
    return PieceStep("kokoro", 9, queued, 101.25, 101.5, 101.75, 1.0)


def test_a_pause_is_noticed_once_and_may_end(measured: Measured, tracer: TurnTracer) -> None:
    turn = TurnCoordinator(lambda _words: False)
    turn.add_listener(tracer)
    turn.speech_began()
    measured.now = 99.0
    turn.pause_lasted(20)
    turn.pause_lasted(40)
    measured.now = 99.25
    turn.speech_resumed()
    measured.now = 100.25
    turn.pause_lasted(250)
    tracer.turn_began(spoken=True)
    first, last = finished(tracer).pauses
    assert (first.began, first.noticed, first.resumed) == (-1020.0, -1000.0, -750.0)
    assert (last.began, last.noticed, last.resumed) == (0.0, 250.0, None)


def test_verdicts_and_speculations_belong_to_the_turn_that_ends(
    measured: Measured, tracer: TurnTracer
) -> None:
    turn = TurnCoordinator(lambda _words: False)
    turn.add_listener(tracer)
    turn.judged(0.25, ahead=True)
    turn.speculation_began(guessed=True)
    turn.speculation_ended(SpeculationOutcome.SPEECH_RESUMED)
    turn.speculation_began(guessed=False)
    measured.now = 100.5
    turn.speculation_ended(SpeculationOutcome.USED)
    tracer.turn_began(spoken=True)
    trace = finished(tracer)
    assert [(one.probability, one.ahead) for one in trace.verdicts] == [(0.25, True)]
    assert [(one.guessed, one.ended, one.outcome) for one in trace.speculations] == [
        (True, 0.0, "speech resumed"),
        (False, 500.0, "used"),
    ]
    assert measured.samples == [("speculation", "speech resumed"), ("speculation", "used")]


def test_an_outcome_that_comes_after_the_turn_began_is_kept(tracer: TurnTracer) -> None:
    tracer.speculation_began(guessed=False)
    tracer.turn_began(spoken=True)
    tracer.speculation_ended(SpeculationOutcome.TURN_RESET)
    assert finished(tracer).speculations[0].outcome == "turn reset"


async def test_what_belongs_to_no_turn_is_forgotten(tracer: TurnTracer) -> None:
    tracer.transcribed(heard())
    await tracer.dismissed()
    tracer.transcribed(heard())
    await tracer.nothing_heard()
    tracer.turn_began(spoken=True)
    assert finished(tracer) == TurnTrace()


async def test_a_cough_after_words_takes_nothing_from_their_turn(tracer: TurnTracer) -> None:
    tracer.transcribed(heard())
    tracer.words_heard()
    await tracer.nothing_heard()
    tracer.turn_began(spoken=True)
    assert len(finished(tracer).transcriptions) == 1
    tracer.transcribed(heard())
    await tracer.nothing_heard()
    tracer.turn_began(spoken=True)
    assert finished(tracer).transcriptions == ()


def test_a_typed_turn_has_nothing_of_the_speech_before(tracer: TurnTracer) -> None:
    tracer.transcribed(heard())
    tracer.turn_began(spoken=False)
    assert finished(tracer).transcriptions == ()


def test_a_piece_made_ahead_belongs_to_the_turn_that_begins(tracer: TurnTracer) -> None:
    held, spoken = tracer.next, tracer.current
    tracer.voiced(spoken, voiced(queued=100.5))
    tracer.turn_began(spoken=True)
    tracer.voiced(held, voiced(queued=101.0))
    assert [piece.queued for piece in finished(tracer).pieces] == [1000.0]


def test_queues_and_real_time_factors_are_measured(measured: Measured, tracer: TurnTracer) -> None:
    tracer.transcribed(heard())
    tracer.voiced(tracer.current, voiced())
    tracer.transcribed(heard(begun=None))
    assert measured.samples == [
        *(("stt queued", 0.25), ("stt factor", 0.25)),
        *(("tts queued", 0.25), ("tts factor", 0.5)),
    ]


def test_underruns_are_measured_and_kept(measured: Measured, tracer: TurnTracer) -> None:
    measured.now = 102.0
    tracer.underrun(0.25)
    assert measured.samples == [("underrun", 0.25)]
    [underrun] = finished(tracer).underruns
    assert (underrun.at, underrun.seconds) == (2000.0, 0.25)


def test_pressure_is_the_share_of_the_wait_for_the_first_audio(
    measured: Measured, tracer: TurnTracer
) -> None:
    tracer.speech_ended()
    tracer.turn_began(spoken=True)
    measured.now, measured.waited = 102.0, 7.5
    tracer.first_audio_sent()
    assert finished(tracer).cpu_pressure == 0.25


def test_where_nothing_tells_the_pressure_it_is_unknown(
    measured: Measured, tracer: TurnTracer
) -> None:
    measured.waited = None
    tracer.speech_ended()
    tracer.turn_began(spoken=True)
    tracer.first_audio_sent()
    assert finished(tracer).cpu_pressure is None


def test_a_trace_keeps_the_latest_steps_of_an_endless_turn(tracer: TurnTracer) -> None:
    for number in range(2 * MAX_STEPS):
        tracer.judged(number / 1000, ahead=True)
    tracer.turn_began(spoken=True)
    kept = finished(tracer).verdicts
    assert len(kept) == MAX_STEPS
    assert kept[-1].probability == (2 * MAX_STEPS - 1) / 1000
