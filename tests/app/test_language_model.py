"""The managed model in the daemon: from the plan to its server, and giving way first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from appliance.app.language_model import LanguageModel, ModelGivesWayFirst, governed
from appliance.config.loader import Config, load
from appliance.hardware.detect import Hardware
from appliance.hardware.language_models import LANGUAGE_MODELS, LanguageServer
from appliance.hardware.language_server import trials_file
from appliance.hardware.memory_pressure import MemoryPool
from appliance.hardware.plan import Plan, plan
from appliance.llm.served_model import choice_file, read_choice
from appliance.llm.trial import kept_trials
from tests.llm.test_managed_server import PROGRAM, free_port, until

GB = 10**9
SIZES = {name: model.bytes for name, model in LANGUAGE_MODELS.items()}
DESKTOP = Hardware("Desktop", "x86_64", 8, 8 * GB, 4 * GB)


def configured(state: Path, **settings: str) -> Config:
    values = {"store__path": str(state / "db"), "llm__port": str(free_port()), **settings}
    return load([], {f"APPLIANCE__{name.upper()}": value for name, value in values.items()})


def planned(config: Config, on_disk: dict[str, int] | None = None) -> Plan:
    models = SIZES if on_disk is None else on_disk
    return plan(DESKTOP, config, models, server=LanguageServer("/srv/llama-server"))


async def nothing() -> None:
    pass


def model_of(config: Config, made: Plan | None = None) -> LanguageModel:
    return LanguageModel(config, made or planned(config), None, nothing, lambda: None)


@dataclass
class Engines:
    """The speech engines, as far as the governor steps them."""

    settling: bool = False
    steps: list[str] = field(default_factory=list)
    up_bytes: int | None = None

    def step_down(self, pool: MemoryPool) -> str:
        self.steps.append(f"down {pool}")
        return "kokoro gives way to espeak"

    def step_up(self, pool: MemoryPool) -> None:
        self.steps.append(f"up {pool}")
        self.up_bytes = None

    def step_up_bytes(self, _pool: MemoryPool) -> int | None:
        return self.up_bytes


async def test_the_first_choice_of_the_plan_is_written_down(tmp_path: Path) -> None:
    config = configured(tmp_path)
    model = model_of(config)
    model.start()
    served = read_choice(choice_file(config))
    assert served
    assert (served.model, served.context) == ("Qwen3-1.7B", 8192)
    assert model.is_starting
    endpoint = model.endpoint()
    assert endpoint
    assert (endpoint.model, endpoint.left_the_box) == ("Qwen3-1.7B", False)
    assert endpoint.is_starting()
    # Without having counted prompt and tools, it is the context less the longest answer.
    assert endpoint.history_tokens() == 8192 - config.llm.max_tokens
    await endpoint.client.close()


@pytest.mark.parametrize(
    ("settings", "on_disk"), [({"llm__provider": "none"}, None), ({}, {"tiny": 10**8})]
)
def test_without_a_model_the_tools_answer(
    tmp_path: Path, settings: dict[str, str], on_disk: dict[str, int] | None
) -> None:
    config = configured(tmp_path, **settings)
    model = model_of(config, planned(config, on_disk))
    model.start()
    assert model.endpoint() is None
    assert not model.is_starting
    assert model.report()["state"] == "off"


def test_a_decision_for_a_model_ends_with_the_provider(tmp_path: Path) -> None:
    model_of(configured(tmp_path)).start()
    others = configured(tmp_path, llm__provider="ollama")
    model_of(others).start()
    assert read_choice(choice_file(others)) is None


async def test_a_plan_with_other_models_is_followed(tmp_path: Path) -> None:
    config = configured(tmp_path)
    model = model_of(config)
    model.start()
    model.follow_plan(planned(config, {"Qwen3-0.6B": SIZES["Qwen3-0.6B"]}))
    served = read_choice(choice_file(config))
    assert served
    assert served.model == "Qwen3-0.6B"
    model.follow_plan(planned(config, {}))
    assert read_choice(choice_file(config)) is None
    assert "appliance models pull" in model.report()["why"]


@asynccontextmanager
async def loaded(
    tmp_path: Path, *, contended: Callable[[], bool] = lambda: False
) -> AsyncIterator[tuple[LanguageModel, Config]]:
    """A model whose server answers: the scripted program, as if a unit had started it."""
    config = configured(tmp_path)
    port = str(config.llm.port)
    command = ["/bin/sh", "-c", f'exec python3 "{PROGRAM}" {port} "{tmp_path}"']
    model = LanguageModel(config, planned(config), command, nothing, lambda: None, contended)
    model.start()
    running = asyncio.create_task(model.run())
    try:
        await until(lambda: model.is_ready)
        yield model, config
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_model_gives_way_before_ears_and_voice_and_comes_back_after(
    tmp_path: Path,
) -> None:
    async with loaded(tmp_path) as (model, config):
        engines = Engines()
        first = ModelGivesWayFirst(model, engines)
        assert first.step_up_bytes(MemoryPool.HOST) is None
        assert first.step_down(MemoryPool.GPU) == "kokoro gives way to espeak"
        assert engines.steps.pop() == "down gpu"
        taken = []
        while model.memory_held(MemoryPool.HOST):
            taken.append(first.step_down(MemoryPool.HOST))
            await until(lambda: model.is_ready or not model.report()["name"])
        assert taken == [
            "Qwen3-1.7B with 8192 tokens gives way to Qwen3-1.7B with 4096 tokens",
            "Qwen3-1.7B with 4096 tokens gives way to Qwen3-0.6B with 8192 tokens",
            "Qwen3-0.6B with 8192 tokens gives way to Qwen3-0.6B with 4096 tokens",
            "Qwen3-0.6B with 4096 tokens gives way to no language model",
        ]
        assert engines.steps == []
        assert read_choice(choice_file(config)) is None
        assert first.step_down(MemoryPool.HOST) == "kokoro gives way to espeak"
        engines.up_bytes = 1
        assert first.step_up_bytes(MemoryPool.HOST) == 1
        first.step_up(MemoryPool.HOST)
        assert engines.steps[-1] == "up host"
        needed = first.step_up_bytes(MemoryPool.HOST)
        assert needed
        assert needed > SIZES["Qwen3-0.6B"]
        first.step_up(MemoryPool.HOST)
        await until(lambda: model.is_ready)
        assert model.report()["name"] == "Qwen3-0.6B"
        assert not first.settling


async def test_a_trial_is_made_once_and_shown(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (model, _):
        report = model.report()
        assert (report["tokens_per_second"], report["tools"]) == (20.0, "none")
        assert not report["slow"]
        asked = (tmp_path / "asked").read_text().count("two plus two")
        assert asked == 1
        await model.prefill({"messages": [{"role": "system", "content": "Be brief."}]})
        endpoint = model.endpoint()
        assert endpoint
        assert endpoint.history_tokens() == 8192 - 500 - 400
        await endpoint.client.close()
    async with loaded(tmp_path) as (model, _):
        assert (tmp_path / "asked").read_text().count("two plus two") == asked
        assert model.report()["tokens_per_second"] == 20.0


@pytest.mark.parametrize("contended", [(True, False), (False, True)])  # before, after
async def test_what_a_trial_finds_on_a_busy_machine_is_not_kept(
    tmp_path: Path, contended: tuple[bool, bool]
) -> None:
    async with loaded(tmp_path, contended=iter(contended).__next__) as (model, config):
        assert model.report()["tokens_per_second"] == 20.0
        assert kept_trials(trials_file(config)) == []


def test_before_there_are_engines_nothing_is_governed(tmp_path: Path) -> None:
    model = model_of(configured(tmp_path))
    found: list[Any] = [None]
    governs = governed(model, lambda: found[0])
    assert governs() is None
    found[0] = Engines(settling=True)
    combined = governs()
    assert combined
    assert combined.settling


def test_a_card_of_its_own_is_another_pool(tmp_path: Path) -> None:
    config = configured(tmp_path)
    card = replace(
        DESKTOP, gpu="card", gpu_memory=16 * GB, gpu_memory_free=15 * GB, compute_capability=(8, 6)
    )
    made = plan(card, config, SIZES, server=LanguageServer("/srv/llama-server", gpu=True))
    assert {option.device for option in made.llm.options} == {"cuda"}
    assert made.llm.options[0].model == "Qwen3-8B"
