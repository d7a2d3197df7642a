"""Two voices on one time line: gaps, bursts, and speech that was taken back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from appliance.audio.two_channels import QUIET, SLACK_SECONDS, Samples, TwoChannels

RATE = 1000
USER, ASSISTANT = 0, 1


def loud(seconds: float, value: int = 5000) -> Samples:
    return np.full(round(seconds * RATE), value, np.int16)


def taken(line: TwoChannels, until: float) -> Samples:
    return np.frombuffer(line.take(until), np.int16).reshape(-1, 2)


def test_each_voice_stands_at_its_time_in_its_channel() -> None:
    line = TwoChannels(RATE)
    line.add(USER, loud(0.5), 1.0)
    line.add(ASSISTANT, loud(0.5, 7000), 2.0)
    frames = taken(line, 3.0)
    assert len(frames) == 3 * RATE
    assert np.flatnonzero(frames[:, USER]).tolist() == list(range(1000, 1500))
    assert np.flatnonzero(frames[:, ASSISTANT]).tolist() == list(range(2000, 2500))


def test_jitter_makes_no_gap() -> None:
    line = TwoChannels(RATE)
    for packet in range(50):
        line.add(USER, loud(0.02), packet * 0.02 + (packet % 3) * SLACK_SECONDS / 4)
    assert (taken(line, 1.0)[:, USER] == 5000).all()


def test_an_interrupted_answer_ends_where_it_was_heard_last() -> None:
    line = TwoChannels(RATE)
    line.add(ASSISTANT, loud(1.0), 0.0)
    line.cut(ASSISTANT, 0.4)
    line.add(ASSISTANT, loud(0.2, 9000), 0.8)
    frames = taken(line, 1.0)[:, ASSISTANT]
    assert (frames[:400] == 5000).all()
    assert (frames[400:800] == 0).all()
    assert (frames[800:] == 9000).all()


def test_a_burst_after_a_stall_loses_no_speech_and_is_caught_up_in_silence() -> None:
    line = TwoChannels(RATE)
    for _ in range(100):  # two seconds that arrive at once
        line.add(USER, loud(0.02), 2.0)
    for packet in range(200):
        line.add(USER, loud(0.02, QUIET - 1), 2.0 + packet * 0.02)
    line.add(USER, loud(0.1, 8000), 6.0)
    frames = taken(line, 7.0)[:, USER]
    assert (frames == 5000).sum() == 2 * RATE
    (place,) = np.flatnonzero(frames == 8000)[:1]
    assert abs(place / RATE - 6.0) <= SLACK_SECONDS + 0.02


@given(
    st.lists(
        st.tuples(st.sampled_from([USER, ASSISTANT]), st.floats(0, 0.5), st.floats(0.01, 0.3)),
        max_size=30,
    ),
    st.lists(st.floats(0, 3), max_size=5),
)
def test_pieces_are_handed_out_once_and_without_holes(
    packets: list[tuple[int, float, float]], moments: list[float]
) -> None:
    line, now = TwoChannels(RATE), 0.0
    whole = TwoChannels(RATE)
    for channel, pause, seconds in packets:
        now += pause
        line.add(channel, loud(seconds), now)
        whole.add(channel, loud(seconds), now)
    pieces = [line.take(until) for until in [*sorted(moments), 20.0]]
    assert b"".join(pieces) == whole.take(20.0)
