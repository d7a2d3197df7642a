"""The option that every command of the command line has."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from appliance.config.loader import Config, load

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """--config, any number of times, as `files`."""
    return click.option(
        "--config",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="A configuration file instead of the system's; later ones win.",
    )(command)


def configuration(files: tuple[Path, ...]) -> Config:
    """What is in force with these files. Raises ConfigError."""
    return load(files, os.environ)
