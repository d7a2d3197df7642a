"""Silence is detected by loudness at once, and speech is not mistaken for it."""

import random

from hypothesis import given
from hypothesis import strategies as st

from appliance.audio.silence import SilenceDetector

RATE = 16_000


def noise(seconds: float, level: float, seed: int = 1) -> bytes:
    source = random.Random(seed)
    count = int(seconds * RATE)
    return b"".join(
        round(max(-32768, min(32767, source.gauss(0, level)))).to_bytes(2, "little", signed=True)
        for _ in range(count)
    )


def test_a_voice_that_ends_is_noticed_within_a_block() -> None:
    quiet = SilenceDetector(RATE)
    quiet.hear(noise(0.5, 20), speaking=False)
    assert quiet.hear(noise(0.5, 3000), speaking=True) == 0
    assert quiet.hear(noise(0.01, 20), speaking=True) == 10
    assert quiet.hear(noise(0.05, 20), speaking=True) == 60


def test_a_soft_syllable_is_no_silence() -> None:
    quiet = SilenceDetector(RATE)
    quiet.hear(noise(0.5, 3000), speaking=True)
    assert quiet.hear(noise(0.1, 400), speaking=True) == 0


def test_the_noise_of_a_room_is_silence_too() -> None:
    quiet = SilenceDetector(RATE)
    quiet.hear(noise(3, 300), speaking=False)
    quiet.hear(noise(0.5, 3000), speaking=True)
    assert quiet.hear(noise(0.1, 300), speaking=True) == 100


def test_noise_as_loud_as_the_voice_is_not_detected_as_silence() -> None:
    quiet = SilenceDetector(RATE)
    quiet.hear(noise(3, 2000), speaking=False)
    quiet.hear(noise(0.5, 3000), speaking=True)
    assert quiet.hear(noise(0.1, 2000), speaking=True) == 0


def test_speech_that_goes_on_ends_the_silence() -> None:
    quiet = SilenceDetector(RATE)
    quiet.hear(noise(0.5, 3000), speaking=True)
    assert quiet.hear(bytes(640), speaking=True) == 20
    assert quiet.hear(noise(0.02, 3000), speaking=True) == 0


def test_silence_outside_an_utterance_is_no_pause() -> None:
    quiet = SilenceDetector(RATE)
    assert quiet.hear(bytes(6400), speaking=False) == 0


@given(st.lists(st.tuples(st.binary(max_size=700), st.booleans()), max_size=8))
def test_any_audio_is_accepted(parts: list[tuple[bytes, bool]]) -> None:
    quiet = SilenceDetector(RATE)
    for pcm, speaking in parts:
        assert quiet.hear(pcm[: len(pcm) // 2 * 2], speaking=speaking) >= 0


def test_the_offset_of_a_microphone_is_no_sound() -> None:
    quiet = SilenceDetector(RATE)
    quiet.hear(noise(0.5, 3000), speaking=True)
    offset = (4000).to_bytes(2, "little", signed=True) * (RATE // 10)
    assert quiet.hear(offset, speaking=True) == 100
