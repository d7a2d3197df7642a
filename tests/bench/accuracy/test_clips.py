"""Clips: where speech and its pauses are, and recordings with their words."""

import wave
from pathlib import Path

import numpy as np
import pytest

from appliance.audio.format import INPUT_RATE
from appliance.bench.accuracy.clips import (
    LEAD_SECONDS,
    TAIL_SECONDS,
    no_speech_clips,
    recorded_clips,
    speech_clip,
)
from appliance.bench.accuracy.sound import pcm_signal
from appliance.bench.accuracy.utterances import Trial, Utterance
from appliance.errors import ApplianceError

TONE = np.full(INPUT_RATE, 0.25, np.float32)  # a second


def test_a_clip_knows_where_its_speech_and_its_pauses_are() -> None:
    trial = Trial(Utterance("en", "digits", ("one,", "two,", "three.")), "clean", 0)
    clip = speech_clip("1", trial, "somebody", [TONE, TONE, TONE], [], seed=1)
    signal = pcm_signal(clip.pcm)

    def level(begin: float, end: float) -> float:
        return float(np.abs(signal[round(begin * INPUT_RATE) : round(end * INPUT_RATE)]).max())

    assert (clip.text, clip.begin, clip.is_finished) == ("one, two, three.", LEAD_SECONDS, True)
    assert clip.seconds == pytest.approx(clip.end + TAIL_SECONDS, abs=0.001)
    assert len(clip.pauses) == 2
    assert level(0, clip.begin) == 0
    assert level(clip.end, clip.seconds) == 0
    for begin, end in clip.pauses:
        assert 0.35 <= end - begin <= 0.8
        assert level(begin, end) == 0
        assert level(begin - 0.01, begin) > 0.2
        assert level(end, end + 0.01) > 0.2
    assert clip == speech_clip("1", trial, "somebody", [TONE, TONE, TONE], [], seed=1)


def test_sounds_without_speech_have_no_text() -> None:
    clips = list(no_speech_clips(1))
    assert len(clips) == 15
    assert not any(clip.text for clip in clips)
    assert len({clip.name for clip in clips}) == len(clips)


def record(file: Path, rate: int, channels: int = 1) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as recording:
        recording.setparams((channels, 2, rate, 0, "NONE", ""))
        half = np.zeros(rate * channels // 2, "<i2")
        recording.writeframes(np.concatenate([half, half + 8000, half]).tobytes())


def test_recordings_have_their_words_beside_them_or_in_their_name(tmp_path: Path) -> None:
    record(tmp_path / "de" / "kitchen" / "a.wav", 44_100, channels=2)
    (tmp_path / "de" / "kitchen" / "a.txt").write_text("Wie spät ist es?\n", encoding="utf-8")
    record(tmp_path / "what_time_is_it.wav", 16_000)
    german, english = recorded_clips(tmp_path)
    assert (german.text, german.language, german.kind) == ("Wie spät ist es?", "de", "kitchen")
    assert (english.text, english.language, english.kind) == ("what time is it", "en", "recording")
    for clip in (german, english):
        assert clip.begin == pytest.approx(LEAD_SECONDS + 0.5, abs=0.02)
        assert clip.end == pytest.approx(LEAD_SECONDS + 1.0, abs=0.04)


def test_an_empty_directory_and_a_broken_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"no \.wav files"):
        recorded_clips(tmp_path)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(ApplianceError, match="cannot be read"):
        recorded_clips(tmp_path)
