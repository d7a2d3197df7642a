"""`appliance models …`: parse, call, print. No logic."""

from pathlib import Path

import click

from appliance.cli import models
from appliance.cli.options import config_option, configuration
from appliance.models.manifest import SHIPPED


@click.group("models")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SHIPPED,
    help="Another list of models than the one that comes along.",
)
@click.pass_context
def models_group(context: click.Context, manifest: Path) -> None:
    """Models for better ears and a better voice."""
    context.obj = manifest


@models_group.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def models_list(manifest: Path, files: tuple[Path, ...], as_json: bool) -> None:
    """Which there are, which are on disk, which fit this machine."""
    click.echo(models.listing(configuration(files), manifest, as_json=as_json))


@models_group.command("pull")
@config_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def models_pull(
    manifest: Path, files: tuple[Path, ...], as_json: bool, names: tuple[str, ...]
) -> None:
    """Fetches models by name, or those `recommended` for this machine; mends damaged ones."""
    click.echo(models.pull(configuration(files), manifest, names, as_json=as_json))


@models_group.command("verify")
@config_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def models_verify(manifest: Path, files: tuple[Path, ...], as_json: bool) -> None:
    """Computes every hash anew; exit status 1 when something is not as it was."""
    text, fault = models.verify(configuration(files), manifest, as_json=as_json)
    click.echo(text)
    if fault:
        raise fault


@models_group.command("path")
@config_option
@click.argument("name")
@click.pass_obj
def models_path(manifest: Path, files: tuple[Path, ...], name: str) -> None:
    """Where a model is: Whisper's directory or Kokoro's file."""
    click.echo(models.path(configuration(files), manifest, name))


@models_group.command("rm")
@config_option
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def models_remove(manifest: Path, files: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """Removes models, and what has arrived of them."""
    click.echo(models.remove(configuration(files), manifest, names))
