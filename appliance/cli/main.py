"""The command line: parse, call, print. No logic."""

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from appliance import __version__
from appliance.app import systemd
from appliance.cli import machine
from appliance.cli import selftest as selftest_commands
from appliance.cli.models_group import models_group
from appliance.cli.options import config_option, configuration
from appliance.errors import ApplianceError, ConfigError
from appliance.observability import logs

EXIT_CONFIG = 78  # EX_CONFIG: the unit does not restart on it


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appliance")
def cli() -> None:
    """A private voice assistant on your own shelf."""


@cli.command()
@config_option
@click.option("--debug", is_flag=True, help="Log everything, Pipecat's frames included.")
def run(files: tuple[Path, ...], debug: bool) -> None:
    """The daemon, in the foreground; what systemd starts."""
    # Before numpy is imported: smart-turn is twice as fast without threads fighting for cores.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logs.set_up(debug=debug)
    from appliance.app import daemon

    reread, command = partial(configuration, files), selftest_commands.command(files)
    asyncio.run(daemon.run(reread(), systemd.secrets(os.environ), reread, command))


@cli.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def plan(files: tuple[Path, ...], as_json: bool) -> None:
    """What was detected, what was chosen, why, and what the next better choice would need."""
    click.echo(machine.plan(configuration(files), as_json=as_json))


@cli.command()
@config_option
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("benchmark_results.json"),
    help="Where all figures are kept; a drawing beside it, against stock.",
)
@click.option(
    "--engines",
    type=click.Choice(["starter", "models", "timed", "random"]),
    multiple=True,
    help="Several are allowed; timed ones only take time, random ones have weights of no meaning.",
)
@click.option("--against", type=click.Choice(["stock"]), help="Pipecat's own services beside ours.")
@click.option("--stt-model", type=click.Path(path_type=Path, exists=True), help="A directory.")
@click.option("--tts-model", type=click.Path(path_type=Path, exists=True), help="An .onnx file.")
@click.option("--tts-voices", type=click.Path(path_type=Path, exists=True), help="Its voices.")
@click.option("--turns", type=click.IntRange(1), default=20, help="Of one session alone.")
@click.option("--sessions", type=click.IntRange(1), multiple=True, default=(1, 10), help="At once.")
@click.option("--interruptions", type=click.IntRange(1), default=10, help="Against stock.")
@click.option(
    "--ramp",
    type=click.IntRange(0),
    multiple=True,
    default=(1, 16, 24, 32, 40, 48),
    help="Sessions at once against stock, until they are too many; 0: leave it out.",
)
@click.option(
    "--random-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("random-models"),
    help="Where models of random weights are, or are put.",
)
@click.option(
    "--random-python",
    type=click.Path(path_type=Path, exists=True),
    default=Path(sys.executable),
    help="A Python with torch, which makes them.",
)
@click.option("--turns-each", type=click.IntRange(1), default=6, help="Of each of several.")
@click.option(
    "--speech",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Recordings to say: a .wav named after its words, or a directory of them.",
)
@click.option("--llm-url", default="", help="A real endpoint instead of the scripted one.")
@click.option("--llm-model", default="")
@click.option("--llm-first-token", type=float, default=0.22, help="Seconds, scripted.")
@click.option("--llm-tokens", type=float, default=50.0, help="A second, scripted.")
def bench(files: tuple[Path, ...], output: Path, **options: Any) -> None:  # noqa: ANN401  click's values
    """Measures whole turns, many sessions at once, and the engines alone; takes minutes.

    Starts appliances of its own and talks to them in real time. Without --engines it measures
    the starter engines, and models where they are named or the plan has some; against stock the
    timed ones. Exits with 1 when a turn stayed unanswered, never for a slow one.
    """
    sys.exit(machine.bench(files, os.environ, output, options))


@cli.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--progress", is_flag=True, help="With --json: the table too, on standard error.")
@click.option("--only", multiple=True, metavar="CHECK", help="This check alone; repeatable.")
@click.option("--history", is_flag=True, help="How those before went, instead of a new one.")
@click.option("--wait", type=click.FloatRange(0), default=0.0, help="Seconds, for another's end.")
def selftest(
    files: tuple[Path, ...],
    only: tuple[str, ...],
    history: bool,
    **how: Any,  # noqa: ANN401  click's values
) -> None:
    """Looks whether all is well, from the board to a spoken conversation; changes nothing.

    Exits with 0 when all is good (warnings are told), 1 when something failed, 2 when it could
    not run.
    """
    if history:
        click.echo(selftest_commands.earlier(configuration(files), as_json=how["as_json"]))
        return
    told = partial(configuration, files), systemd.secrets(os.environ), only
    sys.exit(selftest_commands.run_and_tell(*told, **how))


