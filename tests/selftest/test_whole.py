"""The whole self-test of a real daemon behind a real nginx, and without a daemon."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.selftest.checks import CHECKS
from appliance.selftest.report_store import ReportStore
from appliance.store.queries import conversations, reading
from tests.chat_server import chat_server
from tests.daemon import MICRO_MODELS, Daemon, running
from tests.install.conftest import Site
from tests.stranger import connected, message, new_session, next_message, until

pytestmark = pytest.mark.slow

Findings = dict[str, dict[str, Any]]


async def selftest(environ: Mapping[str, str], *options: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, report and standard error of `appliance selftest --json`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance", "selftest", "--json", *options),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(100):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(out) if out else {}, err.decode()


def by_name(report: Mapping[str, Any]) -> Findings:
    return {finding["check"]: finding for finding in report["findings"]}


def assert_advised(findings: Findings) -> None:
    """Every warning and failure carries advice."""
    for finding in findings.values():
        assert finding["message"]
        assert bool(finding["advice"]) is (finding["verdict"] in ("warning", "failure")), finding


@asynccontextmanager
async def appliance(site: Site, state: Path, **settings: str) -> AsyncIterator[Daemon]:
    """A daemon behind nginx that accepts paired clients only."""
    state.mkdir()
    # The self-test finds nginx here, as after `install.sh run`.
    (state / "nginx").symlink_to(site.directory / "nginx")
    overrides = {
        "APPLIANCE__SERVER__PORT": str(site.upstream),
        "APPLIANCE__ACCESS__MODE": "paired",
        **settings,
    }
    async with running(state, overrides) as daemon:
        yield daemon


async def test_a_healthy_appliance(site: Site, tmp_path: Path) -> None:
    async with (
        chat_server(lambda _: "Yes.") as model,
        appliance(
            site,
            tmp_path / "state",
            APPLIANCE__LLM__PROVIDER="custom",
            APPLIANCE__LLM__BASE_URL=model.base_url,
        ) as daemon,
    ):
        status, report, err = await selftest(daemon.environment)
        kept = ReportStore(daemon.state)
        earlier = daemon.command_line("selftest", "--history", "--json")
        listed = json.loads(daemon.command_line("clients", "list", "--json").stdout)
        with reading(daemon.database) as db:
            said = conversations(db)
    findings = by_name(report)
    assert err == ""
    assert_advised(findings)
    assert list(findings) == [check.name for check in CHECKS]
    for name in ("board", "models", "access", "running", "llm", "page", "certificate", "websocket"):
        assert findings[name]["verdict"] == "ok", findings[name]
    assert status == (1 if report["verdict"] == "failure" else 0)
    # The times depend on other load and are not compared with their limits.
    spoken = findings["spoken"]["figures"]
    assert spoken["heard"].lower() == "what time is it"
    assert spoken["answer"].startswith("It is ")
    assert set(spoken["milliseconds"]) >= set(spoken["allowed_milliseconds"])
    assert 0 < spoken["milliseconds"]["transcription"] <= spoken["milliseconds"]["first_audio"]
    assert spoken["first_sound_at_client_ms"] > 0
    assert findings["hearing"]["figures"]["word_error_rate"] == 0
    # The model was asked for one token, and not for the time.
    assert [request["max_tokens"] for request in model.requests] == [1]
    assert "through nginx at https://127.0.0.1:" in findings["websocket"]["message"]
    # Requests without a token are refused; those by every name of nginx are not.
    assert "401" in findings["access"]["message"]
    assert findings["page"]["message"].endswith(", also as localhost, kitchen, kitchen.local")
    assert {"kitchen", "kitchen.local", "192.168.1.20"} < set(report["names"])
    # The self-test leaves nothing but the report.
    assert (listed, said) == ([], [])
    assert kept.latest() == report
    assert [line["verdict"] for line in json.loads(earlier.stdout)] == [report["verdict"]]


async def test_models_without_a_running_daemon(tmp_path: Path) -> None:
    places = {
        "APPLIANCE__STORE__PATH": str(tmp_path / "voice.db"),
        "APPLIANCE__MODELS__DIRECTORY": str(tmp_path / "models"),
    }
    environ = {k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")}
    status, report, _ = await selftest({**environ, **places, **MICRO_MODELS})
    findings = by_name(report)
    assert_advised(findings)
    assert status == 1
    failed = [name for name, finding in findings.items() if finding["verdict"] == "failure"]
    assert failed == ["running"]
    assert findings["hearing"]["figures"]["engine"].startswith("whisper model")
    assert findings["speaking"]["figures"]["engine"] == "kokoro kokoro-micro cpu"
    assert findings["speaking"]["figures"]["audio_seconds"] > 0.5
    assert findings["spoken"]["verdict"] == "skipped"
    assert not (tmp_path / "voice.db").exists()


async def test_an_engine_that_cannot_be_loaded(tmp_path: Path) -> None:
    broken = tmp_path / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "model.bin").write_bytes(b"no model")
    environ = {
        **os.environ,
        **MICRO_MODELS,
        "APPLIANCE__STORE__PATH": str(tmp_path / "voice.db"),
        "APPLIANCE__STT__MODEL": str(broken),
    }
    status, report, _ = await selftest(environ, "--only", "hearing")
    assert status == 1
    hearing = by_name(report)["hearing"]
    assert str(broken) in hearing["message"]
    assert "appliance models pull" in hearing["advice"]


async def test_a_daemon_that_is_killed_during_the_selftest(site: Site, tmp_path: Path) -> None:
    async with appliance(site, tmp_path / "state") as daemon:
        testing = asyncio.create_task(selftest(daemon.environment))
        kept = ReportStore(daemon.state)

        async def late() -> bool:
            return (kept.progress() or {}).get("now") == "A conversation"

        await until(late, 60)
        await daemon.stop(signal.SIGKILL)
        status, report, _ = await testing
        findings = by_name(report)
        assert status == 1
        assert_advised(findings)
        assert findings["spoken"]["verdict"] == "failure"
        assert not kept.running()
        # The next self-test reports that the daemon is gone.
        again = by_name((await selftest(daemon.environment, "--only", "running"))[1])
        assert "this user may not open it, or nobody answers" in again["running"]["message"]


async def test_the_next_selftest_cleans_up_after_a_killed_one(site: Site, tmp_path: Path) -> None:
    async with appliance(site, tmp_path / "state") as daemon:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "appliance", "selftest", "--only", "spoken"),
            env=daemon.environment,
            stdout=asyncio.subprocess.DEVNULL,
        )

        async def talking() -> bool:
            return bool((await daemon.get("/health"))[1]["sessions"])

        await until(talking, 60)
        process.kill()
        await process.wait()
        left = json.loads(daemon.command_line("clients", "list", "--json").stdout)
        assert [client["name"] for client in left] == ["self-test"]
        status, report, _ = await selftest(daemon.environment, "--only", "websocket")
        assert (status, report["verdict"]) == (0, "ok")
        assert json.loads(daemon.command_line("clients", "list", "--json").stdout) == []
        with reading(daemon.database) as db:
            assert conversations(db) == []


async def test_no_free_session(site: Site, tmp_path: Path) -> None:
    async with appliance(
        site, tmp_path / "state", APPLIANCE__LIMITS__SESSIONS="1", APPLIANCE__ACCESS__MODE="open"
    ) as daemon:
        talking = await new_session(daemon)
        async with connected(daemon, talking["ws_url"]) as ws:
            await ws.send_bytes(message("client-ready"))
            await ws.send_bytes(message("send-text", {"content": "what day is it"}))
            await next_message(ws, "bot-transcription")
            status, report, _ = await selftest(
                daemon.environment, "--only", "websocket", "--only", "spoken"
            )
        assert status == 0
        for finding in by_name(report).values():
            assert finding["verdict"] == "warning"
            assert "hung up" in finding["advice"]
