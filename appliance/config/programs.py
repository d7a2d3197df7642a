"""The programs of others that the daemon starts, and what its unit has to allow for them.

The unit runs nothing outside /usr and the appliance's own release, and writes nothing outside its
own two directories. Agents and servers of tools need more: the caches from which `uvx` and `npx`
run what they fetch, the directory of a project, a program of the user's own.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.config.loader import Config

STATE: Final = Path("/var/lib/voice-appliance")
CACHE: Final = Path("/var/cache/voice-appliance")
UNIT_PATH: Final = (
    f"{STATE}/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)
"""Where the unit finds programs: first where their own installers put them for its user."""
_EXECUTABLE: Final = (Path("/usr"), Path("/bin"), Path("/sbin"), Path("/opt/voice-appliance"))
_HOMES: Final = (Path("/home"), Path("/root"))
_LAUNCHERS: Final = {"uvx": CACHE / "uv", "uv": CACHE / "uv", "npx": STATE / ".npm"}
"""Programs that fetch what they run, and where they keep that."""


@dataclass(frozen=True, slots=True)
class ForeignProgram:
    """A program that a setting names; where it runs, and whether it is to write there."""

    setting: str
    command: str
    directory: Path | None = None
    writes: bool = False


def foreign_programs(config: Config) -> list[ForeignProgram]:
    """The programs of the configured agents and servers of tools."""
    found = []
    claude = config.agents.claude
    if claude.enabled:
        writes = claude.permission_mode != "plan"
        found.append(
            ForeignProgram("agents.claude.command", claude.command, claude.directory, writes)
        )
    for name, server in config.tools.mcp.items():
        if server.command:
            setting = f"tools.mcp.{name}.command"
            found.append(ForeignProgram(setting, server.command[0], server.directory))
    return found


def program_faults(config: Config, environ: Mapping[str, str]) -> list[str]:
    """What of it cannot be run or written here, by this user, each in a sentence."""
    return [
        fault
        for program in foreign_programs(config)
        for fault in _faults(program, environ.get("PATH") or os.defpath)
    ]


def _faults(program: ForeignProgram, path: str) -> Iterator[str]:
    if shutil.which(program.command, path=path) is None:
        there = next((place for place in _places(program.command, path) if place.exists()), None)
        yield (
            f"{program.setting}: {there} cannot be executed here"
            if there
            else f"{program.setting}: there is no program {program.command}"
        )
    directory = program.directory
    if directory is None:
        return
    if not directory.is_dir():
        yield f"{program.setting}: there is no directory {directory}"
    elif program.writes and not os.access(directory, os.W_OK):
        yield f"{program.setting}: nothing can be written to {directory}"


def _places(command: str, path: str) -> Iterator[Path]:
    if "/" in command:
        yield Path(command)
    else:
        yield from (Path(directory, command) for directory in path.split(":") if directory)


@dataclass(slots=True)
class _Exceptions:
    """Paths that the unit is to open, in order and each once."""

    execute: dict[Path, None] = field(default_factory=dict)
    write: dict[Path, None] = field(default_factory=dict)
    show: dict[Path, None] = field(default_factory=dict)

    def allow(self, program: ForeignProgram) -> None:
        launcher = _LAUNCHERS.get(Path(program.command).name)
        if launcher:
            self.execute[launcher] = None
        found = shutil.which(program.command, path=UNIT_PATH)
        for place in (Path(found), Path(found).resolve()) if found else ():
            if not _is_below(place, _EXECUTABLE):
                self.execute[place.parent] = None
                self.show[place.parent] = None
        if program.directory is not None and program.writes:
            # What an agent makes there, such as a program and its tests, it also runs.
            self.write[program.directory] = self.execute[program.directory] = None
        elif program.directory is not None:
            self.show[program.directory] = None


def unit_exceptions(config: Config) -> str:
    """The drop-in for the units of the appliance; empty where no program needs one."""
    programs = foreign_programs(config)
    if not programs:
        return ""
    local = STATE / ".local"
    found = _Exceptions({local: None})
    for program in programs:
        found.allow(program)
    lines = [
        "# Written by install.sh from the configuration: the programs of others that it names.",
        "",
        "[Service]",
        f"Environment=PATH={UNIT_PATH}",
        *_made_directories(found.execute),
        *(f"ExecPaths=-{place}" for place in found.execute),
        *(f"ReadWritePaths=-{place}" for place in found.write if not _is_below(place, _HOMES)),
        *_homes(found),
        *_credentials(config),
    ]
    return "\n".join(lines) + "\n"


def _made_directories(places: Mapping[Path, None]) -> Iterator[str]:
    """Has systemd make those of its own directories: what is not there cannot be an exception."""
    for key, base in (("StateDirectory", STATE), ("CacheDirectory", CACHE)):
        below = [
            f"{base.name}/{place.relative_to(base)}" for place in places if base in place.parents
        ]
        if below:
            yield f"{key}={' '.join(below)}"


def _homes(found: _Exceptions) -> Iterator[str]:
    """Shows of the home directories, which are hidden, what is named, and nothing else."""
    shown = [place for place in found.show if _is_below(place, _HOMES)]
    written = [place for place in found.write if _is_below(place, _HOMES)]
    if shown or written:
        yield "ProtectHome=tmpfs"
    yield from (f"BindReadOnlyPaths=-{place}" for place in shown if place not in written)
    yield from (f"BindPaths=-{place}" for place in written)


def _credentials(config: Config) -> Iterator[str]:
    names = [
        f"mcp_{name}_token"
        for name, server in config.tools.mcp.items()
        if server.url or server.command
    ]
    if config.agents.claude.enabled:
        names.append("anthropic_api_key")
    for name in names:
        yield f"SetCredential={name}:\\n"
        yield f"LoadCredential={name}:/etc/voice-appliance/credentials/{name}"


def _is_below(place: Path, directories: tuple[Path, ...]) -> bool:
    return any(directory == place or directory in place.parents for directory in directories)
