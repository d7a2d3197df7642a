"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from appliance.config.loader import Config, load

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """`--config`, repeatable; the command receives the paths as `files`."""
    return click.option(
        "--config",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="A configuration file instead of the system's; later ones win.",
    )(command)


def json_option(command: F) -> F:
    """`--json`; the command receives it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        command
    )


def configuration(files: tuple[Path, ...]) -> Config:
    """The configuration of `files` and the environment. Raises ConfigError."""
    return load(files, os.environ)
