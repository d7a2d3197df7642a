"""Agents that are real processes and real servers, on this machine."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.config import layers
from appliance.config.loader import load
from appliance.config.schema import ClaudeConfig
from appliance.config.schema import TeamConfig as TeamConfig
from appliance.conversation import Task, TaskState

FAKE_CLAUDE = Path(__file__).with_name("fake_claude.py")


def task(request: str, task_id: str = "t1", **more: Any) -> Task:  # noqa: ANN401  of Task
    return Task(task_id, "claude", request, TaskState.RUNNING, 0.0, 0.0, **more)


@pytest.fixture
def claude_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ClaudeConfig]:
    """The configuration of a Claude Code that is the fake, with some keys changed."""
    monkeypatch.setattr(layers, "SYSTEM_FILE", tmp_path / "no-system.toml")
    directory = tmp_path / "project"
    directory.mkdir()

    def make(**changed: Any) -> ClaudeConfig:  # noqa: ANN401  of Claude
        usual = {"enabled": True, "command": str(FAKE_CLAUDE), "directory": directory}
        return load([], {}).agents.claude.model_copy(update={**usual, **changed})

    return make


@pytest.fixture
def team_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TeamConfig]:
    """The configuration of a team, with some keys changed."""
    monkeypatch.setattr(layers, "SYSTEM_FILE", tmp_path / "no-system.toml")

    def make(**changed: Any) -> TeamConfig:  # noqa: ANN401  of Team
        return load([], {}).agents.team.model_copy(update=changed)

    return make


def environment(**more: str) -> dict[str, str]:
    """As small as a unit's, with this Python first on the path."""
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **more}
