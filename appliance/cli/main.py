"""The command line: the group of all commands, `run`, `config`, and the exit statuses."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import click

from appliance import __version__
from appliance.app import systemd
from appliance.cli.clients import clients_group, pair
from appliance.cli.conversations import conversations_group
from appliance.cli.llm import llm_group, serve_command
from appliance.cli.machine import bench, plan
from appliance.cli.models import models_command, models_group
from appliance.cli.options import config_option, configuration
from appliance.cli.selftest import selftest, selftest_command
from appliance.cli.turns import turns_group
from appliance.config.layers import read_layers
from appliance.config.loader import masked
from appliance.config.programs import program_faults, unit_exceptions
from appliance.errors import ApplianceError, ConfigError
from appliance.observability import logs

EXIT_CONFIG = 78  # EX_CONFIG: the unit does not restart on it
EXIT_RESTART = 75  # EX_TEMPFAIL: the unit starts it again, and counts no failure
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appliance")
def cli() -> None:
    """A private voice assistant on your own shelf."""


@cli.command()
@config_option
@click.option("--debug", is_flag=True, help="Log everything, Pipecat's frames included.")
def run(files: tuple[Path, ...], debug: bool) -> None:
    """Runs the daemon in the foreground, as systemd does."""
    # Before numpy is imported: smart-turn is twice as fast without threads fighting for cores.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logs.set_up(debug=debug)
    from appliance.app import daemon
    from appliance.app.administration import Commands
    from appliance.app.settings import SettingsFiles

    settings = SettingsFiles(partial(read_layers, files, os.environ), systemd.secrets(os.environ))
    commands = Commands(
        selftest_command(files), serve_command(files), partial(models_command, files)
    )
    if asyncio.run(daemon.run(settings, commands)):
        sys.exit(EXIT_RESTART)


@cli.group("config")
def config_group() -> None:
    """Checks and shows the configuration."""


@config_group.command("check")
@config_option
def check_config(files: tuple[Path, ...]) -> None:
    """Reports every fault at once, with key, value, expectation and a suggestion."""
    config = configuration(files)
    for fault in program_faults(config, os.environ):
        click.secho(f"{fault}.", fg="yellow", err=True)
    click.echo("The configuration is good.")


@config_group.command("show")
@config_option
def show_config(files: tuple[Path, ...]) -> None:
    """Shows the configuration in force, secrets masked."""
    click.echo(json.dumps(masked(configuration(files)), indent=2))


@config_group.command("unit")
@config_option
def show_unit(files: tuple[Path, ...]) -> None:
    """Shows what the appliance's unit has to allow for the programs that the settings name.

    install.sh makes it a drop-in of the unit.
    """
    click.echo(unit_exceptions(configuration(files)), nl=False)


for _command in (
    *(plan, bench, selftest, pair),
    *(clients_group, conversations_group, llm_group, models_group, turns_group),
):
    cli.add_command(_command)


def _refuse_reload(*_: object) -> None:
    """Answers SIGHUP, which would end the process, until something is there to be read again."""
    with contextlib.suppress(OSError):  # where the terminal is gone
        os.write(2, b"SIGHUP: there is nothing to reload.\n")


def main() -> None:
    """Runs the command line; errors become a sentence, advice, and an exit status.

    SIGHUP ends no command; `appliance run` reloads its settings. Under nohup it stays ignored.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _refuse_reload)
    # ONNX Runtime sends usage data to its makers from the moment it is loaded, unless forbidden.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ApplianceError as error:
        click.secho(error.message, fg="red", err=True)
        if error.advice:
            click.echo(error.advice, err=True)
        sys.exit(EXIT_CONFIG if isinstance(error, ConfigError) else 1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
