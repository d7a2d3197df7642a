"""The plan of the managed language model."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.loader import Config, load
from appliance.hardware.detect import Hardware
from appliance.hardware.language_models import (
    CONTEXTS,
    LANGUAGE_MODELS,
    LEAST_TOKENS_PER_SECOND,
    LanguageServer,
    PlannedLanguageModel,
    language_model_memory,
    llm_threads,
    plan_language_model,
)
from appliance.hardware.language_server import server_build

GB = 10**9
EVERYTHING = {name: model.bytes for name, model in LANGUAGE_MODELS.items()}
TEST_MODEL = "Qwen2.5-Coder-0.5B-Instruct"
DESKTOP = Hardware("Desktop", "x86_64", 8, 32 * GB, 24 * GB)
SMALL = Hardware("Small", "x86_64", 2, 4 * GB, 3 * GB)
ORIN = Hardware(
    "Orin", "aarch64", 6, 8 * GB, 6 * GB, soc="tegra234", compute_capability=(8, 7), gpu="gpu"
)
LIBRARY = LanguageServer("xllamacpp")


def configured(**settings: str) -> Config:
    return load([], {f"APPLIANCE__{name.upper()}": value for name, value in settings.items()})


def planned(
    hardware: Hardware = DESKTOP,
    on_disk: dict[str, int] | None = None,
    server: LanguageServer = LIBRARY,
    room: int = 20 * GB,
    **settings: str,
) -> PlannedLanguageModel:
    models = EVERYTHING if on_disk is None else on_disk
    return plan_language_model(hardware, configured(**settings), models, server, lambda _: room)


def names(made: PlannedLanguageModel) -> list[tuple[str, int]]:
    return [(option.model, option.context) for option in made.options]


def test_less_context_gives_way_before_the_model_does() -> None:
    made = planned(room=5 * GB, server=LanguageServer("/opt/llama-server", gpu=True))
    assert names(made)[:3] == [
        ("Qwen3-4B-Instruct-2507", 8192),
        ("Qwen3-4B-Instruct-2507", 4096),
        ("Qwen3-1.7B", 8192),
    ]
    assert [option.reason for option in made.options[:3]] == [
        "the best on disk that fits and is quick enough",
        "with less context, if memory is short",
        "a smaller model, if memory is short",
    ]
    assert made.better == "nothing: it is the best that fits here"


@given(st.integers(0, 20 * GB), st.integers(1, 64), st.sampled_from(["x86_64", "aarch64", "riscv"]))
def test_whatever_is_planned_fits_is_quick_and_leaves_a_core(
    room: int, cores: int, architecture: str
) -> None:
    hardware = replace(DESKTOP, cores=cores, architecture=architecture)
    made = planned(hardware, room=room)
    memory = [option.memory for option in made.options]
    assert all(taken <= room for taken in memory)
    assert memory == sorted(memory, reverse=True)
    for option in made.options:
        assert option.tokens_per_second >= LEAST_TOKENS_PER_SECOND
        assert option.threads <= max(1, cores - 1)
        assert option.model != TEST_MODEL
    assert made.better


def test_two_cores_have_none_unless_a_trial_or_the_owner_says_so() -> None:
    assert planned(SMALL).options == ()
    assert "more processor cores" in planned(SMALL).better
    quick = LanguageServer("xllamacpp", measured={"Qwen3-0.6B": 14.0, "Qwen3-1.7B": 6.0})
    [first, *_] = planned(SMALL, server=quick).options
    assert (first.model, first.threads, first.tokens_per_second) == ("Qwen3-0.6B", 1, 14.0)
    assert first.measured
    named = planned(SMALL, llm__model=TEST_MODEL)
    assert names(named) == [(TEST_MODEL, context) for context in CONTEXTS]
    assert named.options[0].reason == "named in the configuration"


def test_what_a_trial_measured_counts_more_than_the_estimate() -> None:
    slow = LanguageServer("xllamacpp", measured={"Qwen3-1.7B": 4.0})
    assert "Qwen3-1.7B" not in dict(names(planned(server=slow)))


def test_a_gpu_is_used_by_a_server_that_is_built_for_it() -> None:
    [first, *_] = planned(
        ORIN, room=3 * GB, server=LanguageServer("/opt/llama-server", True)
    ).options
    assert (first.device, first.model) == ("cuda", "Qwen3-1.7B")
    assert {option.device for option in planned(ORIN, room=4 * GB).options} <= {"cpu"}


@pytest.mark.parametrize(
    ("settings", "on_disk", "server", "room", "better"),
    [
        ({"llm__provider": "none"}, None, LIBRARY, 20 * GB, 'llm.provider = "auto"'),
        ({}, {}, LIBRARY, 20 * GB, "`appliance models pull Qwen3-1.7B`"),
        ({}, None, LanguageServer(), 20 * GB, "needs a server: xllamacpp"),
        ({}, {}, LIBRARY, GB, "Qwen3-0.6B needs 410 MB more memory"),
        ({"llm__model": "Qwen3-8B"}, {}, LIBRARY, 20 * GB, "`appliance models pull Qwen3-8B`"),
    ],
)
def test_one_line_says_what_would_change_that(
    settings: dict[str, str],
    on_disk: dict[str, int] | None,
    server: LanguageServer,
    room: int,
    better: str,
) -> None:
    models = EVERYTHING if on_disk is None else on_disk
    config = configured(**settings)
    made = plan_language_model(DESKTOP, config, models, server, lambda _: room)
    assert made.options == ()
    assert better in made.better


def test_a_file_of_ones_own_is_served_when_it_is_named() -> None:
    [first, *_] = planned(on_disk={"/srv/mine.gguf": GB}, llm__model="/srv/mine.gguf").options
    assert first.memory > language_model_memory(GB, 0, first.context, "cpu")


def test_the_threads_of_a_large_machine_are_bounded() -> None:
    assert [llm_threads(replace(DESKTOP, cores=cores)) for cores in (1, 2, 4, 64)] == [1, 1, 3, 8]


def test_a_build_of_the_server_is_known_wherever_it_lies(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "llama-server").write_bytes(b"program")
    (one / "libllama.so.1").write_bytes(b"library")
    before = server_build(str(one / "llama-server"))
    one.rename(other)
    assert server_build(str(other / "llama-server")) == before
    link = tmp_path / "llama-server"
    link.symlink_to(other / "llama-server")
    assert server_build(str(link)) == before
    # Built anew at the same place, it is tried anew.
    (other / "libllama.so.1").write_bytes(b"another library")
    assert server_build(str(other / "llama-server")) != before
    assert server_build(str(one / "llama-server")) == ""
    assert server_build("xllamacpp").startswith("xllamacpp 2")
