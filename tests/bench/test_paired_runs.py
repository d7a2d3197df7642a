"""The time from an interruption to the last sound of the answer."""

from appliance import wire
from appliance.bench.paired_runs import seconds_to_silence
from appliance.client import Arrival

ONSET, END = 10.0, 12.0


def sound(at: float, sample: int = 500) -> Arrival:
    return Arrival(at, wire.Audio(sample.to_bytes(2, "little"), 24_000))


def test_the_last_sound_before_the_end_of_the_interruption_counts() -> None:
    heard = [sound(9.95), sound(10.1), sound(10.25), sound(12.5)]
    assert seconds_to_silence(heard, ONSET, END) == 0.25


def test_silent_audio_is_no_sound() -> None:
    assert (
        seconds_to_silence([sound(9.95), sound(10.1), sound(10.5, sample=0)], ONSET, END)
        == 10.1 - ONSET
    )


def test_an_answer_that_stops_at_once_takes_no_time() -> None:
    assert seconds_to_silence([sound(9.95)], ONSET, END) == 0


def test_silence_cannot_be_interrupted() -> None:
    assert seconds_to_silence([], ONSET, END) is None
    assert seconds_to_silence([sound(9.5), sound(10.5)], ONSET, END) is None
