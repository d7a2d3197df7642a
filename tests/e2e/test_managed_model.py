"""The managed language model in a real daemon: a scripted program stands for llama-server."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.cli import control
from appliance.client import calling
from appliance.config.loader import load
from appliance.languages.phrases import phrases
from tests.daemon import Daemon, running
from tests.llm.gguf_file import gguf
from tests.llm.test_managed_server import PROGRAM, free_port, is_alive

WRAPPER = """#!/bin/sh
ulimit -c 0; ulimit -d 500000 || exit
while [ "$1" != --port ]; do shift; done
exec {python} {program} "$2" {state}
"""
QUESTION = "how many legs does a spider have"


def managed(tmp_path: Path) -> dict[str, str]:
    """The settings for a daemon with a small file as its model, and the script as its server."""
    (tmp_path / "model").mkdir()
    model, server = tmp_path / "model" / "mine.gguf", tmp_path / "llama-server"
    model.write_bytes(gguf())
    server.write_text(
        WRAPPER.format(python=sys.executable, program=PROGRAM, state=tmp_path / "model")
    )
    server.chmod(0o755)
    return {
        "APPLIANCE__LLM__MODEL": str(model),
        "APPLIANCE__LLM__SERVER": str(server),
        "APPLIANCE__LLM__PORT": str(free_port()),
        "APPLIANCE__LLM__FIRST_TOKEN_SECONDS": "60",
    }


async def state_of(daemon: Daemon, wanted: str, seconds: float = 60.0) -> dict[str, Any]:
    """What /health says of the model, once it has that state."""
    async with asyncio.timeout(seconds):
        while True:
            _, health = await daemon.get("/health")
            found: dict[str, Any] = health["language_model"]
            if found["state"] == wanted:
                return found
            await asyncio.sleep(0.05)


def asked(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "model" / "asked").read_text().splitlines()]


def pids(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "model" / "starts").read_text().split()]


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not predicate():  # noqa: ASYNC110  another process changes it
            await asyncio.sleep(0.05)


async def test_it_answers_when_it_is_loaded_and_says_so_before(tmp_path: Path) -> None:
    settings = managed(tmp_path)
    (tmp_path / "model" / "loading").touch()
    async with running(tmp_path / "state", settings) as daemon:
        await state_of(daemon, "loading")
        async with calling(daemon.base_url) as call:
            sent = await call.type(QUESTION)
            early = await call.wait_for(
                lambda a: phrases("en").say("model_loading") in str(a.data), since=sent
            )
            (tmp_path / "model" / "loading").unlink()
            found = await state_of(daemon, "ready")
            assert (found["name"], found["tokens_per_second"]) == ("mine", 20.0)
            # No pause of a circuit breaker stands between.
            sent = await call.type(QUESTION)
            await call.wait_for(
                lambda a: "four" in str(a.data.get("text")), since=early.at, seconds=60
            )
            await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent, seconds=60)
            # A server that dies is back within seconds.
            os.kill(pids(tmp_path)[-1], signal.SIGKILL)
            await until(lambda: len(pids(tmp_path)) == 2)
            await state_of(daemon, "ready")
            sent = await call.type(QUESTION)
            await call.wait_for(lambda a: "four" in str(a.data.get("text")), since=sent, seconds=60)
        _, status = await daemon.get("/api/status")
        assert status["plan"]["llm"]["rungs"][0]["reason"] == "named in the configuration"
    assert not any(map(is_alive, pids(tmp_path)))


async def test_out_of_memory_it_dies_alone_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path / "state", managed(tmp_path)) as daemon:
        await state_of(daemon, "ready")
        async with calling(daemon.base_url) as call:
            (tmp_path / "model" / "eat").touch()
            sent = await call.type(QUESTION)
            # The talk goes on, with an apology.
            await call.wait_for(lambda a: a.kind == "bot-tts-text", since=sent, seconds=60)
            await until(lambda: not is_alive(pids(tmp_path)[0]))
            (tmp_path / "model" / "eat").unlink()
            sent = await call.type("what day is it")
            await call.wait_for(
                lambda a: "Today is" in str(a.data.get("text")), since=sent, seconds=60
            )
            await state_of(daemon, "ready")
            sent = await call.type(QUESTION)
            await call.wait_for(lambda a: "four" in str(a.data.get("text")), since=sent, seconds=60)
        assert len(pids(tmp_path)) >= 2
        _, health = await daemon.get("/health")
        assert health["ready"]


async def test_a_model_that_comes_later_answers_in_the_next_conversation(tmp_path: Path) -> None:
    settings = managed(tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    settings |= {
        "APPLIANCE__LLM__MODEL": "mine",
        "APPLIANCE__MODELS__DIRECTORY": str(models),
    }
    async with running(tmp_path / "state", settings) as daemon:
        found = await state_of(daemon, "off")
        assert found["better"] == "mine needs `appliance models pull mine`"
        (tmp_path / "model" / "mine.gguf").rename(models / "mine.gguf")
        planned = await control.request(load([], daemon.environment), "POST", "/models")
        assert planned["llm"] == "mine"
        await state_of(daemon, "ready")
        async with calling(daemon.base_url) as call:
            sent = await call.type(QUESTION)
            await call.wait_for(lambda a: "four" in str(a.data.get("text")), since=sent, seconds=60)


async def test_the_beginning_of_a_question_is_computed_ahead(tmp_path: Path) -> None:
    async with running(tmp_path / "state", managed(tmp_path)) as daemon:
        await state_of(daemon, "ready")
        async with calling(daemon.base_url) as call:
            for _ in range(2):
                sent = await call.type(QUESTION)
                await call.wait_for(
                    lambda a: a.kind == "bot-stopped-speaking", since=sent, seconds=60
                )
                await until(lambda: asked(tmp_path)[-1]["max_tokens"] == 1)
    # Those of the trial have one tool, and those of a summary are about words alone.
    requests = [body for body in asked(tmp_path) if len(body.get("tools", ())) > 1]
    assert len({json.dumps(body["tools"]) for body in requests}) == 1
    names = [tool["function"]["name"] for tool in requests[0]["tools"]]
    assert names == sorted(names)
    ahead: list[dict[str, Any]] = []
    for body in requests:
        if body["max_tokens"] == 1:
            ahead.append(body)
            continue
        question, known = body["messages"], ahead[-1]["messages"]
        # All but the new question was sent ahead.
        assert known == question[: len(known)]
        assert len(question) == len(known) + 1
    assert len(ahead) >= 4, "at the start, as the session opens, and after each answer"
