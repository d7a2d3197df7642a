"""Clips as the transcriber itself gets them."""

import pytest

from appliance.bench.accuracy.clips import Clip
from appliance.bench.accuracy.direct import AFTER_SECONDS, BEFORE_SECONDS, segments


def clip(pauses: tuple[tuple[float, float], ...]) -> Clip:
    return Clip(*("a", "one two", "en", "digits", "clean", "v"), bytes(32_000 * 6), 0.6, 3, pauses)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 32_000


def test_an_utterance_is_cut_in_its_pauses() -> None:
    first, second = segments(clip(((1.0, 1.6),)))
    assert seconds(first) == pytest.approx(0.4 + BEFORE_SECONDS + AFTER_SECONDS)
    assert seconds(second) == pytest.approx(1.4 + BEFORE_SECONDS + AFTER_SECONDS)
    [whole] = segments(clip(()))
    assert seconds(whole) == pytest.approx(2.4 + BEFORE_SECONDS + AFTER_SECONDS)
