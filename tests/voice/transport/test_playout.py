"""Audio is sent in real time with a short lead; what is replayed starts between words."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.voice.transport.output import Playout, chunks_to_replay

durations = st.lists(st.floats(0.001, 0.1), min_size=1, max_size=200)


@given(durations)
def test_the_sender_is_never_further_ahead_than_its_lead(chunks: list[float]) -> None:
    playout, now, sent = Playout(lead=0.1), 100.0, 0.0
    for chunk in chunks:
        now += playout.delay(chunk, now)
        assert sent - (now - 100.0) <= 0.1 + 1e-6
        sent += chunk


@given(durations, st.floats(0.2, 5.0))
def test_after_a_stall_it_catches_up_by_no_more_than_its_lead(
    chunks: list[float], stall: float
) -> None:
    playout, now = Playout(lead=0.1), 0.0
    now += playout.delay(0.02, now) + stall
    assert playout.delay(chunks[0], now) == 0.0
    assert playout.playing_until(now) == now + chunks[0]


def test_the_first_chunks_leave_at_once_and_later_ones_wait() -> None:
    playout = Playout(lead=0.1)
    waits = [playout.delay(0.02, 10.0) for _ in range(8)]
    assert waits[:6] == [0.0] * 6
    assert waits[7] > 0


def test_a_flush_forgets_what_was_sent() -> None:
    playout = Playout(lead=0.1)
    for _ in range(50):
        playout.delay(0.02, 10.0)
    playout.flush()
    assert playout.delay(0.02, 10.0) == 0.0


def _chunk(level: int) -> bytes:
    return level.to_bytes(2, "little", signed=True) * 480  # 20 ms at 24 kHz


def test_an_answer_goes_on_from_the_quietest_place_not_long_before_it_was_held() -> None:
    levels = [900, 900, 10, 900, 900, 900, 900, 30, 900, 900, 900, 900, 900, 900, 900]
    chunks = [_chunk(level) for level in levels]
    # The 30 lies 160 ms back, the 10 260 ms; 300 ms are the most.
    assert chunks_to_replay(chunks, 24_000, 0.15, 0.25) == 8
    assert chunks_to_replay(chunks, 24_000, 0.15, 0.30) == 13


def test_what_has_just_begun_is_played_from_its_beginning() -> None:
    assert chunks_to_replay([_chunk(5)] * 3, 24_000, 0.15, 0.5) == 3
    assert chunks_to_replay([], 24_000, 0.15, 0.5) == 0


@given(st.lists(st.binary(min_size=2, max_size=400).map(lambda b: b[: len(b) // 2 * 2])))
def test_never_more_is_played_again_than_was_played(chunks: list[bytes]) -> None:
    assert 0 <= chunks_to_replay(chunks, 24_000, 0.15, 0.5) <= len(chunks)
