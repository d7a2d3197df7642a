"""Turns from what arrived at the client, and when."""

from typing import Any

from appliance import wire
from appliance.bench.turns import measure_turn
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
