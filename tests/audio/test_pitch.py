import json

import pytest

from appliance.audio.pitch import voiced
from tests.engines.sound import FIXTURES, breath, music, noise, recording, silence, with_noise

UTTERANCES = FIXTURES / "micro_whisper" / "utterances"


@pytest.mark.parametrize("name", json.loads((UTTERANCES / "index.json").read_text()))
@pytest.mark.parametrize("snr", [60, 5])
def test_speech_is_voiced_even_in_noise(name: str, snr: float) -> None:
    audio = recording("micro_whisper", "utterances", name)
    assert voiced(with_noise(audio, 0.1, snr))


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"\1",
        silence(2),
        noise(1000),
        noise(8000),
        noise(3000, smoothing=8),
        noise(3000, smoothing=64),
        breath(0.01, 3),
        breath(0.2, 6),
    ],
    ids=lambda audio: f"{len(audio)} bytes",
)
def test_noise_and_breath_are_not_voiced(audio: bytes) -> None:
    assert not voiced(audio)


def test_music_is_voiced_too() -> None:
    assert voiced(music(0.1, 2))
