"""Claude Code as a real process: its outcomes, its limits, and the end of its descendants."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.agents import AgentEvent, AgentOutcome, AgentProgress, SessionStarted
from appliance.agents import process as processes
from appliance.agents.claude import ClaudeCode, arguments
from appliance.agents.dispatcher import Dispatcher
from appliance.agents.process import end_marked
from appliance.agents.tools import claude_tools
from appliance.config.schema import ClaudeConfig
from appliance.errors import AgentError
from appliance.tools.registry import ToolRegistry
from tests.agents.conftest import environment, task
from tests.agents.test_dispatcher import MemoryStore
from tests.tools.conftest import Session

Make = Callable[..., ClaudeConfig]


def agent(config: ClaudeConfig, **environ: str) -> ClaudeCode:
    return ClaudeCode(config, environment(**environ))


async def run(
    config: ClaudeConfig,
    request: str,
    **more: Any,  # noqa: ANN401  of Task
) -> tuple[AgentOutcome, list[AgentEvent]]:
    heard: list[AgentEvent] = []
    async with asyncio.timeout(30):
        return await agent(config).work(task(request, **more), heard.append), heard


async def test_a_task_reports_progress_and_ends(claude_config: Make) -> None:
    outcome, heard = await run(claude_config(), "run the tests")
    assert outcome == AgentOutcome(True, "I did it: run the tests.", 0.25)
    session, *said = heard
    assert isinstance(session, SessionStarted)
    assert said == [AgentProgress("Bash: pytest -q"), AgentProgress("I did it: run the tests.")]


async def test_a_follow_up_resumes_the_session(claude_config: Make) -> None:
    _, heard = await run(claude_config(), "go on", agent_session="session-7")
    assert heard[0] == SessionStarted("session-7")


async def test_an_unknown_session_is_started_anew(claude_config: Make) -> None:
    outcome, heard = await run(claude_config(), "go on", agent_session="forgotten")
    assert outcome.ok
    assert isinstance(heard[0], SessionStarted)
    assert heard[0].agent_session != "forgotten"


@pytest.mark.parametrize(
    ("request_text", "ok", "said"),
    [
        ("fail", False, "I could not do it."),
        ("turns", False, "It ran out of turns."),
        ("die", False, "It ended with status 3 before it had a result. Segmentation fault"),
        ("killed", False, "It was ended before it had a result."),
        ("garbage", True, "All the same."),
        ("leave", False, "It ended with status 4 before it had a result."),
    ],
)
async def test_the_outcome_of_each_way_to_end(
    claude_config: Make, request_text: str, ok: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.agents.claude.DRAIN_SECONDS", 0.2)
    outcome, _ = await run(claude_config(), request_text)
    assert outcome.ok is ok
    assert outcome.text.startswith(said)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_valid_ends_the_task_at_once(
    claude_config: Make, status: int
) -> None:
    outcome, heard = await run(claude_config(), f"retry {status}")
    assert not outcome.ok
    assert outcome.text.startswith(f"It cannot reach its service, {status}: its key or login is")
    assert heard[1:] == [AgentProgress(f"It cannot reach its service, {status}. Attempt 1 of 10.")]


async def test_retries_are_shown_and_the_task_goes_on(claude_config: Make) -> None:
    outcome, heard = await run(claude_config(), "retry 529")
    assert outcome == AgentOutcome(True, "At last.", 0.25)
    assert heard[3] == AgentProgress("It cannot reach its service, 529. Attempt 3 of 10.")


async def pids(
    config: ClaudeConfig, request: str
) -> tuple[list[int], "asyncio.Task[AgentOutcome]"]:
    """The processes that a task says it has, while it works."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(happening: AgentEvent) -> None:
        if isinstance(happening, AgentProgress) and not told.done():
            told.set_result(happening.text)

    working = asyncio.create_task(agent(config).work(task(request), hear))
    async with asyncio.timeout(30):
        words = (await told).split()
    return [int(word) for word in words[1:] if word.isdigit()], working


def runs(pid: int) -> bool:
    """Whether there is any program left of it: what was killed gives that up first, and may then
    wait for a processor before it is off the list."""
    try:
        os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115  no path, but a name
    except OSError:
        return False
    return True


async def test_cancelling_ends_a_stubborn_process_and_its_children(
    claude_config: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.agents.process.GRACE_SECONDS", 0.1)
    started, working = await pids(claude_config(), "stubborn")
    assert len(started) == 2
    assert all(map(runs, started))
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not any(map(runs, started))


async def test_a_descendant_outside_the_group_is_ended(claude_config: Make) -> None:
    started, working = await pids(claude_config(), "escape")
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not any(map(runs, started))


async def test_a_task_that_is_done_leaves_no_process(claude_config: Make) -> None:
    started, working = await pids(claude_config(), "linger")
    assert (await working).ok
    assert not any(map(runs, started))


async def test_a_descendant_without_the_mark_holds_no_pipe_of_the_appliance(
    claude_config: Make,
) -> None:
    started, working = await pids(claude_config(), "unmark")
    assert (await working).ok
    (hidden,) = started
    try:
        pipe = os.readlink(f"/proc/{hidden}/fd/1")  # noqa: PTH115  no path, but a name
        assert pipe.startswith("pipe:")
        async with asyncio.timeout(10):
            while pipe in open_files():  # noqa: ASYNC110  the loop closes it when it comes to that
                await asyncio.sleep(0)
    finally:
        os.kill(hidden, signal.SIGKILL)


def open_files() -> set[str]:
    found = set()
    for file in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(file))  # noqa: PTH115  no path, but a name
    return found


