"""`appliance config …`, `--version` and usage errors."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from appliance import __version__
from tests.cli.conftest import Run
from tests.stranger import until


def test_the_configuration_is_shown_and_checked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[server]\nport = 9000\n")
    shown = json.loads(run("config", "show", "--config", str(file)).out)
    assert shown["server"]["port"] == 9000
    assert run("config", "check", "--config", str(file)).out == "The configuration is good.\n"
    file.write_text("[server]\nprot = 9000\n")
    faulty = run("config", "check", "--config", str(file))
    assert faulty.status == 78
    assert "did you mean 'port'?" in faulty.err


@pytest.mark.parametrize("arguments", [("dance",), ("run", "--louder"), ("plan", "extra")])
def test_a_misspelt_command_line_is_an_error(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.status == 2
    assert result.err.startswith("Usage: ")


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").out == f"appliance, version {__version__}\n"


async def test_sighup_ends_no_command(tmp_path: Path) -> None:
    place = tmp_path / "waiting.toml"
    os.mkfifo(place)
    process = await asyncio.create_subprocess_exec(
        *("env", "--default-signal=HUP", sys.executable, "-m", "appliance"),  # nohup ignores it
        *("config", "check", "--config", str(place)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def reads() -> bool:
        with suppress(OSError):  # until somebody reads
            opened.append(os.open(place, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    opened: list[int] = []
    await until(reads)
    process.send_signal(signal.SIGHUP)
    os.close(opened[0])
    said, told = await process.communicate()
    assert (process.returncode, said) == (0, b"The configuration is good.\n"), told
    assert b"SIGHUP: there is nothing to reload." in told
