"""A real instruct model under the real server: its trial, its prefix, its end."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
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


@dataclass
class Conversation:
    """A conversation in a slot of the server; `tokens` are those of its latest question."""

    server: ManagedServer
    slot: int
    messages: list[Mapping[str, str]]
    tokens: int = 0

    async def ask(self, question: str) -> tuple[int, int]:
        """The tokens that were computed for a question, and those that were new in it."""
        self.messages.append({"role": "user", "content": question})
        answer = await self.server.ask(self.body(max_tokens=8))
        self.messages.append({"role": "assistant", "content": text_of(answer)})
        before, self.tokens = self.tokens, int(answer["usage"]["prompt_tokens"])
        return int(answer["timings"]["prompt_n"]), self.tokens - before

    def body(self, **more: object) -> dict[str, Any]:
        return {"messages": self.messages, "temperature": 0.0, "id_slot": self.slot, **more}

    async def ask_and_withdraw(self, question: str) -> None:
        """Asks, and closes the connection at the first word, as a withdrawn speculation does."""
        served = self.server.served
        assert served
        asked = {"role": "user", "content": question}
        body = self.body(stream=True, max_tokens=400) | {"messages": [*self.messages, asked]}
        headers = {"Authorization": f"Bearer {self.server.key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{served.base_url}/chat/completions", json=body) as answer,
        ):
            assert (await answer.content.readline()).startswith(b"data: ")


def text_of(answer: Mapping[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


async def test_a_question_computes_only_its_own_words(
    released_language_model: Path, tmp_path: Path
) -> None:
    system = {"role": "system", "content": PROMPT}
    async with serving(released_language_model, tmp_path) as server:
        talk, other = (Conversation(server, slot, [system]) for slot in range(2))
        cold, _ = await talk.ask("What is two plus two?")
        assert "4" in talk.messages[-1]["content"] or "four" in talk.messages[-1]["content"].lower()
        assert cold > 300
        await other.ask("What is the capital of France?")
        # Over twenty turns nothing but the new words is computed, though others talk meanwhile.
        for turn in range(20):
            computed, new = await talk.ask(f"What is {turn} plus one?")
            assert computed <= new <= 0.15 * cold, f"turn {turn}: {computed} of {new}, cold {cold}"
            if turn % 7 == 0:
                computed, new = await other.ask("And of Italy?")
                assert computed <= new, f"the other session: {computed} of {new}"
        # A speculation that is withdrawn has computed what the longer question begins with.
        await talk.ask_and_withdraw("Tell me a long story about a sailor who")
        computed, new = await talk.ask("Tell me a long story about a sailor who lost his hat.")
        assert computed < new / 2
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
    async with serving(released_language_model, tmp_path) as server:
        assert server.served
        async with aiohttp.ClientSession() as http:
            body = {"messages": [{"role": "user", "content": "Hello"}]}
            url = f"{server.served.base_url}/chat/completions"
            async with http.post(url, json=body) as refused:
                assert refused.status == 401
        key = tmp_path / "llm.key"
        assert key.stat().st_uid == os.getuid()
