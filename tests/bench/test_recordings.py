"""What is said: the recordings that ship, and a user's own."""

import wave
from pathlib import Path

import pytest

from appliance.bench.recordings import COMMANDS, EVERYTHING, sentences
from appliance.errors import ApplianceError


def record(file: Path, rate: int = 16_000, samples: int = 1_600) -> Path:
    with wave.open(str(file), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes(bytes(2 * samples))
    return file


def test_sentences_come_along_with_the_package() -> None:
    commands, everything = sentences(COMMANDS), sentences(EVERYTHING)
    assert "what time is it" in {sentence.text for sentence in commands}
    assert len(everything) > len(commands) >= 4
    assert all(0.5 < sentence.seconds < 4 for sentence in everything)


def test_a_recording_is_named_after_its_words(tmp_path: Path) -> None:
    [sentence] = sentences([record(tmp_path / "Good_morning.wav")])
    assert (sentence.text, sentence.seconds) == ("good morning", 0.1)


def test_directories_and_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("more/b.wav", "more/a.wav", "c.wav"):
        record(tmp_path / name)
    said = sentences([tmp_path / "more", tmp_path / "c.wav"])
    assert [sentence.text for sentence in said] == ["a", "b", "c"]


def test_another_rate_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="not 16 kHz") as caught:
        sentences([record(tmp_path / "a.wav", rate=44_100)])
    assert "ffmpeg" in caught.value.advice


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"RIFF")
    with pytest.raises(ApplianceError, match="cannot be read"):
        sentences([file])


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"no \.wav files"):
        sentences([tmp_path])
