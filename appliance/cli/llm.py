"""`appliance llm`: serves the managed language model."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from appliance.cli.options import config_option, configuration
from appliance.config.loader import Config
from appliance.errors import ConfigError, EngineFailed, ModelBroken, ModelMissing
from appliance.hardware import planner
from appliance.hardware.language_server import server_command
from appliance.llm import serve, served_model
from appliance.llm.served_model import ServedModel
from appliance.observability import logs

EXIT_REFUSED = 78
"""As for a configuration that cannot be used: trying again would change nothing."""


def serve_command(files: Sequence[Path]) -> list[str]:
    """The command line that serves the model and ends with the process that starts it."""
    options = [part for file in files for part in ("--config", str(file))]
    return [sys.executable, "-m", "appliance", "llm", "serve", "--end-with-parent", *options]


@click.group("llm")
def llm_group() -> None:
    """The language model that the appliance runs itself."""


@llm_group.command("serve")
@config_option
@click.option("--end-with-parent", is_flag=True, help="End when the process that started it does.")
def serve_model(files: tuple[Path, ...], end_with_parent: bool) -> None:
    """Serves the model of the plan on the loopback, until it is ended."""
    logs.set_up(debug=False)
    config = configuration(files)
    served = _chosen(config)
    if served is None:
        click.echo("There is no language model to serve; `appliance plan` says why.")
        return
    key = served_model.key_file(config)
    key.parent.mkdir(parents=True, exist_ok=True)
    served_model.api_key(key)
    try:
        serve.serve(served, key, end_with_parent=end_with_parent)
    except (ModelMissing, ModelBroken, EngineFailed) as error:
        click.echo(f"{error.message}. {error.advice}".strip(), err=True)
        sys.exit(EXIT_REFUSED)


def _chosen(config: Config) -> ServedModel | None:
    """The model that the running appliance has decided on; else the first choice of the plan."""
    try:
        return served_model.read_choice(served_model.choice_file(config))
    except ConfigError:
        options = planner.plan_for(config).llm.options
        if not options:
            return None
        return served_model.served_option(options[0], config, server_command(config))
