"""Reads the settings of the package clients pip and npm.

pip: indexes, find-links, proxy, certificates; credentials stand in the addresses and in netrc.
npm: registry, proxy, certificate, token; npm itself need not be installed. No address of an index
is built in: where none is configured, the client's own default counts, as the client states it.
"""

import ast
import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.errors import SourceUnreachable
from appliance.models.http_client import HttpSettings, origin

_CLIENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class PipSettings:
    """Where pip looks for packages, and how it gets there."""

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    http: HttpSettings = field(default_factory=HttpSettings)


@dataclass(frozen=True, slots=True)
class NpmSettings:
    """npm's registry ("" where none is known), and how to get there."""

    registry: str = ""
    http: HttpSettings = field(default_factory=HttpSettings)


async def pip_settings() -> PipSettings:
    """pip's settings for a download, as `pip config list` gives them. Raises DownloadFailed."""
    settings = parse_pip_config(await _pip("config", "list"))
    index = settings.get("index-url") or _default_index(await _pip("download", "--help"))
    alone = settings.get("no-index", "").lower() in ("1", "true", "yes", "on")
    indexes = [] if alone else [index, *settings.get("extra-index-url", "").split()]
    return PipSettings(
        indexes=tuple(filter(None, indexes)),
        find_links=tuple(settings.get("find-links", "").split()),
        http=HttpSettings(
            proxy=settings.get("proxy") or None,
            ca_file=settings.get("cert") or None,
            client_certificate=settings.get("client-cert") or None,
        ),
    )


async def _pip(*arguments: str) -> str:
    # COLUMNS keeps the address in the help text on one line.
    environment = {**os.environ, "COLUMNS": "1000", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    output = await _run([sys.executable, "-m", "pip", *arguments], environment)
    if output is None:
        raise SourceUnreachable(
            "pip, which knows the Python index of this machine, does not run",
            advice=f"Try `{sys.executable} -m pip config list`.",
        )
    return output


def parse_pip_config(text: str) -> dict[str, str]:
    """The settings that hold for `pip download`: environment over section download over global."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if parsed := re.match(r"(:env:|global|download)\.([a-z-]+)=('.*'|\".*\")$", line.strip()):
            section, key, value = parsed.groups()
            found.setdefault(section, {})[key] = str(ast.literal_eval(value))
    return {**found.get("global", {}), **found.get("download", {}), **found.get(":env:", {})}


def _default_index(help_text: str) -> str:
    """The index that pip uses if none is configured: its help for --index-url says so."""
    stated = re.search(r"--index-url <url>.*?\(default (https?://\S+?)\)", help_text, re.DOTALL)
    return stated[1] if stated else ""


async def npm_settings(environment: Mapping[str, str]) -> NpmSettings:
    """npm's settings as npm states them, or without npm, those of its variables and files."""
    settings = _npmrc(environment)
    if npm := shutil.which("npm", path=environment.get("PATH", os.defpath)):
        output = await _run([npm, "config", "list", "--json"], dict(environment))
        settings |= _strings(output)
    registry = settings.get("registry", "")
    host = re.sub(r"^https?:", "", registry).rstrip("/") + "/"
    token = settings.get(f"{host}:_authToken", "")
    proxy = settings.get("https-proxy") or settings.get("proxy")
    http = HttpSettings(
        proxy=proxy or None,
        ca_file=settings.get("cafile") or None,
        authorization={origin(registry): f"Bearer {token}"} if token else {},
    )
    return NpmSettings(registry, http)


def _npmrc(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of /etc/npmrc, the user's .npmrc, and the environment; later ones win."""
    lowered = {key.lower(): value for key, value in environment.items()}
    user = lowered.get("npm_config_userconfig") or Path(environment.get("HOME", "/")) / ".npmrc"
    settings: dict[str, str] = {}
    for file in (Path("/etc/npmrc"), Path(user)):
        if not file.is_file():
            continue
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            key, is_setting, value = line.partition("=")
            if is_setting and not line.lstrip().startswith(("#", ";")):
                settings[key.strip()] = re.sub(
                    r"\$\{(\w+)\}",
                    lambda variable: environment.get(variable[1], ""),
                    value.strip().strip('"'),
                )
    prefix = "npm_config_"
    variables = {k.removeprefix(prefix): v for k, v in lowered.items() if k.startswith(prefix)}
    return settings | {key.replace("_", "-"): value for key, value in variables.items()}


def _strings(output: str | None) -> dict[str, str]:
    """The text settings of `npm config list --json`; those that npm protects are missing in it."""
    try:
        settings: dict[str, Any] = json.loads(output or "{}")
    except ValueError:
        return {}
    return {key: value for key, value in settings.items() if isinstance(value, str) and value}


async def _run(command: Sequence[str], environment: dict[str, str]) -> str | None:
    """The standard output of a package client; None if it fails or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_CLIENT_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode("utf-8", "replace") if process.returncode == 0 else None
