"""Speech goes on packet by packet, silence in pieces, and nothing is lost or out of order."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.audio.format import INPUT_RATE
from appliance.voice.transport.input import LONG_SECONDS, WINDOW_BYTES, WINDOWS, PacketBatcher

PACKET = 640
SOUND = b"\1\0" * (PACKET // 2)


def test_speech_goes_on_at_once() -> None:
    gathering = PacketBatcher()
    assert gathering.take(SOUND, at_once=False) == b""
    assert gathering.take(SOUND, at_once=True) == 2 * SOUND
    assert gathering.take(SOUND, at_once=True) == SOUND


def test_while_nobody_speaks_a_window_goes_on_when_it_is_full() -> None:
    gathering = PacketBatcher()
    pieces = [len(gathering.take(SOUND, at_once=False)) for _ in range(8)]
    assert pieces == [0, WINDOW_BYTES, 0, WINDOW_BYTES, WINDOW_BYTES, 0, WINDOW_BYTES, WINDOW_BYTES]


def test_long_silence_goes_on_in_few_pieces_until_the_first_sound() -> None:
    gathering = PacketBatcher()
    packets = int(LONG_SECONDS * INPUT_RATE * 2 / PACKET)
    for _ in range(packets):
        gathering.take(bytes(PACKET), at_once=False)
    pieces = [len(gathering.take(bytes(PACKET), at_once=False)) for _ in range(packets)]
    assert set(pieces) == {0, WINDOWS * WINDOW_BYTES}
    while gathering.take(bytes(PACKET), at_once=False):
        pass
    kept = bytes(PACKET)
    for _ in range(2):
        assert gathering.take(bytes(PACKET), at_once=False) == b""
        kept += bytes(PACKET)
    heard = gathering.take(SOUND, at_once=False)
    # All that was kept of the silence comes before it, and whole windows of both.
    assert len(heard) % WINDOW_BYTES == 0
    assert len(heard) > len(kept)
    assert heard.endswith(SOUND[: len(heard) % PACKET or PACKET])


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.sampled_from([0, 0, 0, 7]), st.booleans()), max_size=60
    )
)
def test_nothing_is_lost_or_out_of_order(packets: list[tuple[int, int, bool]]) -> None:
    gathering, given_, taken = PacketBatcher(), b"", b""
    for samples, value, speaking in packets:
        pcm = bytes([value, 0]) * samples * 10
        given_ += pcm
        taken += gathering.take(pcm, at_once=speaking)
        assert given_.startswith(taken)
        assert len(given_) - len(taken) < WINDOWS * WINDOW_BYTES
    assert taken + gathering.take(b"", at_once=True) == given_
