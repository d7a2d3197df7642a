"""Fixtures that run `appliance …` in this process, and those of the packages behind it."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.cli.main import main
from tests.models.conftest import downloads, registry
from tests.selftest.conftest import configured

__all__ = ["configured", "downloads", "registry"]


@dataclass(frozen=True)
class CommandResult:
    """Exit status and output of one command."""

    status: int
    out: str
    err: str


Run = Callable[..., CommandResult]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `appliance …` with its state in tmp_path; questions are answered with "no"."""
    monkeypatch.setenv("APPLIANCE__STORE__PATH", str(tmp_path / "conversations.db"))
    monkeypatch.setenv("APPLIANCE__MODELS__DIRECTORY", str(tmp_path / "models"))

    def run(*arguments: str) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["appliance", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
        status = 0
        try:
            main()
        except SystemExit as left:
            status = int(left.code or 0)
        return CommandResult(status, *capsys.readouterr())

    return run
