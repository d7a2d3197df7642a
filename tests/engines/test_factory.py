"""Loaders of the plan: memory pools, and what each engine is given."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.config.loader import Config, load
from appliance.engines.factory import hints, synthesizer_loaders, transcriber_loaders
from appliance.engines.whisper.engine import Whisper
from appliance.hardware.detect import Hardware, L4t
from appliance.hardware.memory_pressure import MemoryPool
from appliance.hardware.plan import plan
from appliance.hardware.planner import plan_for
from tests.engines.conftest import PIPER_MODEL


def configured(**settings: str) -> Config:
    return load([], {f"APPLIANCE__{name.upper()}": value for name, value in settings.items()})


def test_an_unreadable_model_gets_no_hints(tmp_path: Path) -> None:
    assert hints(configured(), tmp_path / ("x" * 300), ("lamp",)) == ()


@pytest.mark.parametrize(
    ("l4t", "pool"), [(None, MemoryPool.GPU), (L4t(36, 5, 0), MemoryPool.HOST)]
)
def test_an_engine_takes_the_memory_of_its_gpu_where_that_has_its_own(
    l4t: L4t | None, pool: MemoryPool
) -> None:
    machine = Hardware(
        "", "aarch64", 6, 8 * 10**9, 5 * 10**9, l4t=l4t, gpu="A GPU", gpu_memory=8 * 10**9
    )
    made = plan(machine, configured(), {"base.en": 145_216_508})
    on_gpu, *_, starter = transcriber_loaders(made, configured(), "")
    assert (on_gpu.pool, starter.pool) == (pool, MemoryPool.HOST)


@pytest.mark.parametrize(
    ("size", "wanted", "given"),
    [
        (75_000_000, "true", ("lamp",)),
        (75_000_000, "false", ()),
        (50_000_000, "true", ()),
    ],
)
async def test_hot_words_are_for_models_that_can_use_them_where_configured(
    size: int, wanted: str, given: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    async def load_whisper(directory: Path, *_how: object, hot_words: tuple[str, ...]) -> object:
        loaded.append((directory, hot_words))
        return SimpleNamespace(name="whisper")

    monkeypatch.setattr(Whisper, "load", load_whisper)
    weights = tmp_path / "some" / "model.bin"
    weights.parent.mkdir()
    weights.touch()
    os.truncate(weights, size)
    config = configured(
        stt__engine="whisper",
        stt__model=str(weights.parent),
        stt__hot_words=wanted,
    )
    first, *_ = transcriber_loaders(plan_for(config), config, "", ("lamp",))
    await first.load()
    assert loaded == [(weights.parent, given)]


def test_loaders_know_which_engines_are_slower() -> None:
    made = plan(
        Hardware("", "x86_64", 8, 16 * 10**9, 12 * 10**9),
        configured(),
        {"base.en": 145_216_508, "tiny.en": 75_537_502, "kokoro-v1.0": 325_532_387},
    )
    int8, float32, small, *_, starter = transcriber_loaders(made, configured(), "")
    assert float32.cost > int8.cost > small.cost > 0 == starter.cost
    assert {int8.device, float32.device} == {"cpu"}
    kokoro, espeak = synthesizer_loaders(made, configured())
    assert kokoro.cost > espeak.cost == 0


@pytest.mark.parametrize("model", ["en_US-micro-low", str(PIPER_MODEL)])
async def test_a_voice_of_piper_is_loaded_by_name_or_path(model: str) -> None:
    config = configured(tts__model=model, models__directory=str(PIPER_MODEL.parent))
    piper, espeak = synthesizer_loaders(plan_for(config), config)
    assert (piper.cost > 0, espeak.name) == (True, "espeak")
    engine = await piper.load()
    await engine.close()
    assert engine.name == "piper en_US-micro-low cpu"