@cli.command()
@config_option
@click.option("--role", type=click.Choice(["guest", "user", "admin"]), default=None)
@click.option("--minutes", type=float, default=None, help="How long the code works.")
@click.option("--address", default="", help="The address to put into the QR code.")
@click.option("--fingerprint/--no-fingerprint", default=True, help="That of the certificate's CA.")
def pair(
    files: tuple[Path, ...],
    role: str | None,
    minutes: float | None,
    address: str,
    fingerprint: bool,
) -> None:
    """A code, a QR code in the terminal, the address to open, and whose certificate it shows.

    Without --role the first client becomes administrator and later ones users.
    """
    config = configuration(files)
    minutes = minutes or config.access.pairing_minutes
    told = machine.pair(config, role, minutes, address, fingerprint=fingerprint)
    click.echo(asyncio.run(told))


@cli.group()
def clients() -> None:
    """Who may talk to the appliance."""


@clients.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def clients_list(files: tuple[Path, ...], as_json: bool) -> None:
    """Everybody who was paired."""
    click.echo(asyncio.run(machine.clients(configuration(files), as_json=as_json)))


@clients.command("revoke")
@config_option
@click.argument("client_id")
def clients_revoke(files: tuple[Path, ...], client_id: str) -> None:
    """Takes a client's access away; its sessions end at once."""
    asyncio.run(machine.revoke(configuration(files), client_id))
    click.echo(f"{client_id} may no longer talk.")


@clients.command("role")
@config_option
@click.argument("client_id")
@click.argument("role", type=click.Choice(["guest", "user", "admin"]))
def clients_role(files: tuple[Path, ...], client_id: str, role: str) -> None:
    """Changes what a client may do: talk; have history and agents of its own too; everything."""
    asyncio.run(machine.change_role(configuration(files), client_id, role))
    click.echo(f"{client_id} is now {role}.")


@clients.command("audit")
@config_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def clients_audit(files: tuple[Path, ...], limit: int, as_json: bool) -> None:
    """Who was let in, refused and revoked, and what was deleted and exported; newest first."""
    click.echo(asyncio.run(machine.audit(configuration(files), limit, as_json=as_json)))


@cli.group()
def conversations() -> None:
    """What was said."""


@conversations.command("list")
@config_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=20)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def conversations_list(files: tuple[Path, ...], limit: int, as_json: bool) -> None:
    """The newest conversations."""
    click.echo(machine.conversation_list(configuration(files), limit, as_json=as_json))


@conversations.command("show")
@config_option
@click.argument("conversation_id")
def conversations_show(files: tuple[Path, ...], conversation_id: str) -> None:
    """One conversation, as it was heard."""
    click.echo(machine.conversation_text(configuration(files), conversation_id, "markdown"))


@conversations.command("export")
@config_option
@click.argument("conversation_id")
@click.option("--format", "fmt", type=click.Choice(["json", "markdown"]), default="json")
def conversations_export(
    files: tuple[Path, ...], conversation_id: str, fmt: machine.Format
) -> None:
    """One conversation with all its events, as a document."""
    click.echo(machine.conversation_text(configuration(files), conversation_id, fmt))


@conversations.command("search")
@config_option
@click.argument("text")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20)
def conversations_search(files: tuple[Path, ...], text: str, limit: int) -> None:
    """Where something was said."""
    click.echo(machine.conversation_search(configuration(files), text, limit))


@conversations.command("delete")
@config_option
@click.argument("conversation_id")
@click.confirmation_option(prompt="Forget this conversation for good?")
def conversations_delete(files: tuple[Path, ...], conversation_id: str) -> None:
    """Forgets a conversation, in the file too."""
    asyncio.run(machine.conversation_delete(configuration(files), conversation_id))
    click.echo("Forgotten.")


cli.add_command(models_group)


@cli.group("config")
def config_group() -> None:
    """The configuration."""


@config_group.command("check")
@config_option
def config_check(files: tuple[Path, ...]) -> None:
    """Every fault at once, with key, value, expectation and a suggestion."""
    configuration(files)
    click.echo("The configuration is good.")


@config_group.command("show")
@config_option
def config_show(files: tuple[Path, ...]) -> None:
    """What is in force, secrets masked."""
    from appliance.config.loader import masked

    click.echo(json.dumps(masked(configuration(files)), indent=2))


def main() -> None:
    """Runs the command line; errors become a sentence, advice, and an exit status."""
    # ONNX Runtime tells its makers of its use, from the moment it is loaded, unless it may not.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ApplianceError as error:
        click.secho(error.message, fg="red", err=True)
        if error.advice:
            click.echo(error.advice, err=True)
        sys.exit(EXIT_CONFIG if isinstance(error, ConfigError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
