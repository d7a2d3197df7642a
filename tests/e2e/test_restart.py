"""A restart on request, and a reload, as under systemd: its notifications go to a socket here."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon import Daemon, running
from tests.stranger import ask, until

RESTART = 75  # as in the unit: it is started again, and no failure is counted


@contextmanager
def notified(path: Path) -> Iterator[list[bytes]]:
    """Takes what is sent to a socket, at once: a full queue would hold the sender up."""
    told: list[bytes] = []
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taken:
        taken.bind(str(path))
        taken.setblocking(False)
        loop.add_reader(taken, lambda: told.append(taken.recv(4096)))
        try:
            yield told
        finally:
            loop.remove_reader(taken)


@pytest.mark.slow
async def test_a_reload_applies_what_it_can_and_a_restart_the_rest(tmp_path: Path) -> None:
    place = tmp_path / "notify"
    with notified(place) as told:
        async with running(tmp_path / "state", {"NOTIFY_SOCKET": str(place)}) as daemon:
            await reloaded(daemon)
            waiting = (await ask(daemon, "GET", "/api/settings")).json["restart_needed"]
            assert waiting == ["stt.hot_words"]
            answer = await ask(daemon, "POST", "/api/restart")
            assert (answer.status, answer.json) == (202, {"restarting": True})
            assert await daemon.process.wait() == RESTART
    assert any(b"READY=1" in each for each in told)


@pytest.mark.slow
async def test_sighup_reloads_without_systemd_too_and_ends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "state") as daemon:
        await reloaded(daemon)
        daemon.process.send_signal(signal.SIGHUP)  # with nothing new to read
        assert (await daemon.get("/health"))[0] == 200


async def reloaded(daemon: Daemon) -> None:
    """Edits the file that the page writes, as its owner may, and has it read."""
    file = daemon.state / "settings.toml"
    file.write_text("[tts]\nspeed = 1.5\n[stt]\nhot_words = false\n")
    daemon.process.send_signal(signal.SIGHUP)

    async def holds() -> bool:
        config = (await ask(daemon, "GET", "/config")).json
        return bool(config["tts"]["speed"] == 1.5)

    await until(holds)
    config = (await ask(daemon, "GET", "/config")).json
    assert config["stt"]["hot_words"]
