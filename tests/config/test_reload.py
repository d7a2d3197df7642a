"""SIGHUP: the log says what was applied, and what a restart would change."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.config.loader import Config, differences, load
from appliance.config.reload import Reload, answer_reloads
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


def finding(applied: Sequence[str], waiting: Sequence[str]) -> Reload:
    async def reload() -> tuple[Sequence[str], Sequence[str]]:
        return applied, waiting

    return reload


async def logged(reload: Reload, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged after one SIGHUP."""
    caplog.set_level("INFO")
    answering = asyncio.create_task(answer_reloads(reload))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(10):
        while not caplog.records:  # noqa: ASYNC110  a handler of signals cannot await
            await asyncio.sleep(0)
    assert not answering.done()  # it answers the next one, too
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
    return [record.getMessage() for record in caplog.records]


async def test_the_log_names_what_was_applied_and_what_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await logged(finding(["tts.voice"], ["limits.sessions"]), caplog) == [
        "reload: for sessions from now on: tts.voice",
        "reload: a restart is needed for limits.sessions",
    ]


async def test_unchanged_settings_are_logged_as_such(caplog: pytest.LogCaptureFixture) -> None:
    assert await logged(finding([], []), caplog) == ["reload: the settings are those in force"]


async def test_a_faulty_file_is_logged_and_the_appliance_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> tuple[Sequence[str], Sequence[str]]:
        raise ConfigError("the file is not TOML.")

    (line,) = await logged(broken, caplog)
    assert line.startswith("reload: the file is not TOML. The appliance goes on")
