from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.kokoro.generator import SAMPLES_PER_FRAME
from appliance.engines.kokoro.slices import (
    PlayoutBuffer,
    SilenceTrimmer,
    joined,
    slice_bounds,
)

Samples = npt.NDArray[np.float32]


@given(st.integers(1, 3000))
def test_slices_cover_a_sentence_in_order(frames: int) -> None:
    bounds = list(slice_bounds(frames))
    assert [start for start, _ in bounds] == [0, *[stop for _, stop in bounds[:-1]]]
    assert bounds[-1][1] == frames
    assert all(24 <= stop - start < 80 for start, stop in bounds) or frames < 64
    assert bounds[0][1] < 64


def test_the_slices_of_a_sentence_make_the_sentence() -> None:
    whole = np.sin(np.arange(500 * SAMPLES_PER_FRAME) / 20).astype(np.float32)

    def render(start: int, stop: int) -> Samples:
        return whole[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME].copy()

    parts = list(joined(render, 500))
    assert len(parts) > 8
    assert np.concatenate(parts) == pytest.approx(whole, abs=1e-6)


def test_slices_of_different_level_are_faded_into_each_other() -> None:
    def render(start: int, stop: int) -> Samples:
        level = 1.0 if start == 0 else 0.5
        return np.full((stop - start) * SAMPLES_PER_FRAME, level, np.float32)

    audio = np.concatenate(list(joined(render, 100)))
    assert audio.size == 100 * SAMPLES_PER_FRAME
    assert (audio[0], audio[-1]) == (1.0, 0.5)
    assert np.abs(np.diff(audio)).max() < 0.01


speech_or_silence = st.lists(st.tuples(st.booleans(), st.integers(1, 5000)), max_size=12)


@given(speech_or_silence, st.lists(st.integers(1, 9000), max_size=20))
def test_trimming_in_parts_keeps_all_sound_and_the_silence_inside(
    runs: list[tuple[bool, int]], cuts: list[int]
) -> None:
    audio = np.concatenate(
        [np.zeros(0), *[np.full(size, 0.5 if loud else 0.0) for loud, size in runs]]
    )
    borders = [0, *[min(cut, audio.size) for cut in np.cumsum(cuts)], audio.size]
    parts = [audio[start:stop] for start, stop in pairwise(borders) if stop > start]
    trimmer = SilenceTrimmer(0.01)
    kept = np.concatenate([np.zeros(0), *[trimmer.trimmed(part) for part in parts]])
    # A block of 256 samples counts as a whole, and its rest is measured with the next part.
    sound = np.flatnonzero(audio)
    if sound.size and kept.size:
        start, stop = np.flatnonzero(kept)[[0, -1]]
        assert kept.size <= sound[-1] - sound[0] + 1 + 2 * (1024 + 256)
        assert np.array_equal(kept[start : stop + 1], audio[sound[0] : sound[0] + stop - start + 1])
        assert sound[-1] - sound[0] - (stop - start) < 256


def test_silence_inside_a_sentence_waits_for_what_follows() -> None:
    trimmer = SilenceTrimmer(0.01)
    assert trimmer.trimmed(np.full(2560, 0.5)).size == 2560
    assert trimmer.trimmed(np.zeros(25_600)).size == 1024
    assert trimmer.trimmed(np.full(2560, 0.5)).size == 25_600 - 1024 + 2560


def test_silence_alone_is_not_played() -> None:
    trimmer = SilenceTrimmer(0.01)
    assert all(trimmer.trimmed(np.zeros(5000)).size == 0 for _ in range(5))
    assert trimmer.trimmed(np.full(2560, 0.5)).size <= 2560 + 1024 + 256


def gaps(slowness: float, usual: float) -> tuple[float, float]:
    """When a sentence of 6 s begins to be heard, and the silence inside it, in seconds.

    It is made at `slowness`, by an engine that has been at `usual` before.
    """
    buffer = PlayoutBuffer(usual)
    now = begun = heard_until = silence = 0.0
    for number in range(12):
        now += 0.5 * slowness
        half_second = np.zeros(12_000)
        for audio in buffer.add(half_second, 0.5, 0.5 * slowness, 5.5 - 0.5 * number):
            if not begun:
                begun = heard_until = now
            silence += max(0.0, now - heard_until)
            heard_until = max(now, heard_until) + audio.size / 24_000
    assert heard_until == pytest.approx(begun + silence + 6)
    return begun, silence


@pytest.mark.parametrize("slowness", [0.1, 0.5, 0.9])
def test_a_processor_that_keeps_up_is_heard_at_once(slowness: float) -> None:
    begun, silence = gaps(slowness, slowness)
    assert begun == pytest.approx(0.5 * slowness)
    assert silence == 0


@pytest.mark.parametrize("slowness", [1.2, 1.5, 3.0])
def test_a_slow_processor_is_heard_later_but_without_a_gap(slowness: float) -> None:
    begun, silence = gaps(slowness, slowness)
    assert silence == 0
    assert begun < 6 * slowness - 3


def test_a_processor_that_becomes_slow_is_noticed() -> None:
    buffer = PlayoutBuffer(0.3)
    for _ in range(15):
        list(buffer.add(np.zeros(12_000), 0.5, 1.0, 0.0))
    assert buffer.slowness == pytest.approx(2, abs=0.1)
