"""What the yardstick says, and who says it."""

from pathlib import Path

from appliance.bench.accuracy.speakers import Speakers
from appliance.bench.accuracy.utterances import Utterance
from appliance.bench.accuracy.yardstick import EVERYTHING, AccuracyOptions, _trials
from tests.daemon import FIXTURES


def test_everything_is_every_text_in_every_condition(tmp_path: Path) -> None:
    options = AccuracyOptions(
        tmp_path, ["fr"], ["short", "name"], ["clean", "room"], utterances=EVERYTHING
    )
    trials = _trials(options)
    assert len(trials) == 2 * len({trial.utterance for trial in trials}) > 10


async def test_speech_is_made_once(tmp_path: Path) -> None:
    async with Speakers(tmp_path / "cache", None, tmp_path) as speakers:
        voice = speakers.voice("de", 3)
        assert voice == "espeak de"
        first = await speakers.speak("Guten Morgen.", "de", voice)
        [file] = (tmp_path / "cache").iterdir()
        written = file.stat().st_mtime_ns
        again = await speakers.speak("Guten Morgen.", "de", voice)
    assert len(first) > 8000
    assert (first == again).all()
    assert file.stat().st_mtime_ns == written


async def test_a_kokoro_speaks_the_languages_of_its_voices(tmp_path: Path) -> None:
    files = (FIXTURES / "micro_kokoro" / name for name in ("kokoro-micro.onnx", "voices-micro.bin"))
    model, voices = files
    async with Speakers(tmp_path, (model, voices), tmp_path) as speakers:
        assert [speakers.voice("es", number) for number in range(3)] == [
            *("ef_dora", "em_alex", "ef_dora")
        ]
        assert speakers.voice("de", 0) == "espeak de"
        english = speakers.voice("en", 0)
        part = Utterance("en", "short", ("Hello.",)).spoken_parts()[0]
        assert len(await speakers.speak(part, "en", english)) > 800


async def test_a_voice_of_piper_speaks_its_language(tmp_path: Path) -> None:
    voice = "de_DE-thorsten-medium"
    for suffix in (".onnx", ".onnx.json"):
        micro = FIXTURES / "micro_piper" / f"en_US-micro-low{suffix}"
        (tmp_path / f"{voice}{suffix}").write_bytes(micro.read_bytes())
    async with Speakers(tmp_path / "cache", None, tmp_path) as speakers:
        assert speakers.voice("de", 5) == voice
        assert speakers.voice("en", 5) == "espeak en"
        assert len(await speakers.speak("Guten Morgen.", "de", voice)) > 800
