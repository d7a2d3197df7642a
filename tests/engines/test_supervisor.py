import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from appliance.config import loader
from appliance.engines import Synthesizer, Transcriber, Voice
from appliance.engines.espeak.engine import Espeak
from appliance.engines.factory import synthesizer_loaders, transcriber_loaders
from appliance.engines.slot import EngineLoader
from appliance.engines.sphinx.engine import Sphinx
from appliance.engines.supervisor import EngineSupervisor
from appliance.engines.whisper.engine import Whisper
from appliance.errors import EngineFailed, NotReady
from appliance.hardware import planner
from tests.engines.conftest import GRAMMAR
from tests.engines.sound import FIXTURES, recording, spoken

MODEL = FIXTURES / "micro_whisper" / "model"


def starter() -> EngineLoader[Transcriber]:
    return EngineLoader("sphinx", lambda: Sphinx.load(GRAMMAR, threads=1))


def whisper(directory: Path) -> EngineLoader[Transcriber]:
    return EngineLoader(f"whisper {directory.name}", lambda: Whisper.load(directory, "cpu"))


VOICES: list[EngineLoader[Synthesizer]] = [EngineLoader("espeak", Espeak.load)]


class Changes:
    """Counts how often the supervisor reports a change."""

    count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
async def changes() -> Changes:
    return Changes()


@pytest.fixture
async def supervisor(changes: Changes, tmp_path: Path) -> AsyncIterator[EngineSupervisor]:
    ladder = [whisper(tmp_path / "absent"), whisper(MODEL), starter()]
    supervisor = EngineSupervisor(ladder, VOICES, changes)
    yield supervisor
    await supervisor.close()


async def test_the_starters_answer_until_better_engines_are_loaded(
    supervisor: EngineSupervisor, changes: Changes
) -> None:
    with pytest.raises(NotReady):
        _ = supervisor.stt.current
    await supervisor.load_starters()
    assert (supervisor.stt.current.name, supervisor.tts.current.name) == ("sphinx", "espeak")
    count, before = changes.count, supervisor.ready
    await supervisor.load_better()
    assert (before, supervisor.ready) == (False, True)
    assert changes.count > count
    heard = await supervisor.stt.current.transcribe(recording("speech", "what_time_is_it.wav"))
    assert supervisor.stt.current.name.startswith("whisper model")
    assert heard.text


async def test_an_engine_that_cannot_load_is_reported_and_passed_over(
    supervisor: EngineSupervisor,
) -> None:
    await supervisor.load_starters()
    await supervisor.load_better()
    ladder = supervisor.states()["stt"]["ladder"]
    assert [slot["state"] for slot in ladder] == ["failed", "ready", "ready"]
    assert "no Whisper model in" in ladder[0]["error"]
    assert "appliance models pull" in ladder[0]["advice"]


async def test_a_failed_engine_is_left_once_and_the_last_one_stays(
    supervisor: EngineSupervisor,
) -> None:
    await supervisor.load_starters()
    await supervisor.load_better()
    better, error = supervisor.stt.current, EngineFailed("out of memory")
    assert supervisor.stt.report_failure(better, error)
    assert supervisor.stt.current.name == "sphinx"
    assert supervisor.stt.report_failure(
        better, error
    )  # a second session, which met the same failure
    assert not supervisor.stt.report_failure(supervisor.stt.current, error)
    assert supervisor.stt.current.name == "sphinx"
    assert supervisor.states()["stt"]["ladder"][1]["error"] == "out of memory"


async def test_the_starters_stay_where_all_other_models_are_broken(tmp_path: Path) -> None:
    supervisor = EngineSupervisor([whisper(tmp_path / "absent"), starter()], VOICES, Changes())
    await supervisor.load_starters()
    await supervisor.load_better()
    assert supervisor.ready
    assert supervisor.stt.current.name == "sphinx"
    await supervisor.close()
    await supervisor.close()


async def test_a_synthesizer_answers_without_any_transcriber(tmp_path: Path) -> None:
    supervisor = EngineSupervisor([whisper(tmp_path)], VOICES, lambda: None)
    await supervisor.load_starters()
    assert supervisor.ready
    assert [engine.name for engine in supervisor.answering] == ["espeak"]
    await supervisor.close()


async def test_the_engines_of_a_plan_answer() -> None:
    voice = FIXTURES / "micro_kokoro" / "kokoro-micro.onnx"
    named = {"APPLIANCE__STT__MODEL": str(MODEL), "APPLIANCE__TTS__MODEL": str(voice)}
    chosen = loader.load([], {**named, "APPLIANCE__STT__DEVICE": "cpu"})
    plan = await asyncio.to_thread(planner.plan_for, chosen)
    ladders = transcriber_loaders(plan, chosen, GRAMMAR), synthesizer_loaders(plan, chosen)
    assert [ladder[-1].name for ladder in ladders] == ["sphinx", "espeak"]
    supervisor = EngineSupervisor(*ladders, Changes())
    await supervisor.load_starters()
    await supervisor.load_better()
    assert supervisor.stt.current.name.startswith("whisper model")
    assert supervisor.tts.current.name.startswith("kokoro kokoro-micro")
    assert await spoken(supervisor.tts.current, "one", Voice("af_heart"))
    await supervisor.close()


async def test_hot_words_reach_a_model_that_can_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    class LoadCalled(Exception):
        """Raised instead of loading a model of 70 MB."""

    async def load(*_arguments: object, hot_words: Sequence[str] = ()) -> Whisper:
        asked.append(hot_words)
        raise LoadCalled

    monkeypatch.setattr(Whisper, "load", load)
    for size in (1, 70_000_000):
        directory = tmp_path / str(size)
        directory.mkdir()
        with (directory / "model.bin").open("wb") as weights:
            weights.truncate(size)
        chosen = loader.load([], {"APPLIANCE__STT__MODEL": str(directory)})
        plan = planner.plan_for(chosen)
        whisper = transcriber_loaders(plan, chosen, GRAMMAR, ("Claude", "pasta"))[0]
        with pytest.raises(LoadCalled):
            await whisper.load()
    assert asked == [(), ("Claude", "pasta")]


async def test_the_language_is_detected_by_the_model() -> None:
    chosen = loader.load(
        [], {"APPLIANCE__STT__MODEL": str(MODEL), "APPLIANCE__STT__LANGUAGE": "auto"}
    )
    plan = await asyncio.to_thread(planner.plan_for, chosen)
    first = transcriber_loaders(plan, chosen, GRAMMAR)[0]
    assert first.name.startswith("whisper")
    engine = await first.load()
    said = recording("micro_whisper", "utterances", "what_time_is_it.wav")
    heard = await engine.transcribe(said, chosen.stt.language)
    assert (heard.text, heard.language) == ("what time is it", "en")
    await engine.close()
