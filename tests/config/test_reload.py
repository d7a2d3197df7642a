"""SIGHUP: the log says what a restart would change, and nothing changes."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.config.loader import Config, answer_reloads, differences, load
from appliance.errors import ConfigError


def settings(tmp_path: Path, text: str = "") -> Config:
    file = tmp_path / "appliance.toml"
    file.write_text(text)
    return load([file], {})


def test_differences_are_named_as_they_are_written(tmp_path: Path) -> None:
    now = settings(tmp_path)
    later = settings(tmp_path, '[tts]\nvoice = "af_sky"\n[limits]\nsessions = 3\n')
    assert differences(now, now) == []
    assert differences(now, later) == ["tts.voice", "limits.sessions"]


async def reloaded(
    in_force: Config, reread: Callable[[], Config], caplog: pytest.LogCaptureFixture
) -> str:
    """What is logged after one SIGHUP."""
    caplog.set_level("INFO")
    answering = asyncio.create_task(answer_reloads(in_force, reread))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(10):
        while not caplog.records:  # noqa: ASYNC110  a handler of signals cannot await
            await asyncio.sleep(0)
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
    return caplog.records[0].getMessage()


async def test_the_log_names_the_settings_that_a_restart_would_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = settings(tmp_path)
    later = settings(tmp_path, "[limits]\nsessions = 3\n")
    logged = await reloaded(now, lambda: later, caplog)
    assert logged == "reload: a restart is needed for limits.sessions"


async def test_unchanged_settings_are_logged_as_such(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = settings(tmp_path)
    logged = await reloaded(now, lambda: now, caplog)
    assert logged == "reload: the settings are those in force"


async def test_a_faulty_file_is_logged_and_the_appliance_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Config:
        raise ConfigError("the file is not TOML.")

    logged = await reloaded(settings(tmp_path), broken, caplog)
    assert logged.startswith("reload: the file is not TOML. The appliance goes on")
