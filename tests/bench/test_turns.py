"""Turns from what arrived at the client, and when."""

from typing import Any

from appliance import wire
from appliance.bench.turns import longest_hole, measure_turn
from appliance.client import Arrival

END = 100.0


def message(after: float, kind: str, **data: Any) -> Arrival:  # noqa: ANN401  JSON
    return Arrival(END + after, wire.Message({"label": "rtvi-ai", "type": kind, "data": data}))


def audio(after: float, sample: int = 1000) -> Arrival:
    pcm = bytes(2) + sample.to_bytes(2, "little", signed=True)
    return Arrival(END + after, wire.Audio(pcm, 24_000))


def test_each_stage_ends_with_its_first_arrival() -> None:
    turn = measure_turn(
        "what time is it",
        [
            message(0.25, "user-transcription", text="What time is it?", final=True),
            message(0.5, "bot-llm-text", text="It"),
            message(0.6, "bot-llm-text", text="is"),
            audio(0.7, sample=0),
            audio(0.75),
            audio(1.0),
        ],
        END,
    )
    assert turn.after == {"transcript": 0.25, "first_token": 0.5, "first_audio": 0.75}
    assert turn.answered
    assert turn.understood


def test_what_came_before_the_end_of_speech_is_no_answer_to_it() -> None:
    turn = measure_turn("stop", [audio(-0.5), message(-0.25, "bot-llm-text", text="x")], END)
    assert turn.after == {}
    assert not turn.answered


def test_an_utterance_cut_in_two_is_understood_as_one() -> None:
    heard = [
        message(-0.5, "user-transcription", text="what time", final=True),
        message(0.125, "user-transcription", text="is it", final=False),
        message(0.25, "user-transcription", text="is it", final=True),
    ]
    turn = measure_turn("what time is it", heard, END)
    assert turn.heard == "what time is it"
    assert not measure_turn("what day is it", heard, END).understood


def sound(after: float, seconds: float, sample: int = 1000) -> Arrival:
    """Audio of that length, all of one sample value."""
    pcm = sample.to_bytes(2, "little", signed=True) * round(24_000 * seconds)
    return Arrival(END + after, wire.Audio(pcm, 24_000))


def test_a_hole_is_what_playing_waits_for_more_audio() -> None:
    # Half a second lasts until 1.5, so that the piece at 1.75 leaves a hole of a quarter.
    pieces = [sound(1.0, 0.25), sound(1.0625, 0.25), sound(1.75, 0.5), sound(2.0, 0.5)]
    assert longest_hole(pieces) == 0.25


def test_silence_within_the_audio_is_no_hole() -> None:
    pieces = [sound(1.0, 0.25), sound(1.25, 1.0, sample=0), sound(2.25, 0.25)]
    assert longest_hole(pieces) == 0


def test_silence_before_the_first_sound_starts_no_clock() -> None:
    assert longest_hole([sound(0.0, 0.25, sample=0), sound(3.0, 0.25), sound(3.25, 0.25)]) == 0


def test_an_interruption_discards_what_was_not_played() -> None:
    dropped = Arrival(END + 1.25, wire.Interruption())
    assert longest_hole([sound(1.0, 5.0), dropped, sound(9.0, 0.25), sound(9.5, 0.25)]) == 0.25


def test_a_turn_has_the_longest_hole_of_its_answer_alone() -> None:
    before = [sound(-2.0, 0.25), sound(-1.0, 0.25)]
    turn = measure_turn("hello", [*before, sound(0.5, 0.25), sound(1.0, 0.25)], END)
    assert turn.longest_hole == 0.25
