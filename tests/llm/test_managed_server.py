"""The managed server as a child process: loading, trial, crash, refusal, another model, the end."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.llm import managed_server
from appliance.llm.managed_server import ManagedServer, ServerFiles, ServerState
from appliance.llm.served_model import ServedModel, read_choice

PROGRAM = Path(__file__).with_name("model_server.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not predicate():  # noqa: ASYNC110  another process changes it
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@dataclass
class Bench:
    """A managed server over the scripted program, and what happened to it."""

    state: Path
    as_child: bool = True
    fault: str = ""
    tried: list[str] = field(default_factory=list)
    states: list[ServerState] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.files = ServerFiles(self.state / "llm.json", self.state / "llm.key")
        self.command = [sys.executable, str(PROGRAM), str(self.port), str(self.state)]
        command = self.command if self.as_child else None
        self.server = ManagedServer(self.files, command, self._on_ready, self._changed)

    async def _on_ready(self, served: ServedModel) -> str:
        self.tried.append(served.model)
        return self.fault

    def _changed(self) -> None:
        self.states.append(self.server.state)

    def serve(self, model: str) -> None:
        chosen = ServedModel(model, f"/srv/{model}.gguf", "any", "cpu", 1, 4096, self.port)
        self.server.follow(chosen, "chosen")

    def say(self, name: str, *, holds: bool = True) -> None:
        file = self.state / name
        file.touch() if holds else file.unlink()

    @property
    def pids(self) -> list[int]:
        file = self.state / "starts"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bench"]:
        task = asyncio.create_task(self.server.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_model_is_loaded_and_tried_before_it_answers(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.say("loading")
    async with bench.running():
        bench.serve("one")
        await until(lambda: bench.server.state is ServerState.LOADING)
        assert bench.server.is_starting
        assert bench.tried == []
        bench.say("loading", holds=False)
        await until(lambda: bench.server.state is ServerState.READY)
        order = ("starting", "loading", "trying", "ready")
        assert bench.states == [ServerState(name) for name in order]
        assert bench.tried == ["one"]
        assert bench.server.report()["name"] == "one"
        answer = await bench.server.ask({"messages": []})
        assert answer["usage"] == {"prompt_tokens": 500}
    [pid] = bench.pids
    assert not is_alive(pid), "the child ends with its owner"


async def test_one_that_crashes_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed_server, "RESTART_SECONDS", (0.01,))
    bench = Bench(tmp_path)
    bench.say("crash")
    async with bench.running():
        bench.serve("one")
        await until(lambda: len(bench.pids) >= 3)
        assert ServerState.WAITING in bench.states
        bench.say("crash", holds=False)
        await until(lambda: bench.server.state is ServerState.READY)
        before = len(bench.pids)
        os.kill(bench.pids[-1], 9)
        await until(lambda: len(bench.pids) > before and bench.server.state is ServerState.READY)
    assert not any(map(is_alive, bench.pids))


async def test_a_refusal_is_final_until_another_model_is_to_be_served(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.say("refuse")
    async with bench.running():
        bench.serve("one")
        await until(lambda: bench.server.state is ServerState.REFUSED)
        assert bench.server.why == "the script says refuse"
        assert not bench.server.is_starting
        assert len(bench.pids) == 1
        bench.say("refuse", holds=False)
        bench.serve("two")
        await until(lambda: bench.server.state is ServerState.READY)
        assert bench.tried == ["two"]


async def test_an_unfit_model_does_not_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, fault="it answers nonsense")
    async with bench.running():
        bench.serve("one")
        await until(lambda: bench.server.state is ServerState.REFUSED)
        assert bench.server.why == "it answers nonsense"


async def test_another_model_takes_the_place_of_the_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.running():
        bench.serve("one")
        await until(lambda: bench.server.state is ServerState.READY)
        bench.serve("one")
        assert bench.server.state is ServerState.READY, "the same again changes nothing"
        bench.serve("two")
        await until(lambda: bench.tried == ["one", "two"])
        first, _ = bench.pids
        assert not is_alive(first)
        bench.server.follow(None, "memory is short")
        assert bench.states[-1] is ServerState.OFF
        await until(lambda: not any(map(is_alive, bench.pids)))
        assert read_choice(bench.files.choice) is None


async def test_a_server_with_a_unit_of_its_own_is_only_watched(tmp_path: Path) -> None:
    bench = Bench(tmp_path, as_child=False)
    async with bench.running():
        bench.serve("one")
        served = read_choice(bench.files.choice)
        assert served
        assert served.model == "one"
        unit = await asyncio.create_subprocess_exec(*bench.command)
        await until(lambda: bench.server.state is ServerState.READY)
        unit.kill()
        await unit.wait()
        await until(lambda: bench.server.state is ServerState.STARTING)
        assert bench.server.is_starting
        unit = await asyncio.create_subprocess_exec(*bench.command)
        await until(lambda: bench.server.state is ServerState.READY)
        unit.kill()
        await unit.wait()
    assert bench.tried == ["one", "one"]


async def test_without_a_model_nothing_is_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(OSError, match="no model"):
        await bench.server.ask({})
    assert bench.server.report()["state"] == "off"
