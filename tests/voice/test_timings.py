"""The stopwatch of a turn."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.voice import timings
from appliance.voice.timings import Timings

STAGES = [timings.TRANSCRIPTION, timings.ENDPOINTING, timings.FIRST_TOKEN, timings.FIRST_AUDIO]


def test_nothing_is_marked_before_speech_has_ended() -> None:
    stopwatch = Timings()
    assert not stopwatch.mark(timings.FIRST_AUDIO, 5.0)
    assert stopwatch.since_speech() == {}


def test_a_stage_is_marked_once() -> None:
    stopwatch = Timings()
    assert stopwatch.mark(timings.END_OF_SPEECH, 1.0)
    assert stopwatch.mark(timings.FIRST_AUDIO, 1.25)
    assert not stopwatch.mark(timings.FIRST_AUDIO, 9.0)
    assert stopwatch.since_speech() == {timings.FIRST_AUDIO: 250.0}


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.floats(10.0, 20.0))))
def test_the_first_mark_of_each_stage_counts(marks: list[tuple[str, float]]) -> None:
    stopwatch = Timings()
    stopwatch.mark(timings.END_OF_SPEECH, 10.0)
    first: dict[str, float] = {}
    for stage, at in marks:
        stopwatch.mark(stage, at)
        first.setdefault(stage, round(1000 * (at - 10.0), 1))
    assert stopwatch.since_speech() == first
