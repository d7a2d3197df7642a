"""The recordings that ship, and a user's own."""

import wave
from pathlib import Path

import pytest

from appliance.bench.recordings import COMMANDS, COMMANDS_BY_KOKORO, EVERYTHING, load_recordings
from appliance.errors import ApplianceError


def write_wav(file: Path, rate: int = 16_000, samples: int = 1_600) -> Path:
    with wave.open(str(file), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes(bytes(2 * samples))
    return file


def test_recordings_ship_with_the_package() -> None:
    commands, everything = load_recordings(COMMANDS), load_recordings(EVERYTHING)
    assert "what time is it" in {recording.text for recording in commands}
    assert len(everything) > len(commands) >= 4
    by_kokoro = load_recordings(COMMANDS_BY_KOKORO)
    assert {one.text for one in by_kokoro} == {one.text for one in commands}
    assert all(0.5 < recording.seconds < 4 for recording in (*everything, *by_kokoro))


def test_a_recording_is_named_after_its_words(tmp_path: Path) -> None:
    [recording] = load_recordings([write_wav(tmp_path / "Good_morning.wav")])
    assert (recording.text, recording.seconds) == ("good morning", 0.1)


def test_directories_and_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("more/b.wav", "more/a.wav", "c.wav"):
        write_wav(tmp_path / name)
    found = load_recordings([tmp_path / "more", tmp_path / "c.wav"])
    assert [recording.text for recording in found] == ["a", "b", "c"]


def test_another_sample_rate_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="not 16 kHz") as caught:
        load_recordings([write_wav(tmp_path / "a.wav", rate=44_100)])
    assert "ffmpeg" in caught.value.advice


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"RIFF")
    with pytest.raises(ApplianceError, match="cannot be read"):
        load_recordings([file])


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"no \.wav files"):
        load_recordings([tmp_path])