async def test_processes_of_a_task_are_found_by_their_mark_alone(claude_config: Make) -> None:
    """As after the appliance itself was killed."""
    started, working = await pids(claude_config(), "escape")
    assert await asyncio.to_thread(end_marked, "no such task") == 0
    assert await asyncio.to_thread(end_marked, "t1") >= len(started)
    assert not (await working).ok
    assert not any(map(runs, started))


def test_a_process_between_two_programs_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel shows it between giving it a new memory and filling that."""
    (tmp_path / "exe").symlink_to("/bin/sleep")
    (tmp_path / "stat").write_text(f"7 (a ) b) {' '.join(['R', *['0'] * 49])}\n")
    (tmp_path / "environ").write_bytes(b"")
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            (tmp_path / "environ").write_bytes(b"APPLIANCE_TASK=t1\0")

    monkeypatch.setattr(processes, "time", SimpleNamespace(sleep=wait, monotonic=lambda: 0.0))
    assert processes._environment(tmp_path, 1.0) == b"APPLIANCE_TASK=t1\0"
    assert len(waits) == 3
    # It is waited for no longer than for its end.
    (tmp_path / "environ").write_bytes(b"")
    assert processes._environment(tmp_path, -1.0) == b""


def test_a_process_without_an_environment_is_not_waited_for() -> None:
    sleeping = subprocess.Popen(["/bin/sleep", "600"], env={})
    try:
        place = Path(f"/proc/{sleeping.pid}")
        assert processes._environment(place, time.monotonic() + 60) == b""
        assert not processes._has_environment(place)
        assert processes._has_environment(Path("/proc/self"))
    finally:
        sleeping.kill()
        sleeping.wait()
    with pytest.raises(OSError, match="No such file"):
        processes._has_environment(place)


async def test_the_process_is_limited_and_has_a_group_of_its_own(claude_config: Make) -> None:
    config = claude_config(open_files=99, cpu_minutes=2, memory_mb=512)
    outcome, _ = await run(config, "limits")
    limits = json.loads(outcome.text)
    assert limits["RLIMIT_NOFILE"] == 99
    assert limits["RLIMIT_CPU"] == 120
    assert limits["RLIMIT_DATA"] == 512 * 1024 * 1024
    assert limits["RLIMIT_CORE"] == 0
    assert limits["nice"] == min(19, os.nice(0) + processes.NICENESS)
    assert limits["group"] == limits["pid"]
    assert limits["group"] != os.getpgid(0)


async def test_the_process_does_not_get_the_secrets_of_the_appliance(
    claude_config: Make, tmp_path: Path
) -> None:
    log = tmp_path / "calls"
    private = {"OPENAI_API_KEY": "secret", "TEAM_TOKEN": "secret", "NOTIFY_SOCKET": "secret"}
    own = {"CLAUDE_LOG": str(log), "ANTHROPIC_API_KEY": "own", "MCP_HOME_TOKEN": "secret"}
    environ = {**private, **own, "APPLIANCE__LLM__MODEL": "secret"}
    await agent(claude_config(), **environ).work(task("show"), lambda _: None)
    seen = json.loads(log.read_text())["environ"]
    assert "secret" not in seen.values()
    assert seen["ANTHROPIC_API_KEY"] == "own"


def test_a_request_never_becomes_an_option(claude_config: Make) -> None:
    said = "--dangerously-skip-permissions\0"
    given = arguments(claude_config(allowed_tools=("Read", "Bash(git *)")), said, "s1")
    assert said not in given
    assert not any(argument.startswith("--dangerously") for argument in given)
    assert given[:2] == ["-p", " --dangerously-skip-permissions "]
    assert given[2:7] == [
        *("--output-format", "stream-json", "--verbose", "--permission-mode", "default")
    ]
    assert given[7:] == ["--allowedTools", "Read,Bash(git *)", "--resume", "s1"]


def test_a_missing_program_or_directory_is_refused(claude_config: Make, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="not installed"):
        agent(claude_config(command="no-such-claude")).check()
    with pytest.raises(AgentError, match="directory"):
        agent(claude_config(directory=tmp_path / "nowhere")).check()


async def test_a_program_that_cannot_be_run_is_an_outcome(
    claude_config: Make, tmp_path: Path
) -> None:
    broken = tmp_path / "claude"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    outcome, _ = await run(claude_config(command=str(broken)), "hello")
    assert not outcome.ok
    assert outcome.text.startswith("It ended with status")


async def test_the_user_hears_that_it_is_not_installed(claude_config: Make) -> None:
    async def is_guest(_client_id: str) -> bool:
        return False

    missing, book = agent(claude_config(command="no-such-claude")), MemoryStore()
    dispatcher = Dispatcher([missing], book, lambda: 1.0, lambda _: None, lambda _: None)
    registry = ToolRegistry(claude_tools(dispatcher), is_guest=is_guest)
    answer = await registry.call("send_to_claude_code", {"text": "run the tests"}, Session())
    assert answer.spoken == "Sorry, Claude Code is not installed on this device."
    assert answer.data["error"]["code"] == "agent_failed"
    assert "agents.claude.command" in answer.data["error"]["advice"]
    assert book.rows == {}
