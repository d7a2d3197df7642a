"""The trial of a model, and how its result is kept."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.config.loader import load
from appliance.hardware.language_server import measured_speeds, server_build, trials_file
from appliance.llm.served_model import ServedModel
from appliance.llm.trial import keep_trial, kept_trial, kept_trials, run_trial

SERVED = ServedModel(
    "one", "/srv/one.gguf", "xllamacpp", "cpu", 1, 4096, 8091, server_build("xllamacpp")
)
CALL = {"id": "1", "type": "function", "function": {"name": "set_timer", "arguments": "{}"}}


class Model:
    """Answers as the script says; every answer has the figures of a server."""

    def __init__(self, text: str = "It is four.", call: Mapping[str, Any] | None = None) -> None:
        self.text = text
        self.call = call or {"content": "", "tool_calls": [CALL]}
        self.asked: list[Mapping[str, Any]] = []

    async def ask(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(body)
        message = self.call if "tools" in body else {"content": self.text}
        cold = len(self.asked) == 1
        timings = {
            "prompt_n": 80 if cold else 9,
            "prompt_ms": 900.0 if cold else 90.0,
            "predicted_n": 10,
            "predicted_ms": 500.0,
        }
        return {"choices": [{"message": message}], "timings": timings}


async def test_a_fit_model() -> None:
    model = Model()
    trial = await run_trial(model.ask, SERVED, lambda: 1000.4)
    assert trial.fault == ""
    assert (trial.cold_tokens, trial.warm_tokens) == (80, 9)
    assert (trial.cold_seconds, trial.warm_seconds) == (0.9, 0.09)
    assert (trial.tokens_per_second, trial.calls, trial.at) == (20.0, "called", 1000)
    # The questions begin alike, or nothing would be warm.
    assert len({str(body["messages"][0]) for body in model.asked}) == 1


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ({"content": '{"name": "set_timer", "arguments": {"minutes": 10}}'}, "as text"),
        ({"content": "Your timer runs."}, "none"),
        ({"content": None, "tool_calls": [{"function": {"name": "sing"}}]}, "none"),
    ],
)
async def test_tools_that_are_not_called(message: Mapping[str, Any], calls: str) -> None:
    assert (await run_trial(Model(call=message).ask, SERVED)).calls == calls


@pytest.mark.parametrize("text", ["", "GGGGGGGG", "I am not sure"])
async def test_a_model_that_answers_nonsense_is_unfit(text: str) -> None:
    assert "two plus two" in (await run_trial(Model(text).ask, SERVED)).fault


async def test_an_answer_without_figures_is_no_error() -> None:
    async def ask(_body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"choices": []}

    assert (await run_trial(ask, SERVED)).tokens_per_second == 0.0


async def test_results_are_kept_for_each_model_server_and_number_of_threads(tmp_path: Path) -> None:
    config = load([], {"APPLIANCE__STORE__PATH": str(tmp_path / "db")})
    file = trials_file(config)
    assert kept_trials(file) == []
    trial = await run_trial(Model().ask, SERVED)
    keep_trial(file, trial, SERVED)
    assert kept_trial(file, SERVED) == trial
    assert kept_trial(file, replace(SERVED, context=8192)) == trial
    for other in ({"model": "two"}, {"build": "newer"}, {"device": "cuda"}, {"threads": 3}):
        assert kept_trial(file, replace(SERVED, **other)) is None, other
    assert measured_speeds(config, "xllamacpp") == {"one": 20.0}
    assert measured_speeds(config, "/opt/llama-server") == {}
    keep_trial(file, replace(trial, tokens_per_second=5.0), SERVED)
    assert measured_speeds(config, "xllamacpp") == {"one": 5.0}
    for threads in range(1, 61):
        served = replace(SERVED, threads=threads)
        keep_trial(file, replace(trial, threads=threads), served)
    assert [kept.threads for kept in kept_trials(file)] == list(range(11, 61))
    file.write_text('{"trials": [{"model": "of another version"}, 7]}')
    assert kept_trials(file) == []
    assert measured_speeds(config, "xllamacpp") == {}
