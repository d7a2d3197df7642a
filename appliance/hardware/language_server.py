"""Finds llama.cpp's server on this machine, and what its trials have measured."""

import hashlib
import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from appliance.config.loader import Config
from appliance.hardware.language_models import LanguageServer

PROGRAM: Final = "llama-server"
LIBRARY: Final = "xllamacpp"
"""The package that has the same server as a library, for processors only."""
TRIALS: Final = "llm-trials.json"
_GPU_NAMES: Final = ("CUDA", "Vulkan")
_LIST_SECONDS: Final = 30.0


def find_server(config: Config, *, has_gpu: bool) -> LanguageServer:
    """The server that `appliance llm serve` would start. Takes a second where there is a GPU."""
    if config.llm.provider != "auto":
        return LanguageServer()
    command = server_command(config)
    gpu = has_gpu and command not in ("", LIBRARY) and lists_gpu(command)
    return LanguageServer(command, gpu, measured_speeds(config, command))


def server_command(config: Config) -> str:
    """The path of llama-server: of `llm.server`, this environment or the PATH; else the library.

    Empty where there is none.
    """
    if config.llm.server:
        return config.llm.server
    if found := shutil.which(PROGRAM, path=str(Path(sys.executable).parent)):
        return found
    if found := shutil.which(PROGRAM):
        return found
    return LIBRARY if importlib.util.find_spec(LIBRARY) else ""


def lists_gpu(command: str) -> bool:
    """Whether a build of llama-server has a GPU to compute on."""
    listed = _output(command, "--list-devices")
    return any(name in listed for name in _GPU_NAMES)


def knows_option(command: str, option: str) -> bool:
    """Whether a build of llama-server has an option, which changes from build to build."""
    return option in _output(command, "--help")


def _output(command: str, option: str) -> str:
    try:
        run = subprocess.run(
            [command, option], capture_output=True, text=True, timeout=_LIST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout


def server_build(command: str) -> str:
    """What tells one build of the server from another, wherever it lies; empty where there is none.

    The version of the package, or a digest of the program and the libraries beside it: of their
    names, sizes and times, since their contents are up to a gigabyte.
    """
    if command == LIBRARY:
        with suppress(importlib.metadata.PackageNotFoundError):
            return f"{LIBRARY} {importlib.metadata.version(LIBRARY)}"
        return ""
    program = Path(command).resolve()
    try:
        parts = [program, *sorted(program.parent.glob("*.so*"))]
        files = [(part.name, part.stat().st_size, part.stat().st_mtime_ns) for part in parts]
    except OSError:
        return ""
    return f"{program.name} {hashlib.sha256(repr(files).encode()).hexdigest()[:16]}"


def trials_file(config: Config) -> Path:
    """The results of trials, kept beside the database."""
    return config.store.path.parent / TRIALS


def measured_speeds(config: Config, command: str) -> dict[str, float]:
    """Tokens per second by model, of the trials with this server on this machine."""
    build = server_build(command)
    try:
        kept: Any = json.loads(trials_file(config).read_text(encoding="utf-8"))
        return {
            str(trial["model"]): float(trial["tokens_per_second"])
            for trial in kept["trials"]
            if trial["build"] == build
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
