"""The unit allows what the configured programs need, and what cannot be run is told."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.config import programs
from appliance.config.loader import Config, load
from appliance.config.programs import program_faults, unit_exceptions

PATH = {"PATH": "/usr/bin:/bin"}
UNIT = Path(__file__).parents[2] / "systemd" / "voice-appliance.service"


def config(claude: Path | None = None, command: str = "/bin/true", **servers: list[str]) -> Config:
    settings = {}
    if claude:
        settings = {
            "APPLIANCE__AGENTS__CLAUDE__ENABLED": "true",
            "APPLIANCE__AGENTS__CLAUDE__COMMAND": command,
            "APPLIANCE__AGENTS__CLAUDE__DIRECTORY": str(claude),
        }
    for name, program in servers.items():
        settings[f"APPLIANCE__TOOLS__MCP__{name.upper()}__COMMAND"] = json.dumps(program)
        settings[f"APPLIANCE__TOOLS__MCP__{name.upper()}__ALLOW"] = '["*"]'
    return load([], settings)


def test_without_programs_the_unit_stays_as_it_is() -> None:
    assert unit_exceptions(config()) == ""
    assert program_faults(config(), PATH) == []


def test_what_launchers_fetch_may_be_run() -> None:
    lines = unit_exceptions(config(time=["uvx", "mcp-server-time"], all=["npx", "-y", "x"]))
    assert "ExecPaths=-/var/cache/voice-appliance/uv\n" in lines
    assert "ExecPaths=-/var/lib/voice-appliance/.npm\n" in lines
    # They are made before the unit begins: what is not there is no exception.
    assert "StateDirectory=voice-appliance/.local voice-appliance/.npm\n" in lines
    assert "CacheDirectory=voice-appliance/uv\n" in lines
    assert "LoadCredential=mcp_time_token:/etc/voice-appliance/credentials/mcp_time_token" in lines
    assert "ReadWritePaths" not in lines
    assert "ProtectHome" not in lines


def test_the_project_of_an_agent_can_be_written() -> None:
    lines = unit_exceptions(config(Path("/srv/project")))
    assert "ReadWritePaths=-/srv/project\n" in lines
    assert "ExecPaths=-/srv/project\n" in lines
    assert "ExecPaths=-/var/lib/voice-appliance/.local\n" in lines
    assert "LoadCredential=anthropic_api_key:" in lines


def test_of_a_home_only_what_is_named_is_shown() -> None:
    lines = unit_exceptions(config(Path("/home/ann/project")))
    assert "ProtectHome=tmpfs\nBindPaths=-/home/ann/project\n" in lines
    assert "ReadWritePaths" not in lines


def test_a_program_elsewhere_may_be_run_where_it_is(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert f"ExecPaths=-{tmp_path}\n" in unit_exceptions(config(mine=[str(program)]))
    link = tmp_path / "bin" / "linked"
    link.parent.mkdir()
    link.symlink_to(program)
    lines = unit_exceptions(config(mine=[str(link)]))
    assert f"ExecPaths=-{link.parent}\n" in lines
    assert f"ExecPaths=-{tmp_path}\n" in lines


def test_for_a_program_of_the_system_nothing_is_opened() -> None:
    lines = unit_exceptions(config(mine=["true"]))
    opened = [line for line in lines.splitlines() if line.startswith("ExecPaths=")]
    assert opened == ["ExecPaths=-/var/lib/voice-appliance/.local"]


def test_a_program_of_the_project_itself_leaves_it_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_HOMES", (tmp_path,))
    project = tmp_path / "project"
    project.mkdir()
    (project / "claude").touch(0o755)
    lines = unit_exceptions(config(project, str(project / "claude")))
    assert f"BindPaths=-{project}\n" in lines
    assert "BindReadOnlyPaths" not in lines


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_understands_it(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    shutil.copy(UNIT, unit)
    dropin = tmp_path / f"{UNIT.name}.d" / "programs.conf"
    dropin.parent.mkdir()
    dropin.write_text(unit_exceptions(config(Path("/home/ann/p"), time=["uvx", "t"])))
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "programs.conf" not in checked.stderr


def test_what_cannot_be_run_or_written_is_told(tmp_path: Path) -> None:
    odd = tmp_path / "server"
    odd.touch(0o644)
    given = config(tmp_path / "nowhere", "no-such-claude", mine=[str(odd)], fine=["true"])
    assert program_faults(given, PATH) == [
        "agents.claude.command: there is no program no-such-claude",
        f"agents.claude.command: there is no directory {tmp_path / 'nowhere'}",
        f"tools.mcp.mine.command: {odd} cannot be executed here",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_project_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert program_faults(config(tmp_path), PATH) == [
        f"agents.claude.command: nothing can be written to {tmp_path}"
    ]
