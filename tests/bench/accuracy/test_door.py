"""What arrives at a client, as what a server heard."""

from appliance import wire
from appliance.bench.accuracy.door import (
    QUIET_SECONDS,
    STARTED,
    STOPPED,
    HearingEngines,
    has_settled,
    heard_from,
)
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.client import Arrival


def arrival(at: float, kind: str, **data: object) -> Arrival:
    return Arrival(at, wire.Message({"label": wire.LABEL, "type": kind, "data": data}))


def test_what_was_heard_is_the_final_words_and_the_times_of_turns() -> None:
    arrived = [
        arrival(10.5, STARTED),
        arrival(10.9, "user-transcription", text="one", final=False),
        arrival(11.0, "user-transcription", text="One two.", final=True),
        arrival(11.1, STOPPED),
        Arrival(11.2, wire.Audio(b"\0\0")),
        arrival(12.0, STARTED),
        arrival(13.0, "user-transcription", text="Three.", final=True),
        arrival(13.25, STOPPED),
    ]
    assert heard_from(arrived, 10.0) == Heard("One two. Three.", (0.5, 2.0), (1.1, 3.25))


def test_a_clip_is_over_when_its_last_turn_is_and_no_words_follow() -> None:
    turn = [arrival(1.0, STARTED), arrival(2.0, STOPPED)]
    later = 2.0 + QUIET_SECONDS
    assert has_settled(turn, 1.9, later)
    assert not has_settled(turn, 1.9, later - 0.1)
    assert not has_settled(turn, 2.5, later)  # the turn ended in a pause, and more is to come
    assert not has_settled([*turn, arrival(2.2, STARTED)], 1.9, later)
    assert not has_settled([*turn, arrival(2.2, "user-transcription")], 1.9, later)
    assert not has_settled([], 1.9, later)


def test_the_voice_only_takes_time() -> None:
    settings = HearingEngines().appliance_settings()
    assert settings["TTS__ENGINE"] == "timed"
    assert "STT__MODEL" not in settings
    assert HearingEngines().stock_arguments()[:2] == ["--stt", "0.09"]
