"""What goes wrong with a process and its files: killed, in each other's way, or damaged."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from appliance.client import calling
from tests.daemon import FIXTURES, MICRO_MODELS, running, speech
from tests.stranger import until


async def test_a_killed_appliance_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        sent = await call.type("set a timer for five seconds")
        await call.wait_for(lambda a: a.data.get("type") == "timer", since=sent)
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
        conversation_id = call.conversation_id

        async def answer_is_committed() -> bool:
            _, kept = await daemon.get(f"/api/conversations/{conversation_id}")
            return any(event["kind"] == "answer" for event in kept.get("events", []))

        await until(answer_is_committed)
        await call.type("what can you do")
        daemon.process.kill()
        await daemon.process.wait()

    async with running(tmp_path) as daemon:
        shown = daemon.command_line("conversations", "show", conversation_id)
        assert shown.returncode == 0, shown.stderr
        assert "set a timer for five seconds" in shown.stdout
        assert "five seconds" in shown.stdout.lower().replace("5", "five")
        wishes = {"conversation_id": conversation_id}
        async with calling(daemon.base_url, wishes=wishes) as call:
            assert call.conversation_id == conversation_id
            rang = await call.wait_for(lambda a: a.data.get("state") == "rang")
            assert rang.data["type"] == "timer"
            await call.wait_for(lambda a: a.kind == "bot-started-speaking")
            sent = await call.type("what day is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        _, kept = await daemon.get(f"/api/conversations/{conversation_id}")
        assert len({event["session_id"] for event in kept["events"]}) == 2


async def test_a_timer_that_nobody_heard_rings_after_the_next_start(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        async with calling(daemon.base_url) as call:
            sent = await call.type("set a timer for one second")
            told = await call.wait_for(lambda a: a.data.get("type") == "timer", since=sent)
        due: float = told.data["due"]

        async def has_rung_to_nobody() -> bool:
            return time.time() > due + 0.5

        await until(has_rung_to_nobody)
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        await call.wait_for(lambda a: a.data.get("state") == "rang")
    with closing(sqlite3.connect(daemon.database)) as db:
        assert db.execute("SELECT * FROM timers").fetchall() == []


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """An appliance that is expected not to come up."""
    return subprocess.run(
        [sys.executable, "-m", "appliance", "run"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_second_appliance_is_told_what_is_taken_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, until="/health") as daemon:
        port = daemon.base_url.rpartition(":")[2]
        taken = {"APPLIANCE__SERVER__PORT": port}
        elsewhere = {"APPLIANCE__STORE__PATH": str(tmp_path / "other" / "conversations.db")}
        for overrides, said in (
            (taken, "another appliance is using"),
            (taken | elsewhere, "address already in use"),
        ):
            second = start({**daemon.environment, **overrides})
            assert second.returncode == 1
            assert said in second.stderr
            assert "Traceback" not in second.stderr
        assert daemon.command_line("clients", "list").returncode == 0


def test_a_configuration_with_faults_names_them_all(tmp_path: Path) -> None:
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


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    failed = start({**os.environ, "APPLIANCE__STORE__PATH": str(tmp_path / "file" / "db")})
    assert failed.returncode == 1
    assert str(tmp_path / "file") in failed.stderr
    assert "Traceback" not in failed.stderr


async def test_damaged_models_leave_the_starter_engines_and_a_reason(tmp_path: Path) -> None:
    whisper = tmp_path / "models" / "whisper"
    whisper.mkdir(parents=True)
    for file in (FIXTURES / "micro_whisper" / "model").iterdir():
        data = file.read_bytes()
        (whisper / file.name).write_bytes(data[:5_000] if file.name == "model.bin" else data)
    kokoro = tmp_path / "models" / "kokoro.onnx"
    kokoro.write_bytes(b"not an onnx file" * 1_000)
    overrides = {
        **MICRO_MODELS,
        "APPLIANCE__STT__MODEL": str(whisper),
        "APPLIANCE__TTS__MODEL": str(kokoro),
    }
    async with running(tmp_path, overrides) as daemon, calling(daemon.base_url) as call:
        _, health = await daemon.get("/health")
        engines: dict[str, Any] = health["engines"]
        assert engines["stt"]["name"] == "sphinx"
        assert engines["tts"]["name"] == "espeak"
        for kind, broken in (("stt", "model.bin"), ("tts", "kokoro.onnx")):
            reasons = str(engines[kind])
            assert broken in reasons
            assert "appliance models pull" in reasons
        end = await call.say(speech("what_time_is_it"))
        answer = await call.wait_for(lambda a: a.kind == "bot-llm-text", since=end)
        assert answer.data["text"].startswith("It is ")
