"""Tells which release runs, and whether another one waits. Nothing outside the machine is asked."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance import __version__

INSTALLED = Path("/opt/voice-appliance")


class UpdateState(StrEnum):
    """What is known of an update.

    Whether a newer release was published is unknown: the appliance asks nobody for one.
    """

    UNKNOWN = "unknown"
    RESTART = "restart"  # another release is installed, and runs from the next start on
    PROBATION = "probation"  # this release is new, and goes back to the one before if it fails


@dataclass(frozen=True, slots=True)
class Release:
    """The release that runs; `installed` is the one of the next start, both "" in a checkout."""

    version: str
    running: str
    installed: str
    update: UpdateState


def release(prefix: Path = INSTALLED, environment: Path = Path(sys.prefix)) -> Release:
    """Reads which release is installed below `prefix`; we run in the Python `environment`."""
    releases = prefix / "releases"
    inside = environment.resolve().is_relative_to(releases)
    running = environment.resolve().relative_to(releases).parts[0] if inside else ""
    current = prefix / "current"
    installed = current.resolve().name if running and current.exists() else ""
    if running and installed != running:
        update = UpdateState.RESTART
    elif running and (prefix / "probation").exists():
        update = UpdateState.PROBATION
    else:
        update = UpdateState.UNKNOWN
    return Release(__version__, running, installed, update)
