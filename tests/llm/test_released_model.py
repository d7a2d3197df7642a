"""A real instruct model under the real server: its trial, its prefix, its end."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.hardware.language_server import LIBRARY
from appliance.llm.managed_server import ManagedServer, ServerFiles, ServerState
from appliance.llm.served_model import ServedModel
from appliance.llm.trial import ModelTrial, run_trial
from tests.llm.test_managed_server import free_port
from tests.released import LANGUAGE_MODEL

pytestmark = [pytest.mark.released, pytest.mark.slow]

PROMPT = " ".join(f"Rule {number}: answer in one short plain sentence." for number in range(1, 41))


@asynccontextmanager
async def serving(models: Path, state: Path) -> AsyncIterator[ManagedServer]:
    """`appliance llm serve` as a child, once the model is loaded."""
    environment = {
        "APPLIANCE__STORE__PATH": str(state / "db"),
        "APPLIANCE__MODELS__DIRECTORY": str(models),
    }
    served = ServedModel(
        LANGUAGE_MODEL, str(models / f"{LANGUAGE_MODEL}.gguf"), LIBRARY, "cpu", 1, 4096, free_port()
    )
    settings = [f"{name}={value}" for name, value in environment.items()]
    arguments = ["-m", "appliance", "llm", "serve", "--end-with-parent"]
    ready = asyncio.Event()

    async def loaded(_served: ServedModel) -> str:
        ready.set()
        return ""

    files = ServerFiles(state / "llm.json", state / "llm.key")
    server = ManagedServer(
        files, ["env", *settings, sys.executable, *arguments], loaded, lambda: None
    )
    server.follow(served, "for the test")
    running = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(300):
            await ready.wait()
            while server.state is not ServerState.READY:
                assert server.state is not ServerState.REFUSED, server.why
                await asyncio.sleep(0.05)
        yield server
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def answered(server: ManagedServer, *messages: Mapping[str, str]) -> Mapping[str, Any]:
    body = {"messages": list(messages), "max_tokens": 16, "temperature": 0.0}
    return await server.ask(body)


async def test_a_question_computes_only_its_own_words(
    released_language_model: Path, tmp_path: Path
) -> None:
    system = {"role": "system", "content": PROMPT}
    async with serving(released_language_model, tmp_path) as server:
        first = await answered(server, system, {"role": "user", "content": "What is two plus two?"})
        text = str(first["choices"][0]["message"]["content"])
        assert "4" in text or "four" in text.lower()
        cold = first["timings"]["prompt_n"]
        assert cold > 300
        # Over twenty turns nothing but the new words is computed.
        messages: list[Mapping[str, str]] = [system]
        for turn in range(20):
            messages.append({"role": "user", "content": f"What is {turn} plus one?"})
            answer = await answered(server, *messages)
            computed = answer["timings"]["prompt_n"]
            assert computed <= 0.15 * cold, f"turn {turn}: {computed} of {cold}"
            messages.append({"role": "assistant", "content": "A number."})
        assert server.served
        trial = await run_trial(server.ask, server.served)
        assert isinstance(trial, ModelTrial)
        assert trial.fault == ""
        assert trial.calls in ("called", "as text")
        assert 0 < trial.warm_tokens < trial.cold_tokens
        assert trial.tokens_per_second > 0


async def test_nobody_without_the_key_is_answered(
    released_language_model: Path, tmp_path: Path
) -> None:
    import aiohttp

    async with serving(released_language_model, tmp_path) as server:
        assert server.served
        async with aiohttp.ClientSession() as http:
            body = {"messages": [{"role": "user", "content": "Hello"}]}
            url = f"{server.served.base_url}/chat/completions"
            async with http.post(url, json=body) as refused:
                assert refused.status == 401
        key = tmp_path / "llm.key"
        assert key.stat().st_uid == os.getuid()
