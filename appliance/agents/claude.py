"""Claude Code as an agent: its command line in a configured directory, one process per task."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress

from appliance.agents import AgentOutcome, Report
from appliance.agents.claude_stream import ClaudeTranscript, LineSplitter
from appliance.agents.process import ChildProcess, ProcessLimits
from appliance.config.schema import ClaudeConfig
from appliance.conversation import Task
from appliance.errors import AgentError
from appliance.network.proxies import ProxyRules, child_environment

END_SECONDS = 5.0  # from its result to its exit, after which it is killed
DRAIN_SECONDS = 1.0  # from its exit to the end of its output, which children may keep open

CLAUDE_KEY = "ANTHROPIC_API_KEY"  # its own key, where it has no login

# Variables of the appliance alone; Claude Code has keys of its own.
_PRIVATE = (
    "APPLIANCE__", "CREDENTIALS_DIRECTORY", "OPENAI_API_KEY", "GROQ_API_KEY", "TEAM_TOKEN",
    "MCP_", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_",
)  # fmt: skip

_UNKNOWN_SESSION = "no conversation found"  # the error for a session that it does not know


class ClaudeCode:
    """An Agent. `environ` is the environment of the appliance."""

    name = "claude"
    title = "Claude Code"

    def __init__(self, config: ClaudeConfig, environ: Mapping[str, str]) -> None:
        self._config = config
        self._proxies = ProxyRules()
        self._environ = {k: v for k, v in environ.items() if not k.startswith(_PRIVATE)}
        self.seconds = config.task_minutes * 60

    def check(self) -> None:
        """Raises AgentError if `claude` is not installed or its directory is missing."""
        self._program()
        if not self._config.directory.is_dir():
            raise AgentError(
                "the directory for Claude Code is not there",
                advice=f"Make {self._config.directory}, or correct agents.claude.directory.",
            )

    def _program(self) -> str:
        found = shutil.which(self._config.command, path=self._environ.get("PATH"))
        if found is None:
            raise AgentError(
                "Claude Code is not installed on this device",
                advice="Install it, or say where it is with agents.claude.command.",
            )
        return found

    async def work(self, task: Task, report: Report) -> AgentOutcome:
        """See Agent. A session that Claude Code no longer knows is started anew."""
        self.check()
        outcome = await self._run(task, task.agent_session, report)
        if task.agent_session and not outcome.ok and _UNKNOWN_SESSION in outcome.text.lower():
            outcome = await self._run(task, "", report)
        return outcome

    async def _run(self, task: Task, session: str, report: Report) -> AgentOutcome:
        config = self._config
        limits = ProcessLimits(config.open_files, round(config.cpu_minutes * 60), config.memory_mb)
        with tempfile.TemporaryFile() as errors:
            try:
                child = await ChildProcess.start(
                    (self._program(), *arguments(config, task.request, session)),
                    config.directory,
                    await child_environment(self._environ, self._proxies),
                    limits,
                    task.id,
                    errors,
                )
            except (OSError, ValueError) as error:
                raise AgentError(f"Claude Code cannot be started: {error}") from None
            transcript = ClaudeTranscript()
            try:
                status = await _follow(child, transcript, report)
            finally:
                # Shielded: a second cancellation must not leave a process running.
                await asyncio.shield(child.end())
            return transcript.outcome or _without_result(status, transcript, child.error_output())


def arguments(config: ClaudeConfig, request: str, session: str) -> list[str]:
    """The arguments of `claude`. The request can never be read as an option."""
    text = request.replace("\0", " ")
    given = ["-p", f" {text}" if text.startswith("-") else text]
    given += ["--output-format", "stream-json", "--verbose"]
    given += ["--permission-mode", config.permission_mode]
    if config.allowed_tools:
        given += ["--allowedTools", ",".join(config.allowed_tools)]
    if config.model:
        given += ["--model", config.model]
    if session:
        given += ["--resume", session]
    return given


async def _follow(child: ChildProcess, transcript: ClaudeTranscript, report: Report) -> int | None:
    """Reads until the result or the end of the process; returns its exit status, if it has one."""
    reading = asyncio.create_task(_report_events(child, transcript, report))
    exiting = asyncio.create_task(child.wait())
    try:
        await asyncio.wait({reading, exiting}, return_when=asyncio.FIRST_COMPLETED)
        left = END_SECONDS if reading.done() else DRAIN_SECONDS
        await asyncio.wait({reading, exiting}, timeout=0 if transcript.is_refused else left)
        if reading.done():
            reading.result()
        return exiting.result() if exiting.done() else None
    finally:
        for job in (reading, exiting):
            job.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await job


async def _report_events(child: ChildProcess, transcript: ClaudeTranscript, report: Report) -> None:
    lines = LineSplitter()
    while data := await child.read():
        for line in lines.feed(data):
            _report_line(transcript, line, report)
        if transcript.outcome is not None:
            return
    for line in lines.end():
        _report_line(transcript, line, report)


def _report_line(transcript: ClaudeTranscript, line: bytes, report: Report) -> None:
    for event in transcript.feed(line):
        report(event)


def _without_result(
    status: int | None, transcript: ClaudeTranscript, error_output: str
) -> AgentOutcome:
    """The outcome of a process that ended without a result, with its last error line."""
    how = "was ended" if status is None or status < 0 else f"ended with status {status}"
    why = (error_output.splitlines() or [transcript.stray])[-1]
    return AgentOutcome(False, f"It {how} before it had a result. {why}".strip())
