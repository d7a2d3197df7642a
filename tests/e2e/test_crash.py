"""Killed processes, two at once, faulty configurations, and damaged files."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.client import calling
from tests.daemon import FIXTURES, MICRO_MODELS, Daemon, running, speech
from tests.stranger import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


async def test_a_killed_appliance_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        async with calling(daemon.base_url) as call:
            sent = await call.type("set a timer for five seconds")
            unheard = await call.wait_for(lambda a: a.data.get("type") == "timer", since=sent)
        async with calling(daemon.base_url) as other:
            await other.type("set a timer for ten seconds")
            await other.wait_for(lambda a: a.data.get("type") == "timer" and a.at > unheard.at)
            await other.wait_for(lambda a: a.kind == "bot-tts-text")
        await until(lambda: is_committed(daemon, other.conversation_id, "answer"))
        await until(lambda: is_past(float(unheard.data["due"])))
        daemon.process.kill()
        await daemon.process.wait()

    async with running(tmp_path) as daemon:
        shown = daemon.command_line("conversations", "show", other.conversation_id)
        assert shown.returncode == 0, shown.stderr
        assert "set a timer for ten seconds" in shown.stdout
        options = {"conversation_id": other.conversation_id}
        async with calling(daemon.base_url, options=options) as call:
            assert call.conversation_id == other.conversation_id

            def both_rang(_: object) -> bool:
                rang = [a.data["seconds"] for a in call.after(0) if a.data.get("state") == "rang"]
                return sorted(rang) == [5, 10]

            await call.wait_for(both_rang)
            await call.wait_for(lambda a: a.kind == "bot-started-speaking")
        _, kept = await daemon.get(f"/api/conversations/{other.conversation_id}")
        assert len({event["session_id"] for event in kept["events"]}) == 2
    with closing(sqlite3.connect(daemon.database)) as db:
        assert db.execute("SELECT * FROM timers").fetchall() == []


async def is_committed(daemon: Daemon, conversation_id: str, kind: str) -> bool:
    _, kept = await daemon.get(f"/api/conversations/{conversation_id}")
    return any(event["kind"] == kind for event in kept.get("events", []))


async def is_past(moment: float) -> bool:
    """Whether it is half a second past a moment, so that what was due then has happened."""
    return time.time() > moment + 0.5


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs an appliance that is expected to exit with an error."""
    return subprocess.run(
        [sys.executable, "-m", "appliance", "run"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_second_appliance_fails_with_the_reason_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, until="/health") as daemon:
        port = daemon.base_url.rpartition(":")[2]
        taken = {"APPLIANCE__SERVER__PORT": port}
        elsewhere = {"APPLIANCE__STORE__PATH": str(tmp_path / "other" / "conversations.db")}
        for overrides, reason in (
            (taken, "another appliance is using"),
            (taken | elsewhere, "address already in use"),
        ):
            second = start({**daemon.environment, **overrides})
            assert second.returncode == 1
            assert reason in second.stderr
            assert "Traceback" not in second.stderr
        assert daemon.command_line("clients", "list").returncode == 0


async def test_all_faults_of_a_configuration_are_reported(tmp_path: Path) -> None:
    faults = {
        "APPLIANCE__STORE__PATH": str(tmp_path / "db"),
        "APPLIANCE__SERVER__PORT": "many",
        "APPLIANCE__STT__ENGIN": "whisper",
        "APPLIANCE__TURN__CONFIDENCE": "7",
    }
    failed = start({**os.environ, **faults})
    assert failed.returncode == 78
    for key in ("server.port", "stt.engin", "did you mean 'engine'", "turn.confidence"):
        assert key in failed.stderr
    assert "Traceback" not in failed.stderr


async def test_a_directory_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    failed = start({**os.environ, "APPLIANCE__STORE__PATH": str(tmp_path / "file" / "db")})
    assert failed.returncode == 1
    assert str(tmp_path / "file") in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crippled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    """An appliance with damaged models and an unreachable language model."""
    state = tmp_path_factory.mktemp("crippled")
    whisper = state / "models" / "whisper"
    whisper.mkdir(parents=True)
    for file in (FIXTURES / "micro_whisper" / "model").iterdir():
        data = file.read_bytes()
        (whisper / file.name).write_bytes(data[:5_000] if file.name == "model.bin" else data)
    kokoro = state / "models" / "kokoro.onnx"
    kokoro.write_bytes(b"not an onnx file" * 1_000)
    overrides = {
        **MICRO_MODELS,
        "APPLIANCE__STT__MODEL": str(whisper),
        "APPLIANCE__TTS__MODEL": str(kokoro),
        "APPLIANCE__LLM__PROVIDER": "custom",
        "APPLIANCE__LLM__BASE_URL": "http://127.0.0.1:9/v1",
    }
    async with running(state, overrides) as daemon:
        yield daemon


async def test_damaged_models_are_reported_and_the_starter_engines_answer(crippled: Daemon) -> None:
    _, health = await crippled.get("/health")
    engines: dict[str, Any] = health["engines"]
    assert engines["stt"]["name"] == "sphinx"
    assert engines["tts"]["name"] == "espeak"
    for kind, broken in (("stt", "model.bin"), ("tts", "kokoro.onnx")):
        reasons = str(engines[kind])
        assert broken in reasons
        assert "appliance models pull" in reasons
    async with calling(crippled.base_url) as call:
        end = await call.say(speech("what_time_is_it"))
        answer = await call.wait_for(lambda a: a.kind == "bot-llm-text", since=end)
        assert answer.data["text"].startswith("It is ")


async def test_an_unreachable_language_model_is_apologised_for(crippled: Daemon) -> None:
    async with calling(crippled.base_url) as call:
        sent = await call.type("tell me about the moon please")
        await call.wait_for(
            lambda _: (
                "reach my language model"
                in " ".join(a.data["text"] for a in call.after(sent, "bot-tts-text"))
            )
        )
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
    await until(lambda: is_committed(crippled, call.conversation_id, "error"))
