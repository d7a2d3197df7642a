"""The measurement of a barge-in, on synthetic samples."""

from tests.e2e.browser_barge_in import Sample, barge_ins, onsets


def recording(voice_until: float, gap: tuple[float, float] = (0, 0)) -> list[Sample]:
    """The assistant speaks from 0 ms on, the user from 1000 ms to 2000 ms."""
    times = [at for at in range(0, 3000, 5) if not gap[0] < at < gap[1]]
    return [
        Sample(at, 0.1 if 1000 <= at < 2000 else 0.0, 0.1 if at < voice_until else 0.0)
        for at in times
    ]


def playing(until: float) -> list[tuple[float, bool]]:
    return [(0, True), (until, False)]


def test_it_lasts_from_the_onset_of_speech_to_the_end_of_the_voice() -> None:
    assert onsets(recording(1205)) == [1000]
    assert barge_ins(recording(1205), playing(1190)) == [200]


def test_a_pause_between_words_is_not_the_end_of_the_voice() -> None:
    assert barge_ins(recording(1050), playing(1230)) == [230]


def test_speech_in_silence_is_not_a_barge_in() -> None:
    assert barge_ins(recording(500), playing(500)) == []


def test_samples_with_a_gap_are_left_out() -> None:
    assert barge_ins(recording(1205, gap=(950, 1100)), playing(1205)) == []
    assert barge_ins(recording(1205, gap=(1195, 1300)), playing(1205)) == []


def test_a_voice_that_does_not_stop_has_the_longest_time() -> None:
    assert barge_ins(recording(3000), playing(3000)) == [1000]
