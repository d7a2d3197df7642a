"""`appliance models`: list, fetch, verify and remove the models of the manifest."""

import asyncio
import json
import signal
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from appliance.cli import control
from appliance.cli.options import config_option, configuration, json_option
from appliance.cli.output import table
from appliance.config.loader import Config
from appliance.errors import ApplianceError, ModelBroken, ModelUnavailable, NotFound
from appliance.hardware import planner
from appliance.hardware.detect import Hardware, detect
from appliance.models import inventory
from appliance.models.inventory import ListedModel
from appliance.models.manifest import SHIPPED, Manifest, Model, read_manifest
from appliance.models.progress import JsonProgress, ProgressBars, PullProgress
from appliance.models.pull import ModelPull, PulledModel
from appliance.models.repository import ModelRepository, disk_errors

RECOMMENDED = "recommended"  # stands for the names of the models that the plan would choose


@dataclass(frozen=True, slots=True)
class _Models:
    """The configuration, the manifest and the repository that a command works with."""

    config: Config
    manifest: Manifest
    repository: ModelRepository

    @classmethod
    def open(cls, manifest: Path, files: tuple[Path, ...]) -> "_Models":
        config = configuration(files)
        return cls(config, read_manifest(manifest), ModelRepository(config.models.directory))

    def listed(self) -> list[ListedModel]:
        hardware = detect()

        def fits(model: Model) -> bool:
            return planner.fits(hardware, self.config, model.name, model.weights.bytes or 0)

        return inventory.list_models(
            self.manifest, self.repository, self.config.models.mirror, fits
        )

    def is_complete(self, model: Model) -> bool:
        """Whether the model was fetched whole; its files are not read."""
        fetched = self.repository.receipt(model.name) is not None
        return fetched and self.repository.is_complete(model)

    async def pull(
        self, names: Sequence[str], bars: PullProgress, *, only_missing: bool
    ) -> list[PulledModel]:
        """Fetches the named models, and for `recommended` the best ones that any source has."""
        models = self.config.models
        pull = ModelPull(self.manifest, self.repository, bars, models.mirror, models.sources)
        named = [self.manifest.named(name) for name in dict.fromkeys(names) if name != RECOMMENDED]
        wanted = [model for model in named if not (only_missing and self.is_complete(model))]
        pulled = await pull.run(wanted)
        if pulled:
            await _announce(self.config, bars)
        if RECOMMENDED in names:
            done = {model.name for model in named}
            if only_missing:
                done |= {model.name for model in self.manifest.model if self.is_complete(model)}
            pulled += await self._pull_recommended(pull, bars, done)
        return pulled

    async def _pull_recommended(
        self, pull: ModelPull, bars: PullProgress, done: Collection[str]
    ) -> list[PulledModel]:
        """Fetches the next best model in place of one that no source has; those `done` are left.

        Raises ModelUnavailable if that leaves an engine without a model; those that could be
        fetched are in place all the same.
        """
        hardware = await _hardware(self.config)
        best = self._recommended(hardware)
        if any(model.name not in done for model in best):
            sizes = ", ".join(f"{model.name} ({model.bytes / 1e6:.0f} MB)" for model in best)
            bars.message(f"Recommended for this machine: {sizes}")
        pulled: dict[str, PulledModel] = {}
        failures: dict[str, ModelUnavailable] = {}
        while wanted := [
            model
            for model in self._recommended(hardware, without=failures)
            if model.name not in pulled and model.name not in done
        ]:
            for model in wanted:
                try:
                    [pulled[model.name]] = await pull.run([model], has_alternative=True)
                except ModelUnavailable as failure:
                    failures[model.name] = failure
                else:
                    await _announce(self.config, bars)  # it answers while the others come
        engines = {self.manifest.named(name).engine for name in (*pulled, *done)}
        # Without a language model the tools answer, so an installation does not fail for one.
        if lacking := {model.engine for model in best} - engines - {"llm"}:
            cause = next(iter(failures.values()))
            raise ModelUnavailable(
                f"no model can be fetched for {' and '.join(sorted(lacking))}: {cause.message}",
                advice=f"{cause.advice} Until then the starter engines answer.",
            )
        if missed := [m.name for m in best if m.name in failures and m.engine in engines]:
            bars.message(f"{' and '.join(missed)} cannot be fetched here; the next best was taken.")
        return list(pulled.values())

    def _recommended(self, hardware: Hardware, without: Collection[str] = ()) -> list[Model]:
        """The models that the plan would choose first, were all on disk but those `without`."""
        sizes = {model.name: model.weights.bytes or 0 for model in self.manifest.model}
        available = {name: size for name, size in sizes.items() if name not in without}
        names = planner.recommended(hardware, self.config, available)
        return [self.manifest.named(name) for name in names]


async def _announce(config: Config, bars: PullProgress) -> None:
    """Has a running appliance follow the change on the disk, and says what it loads."""
    try:
        planned = await control.request(config, "POST", "/models")
    except control.DaemonUnreachable:
        return  # none runs, or this user may not talk to it: it looks at its next start
    except ApplianceError:  # an earlier release, which knows no such request
        bars.message("The running appliance takes this over at its next start.")
        return
    bars.message(f"The running appliance loads {' and '.join(planned.values())}.")


async def _hardware(config: Config) -> Hardware:
    """This machine, with the memory that was available before a running appliance took some."""
    hardware = detect()
    try:
        status = await control.request(config, "GET", "/status")
    except ApplianceError:  # none runs, or this user may not talk to it
        return hardware
    before = status.get("plan", {}).get("hardware", {})
    return replace(
        hardware,
        memory_available=before.get("memory_available", hardware.memory_available),
        gpu_memory_free=before.get("gpu_memory_free", hardware.gpu_memory_free),
    )


def _progress(*, as_json: bool) -> PullProgress:
    return JsonProgress(click.echo) if as_json else ProgressBars()


progress_option = click.option(
    "--json-progress",
    is_flag=True,
    help="Print progress and result as JSON, an object a line, for programs.",
)


def models_command(files: Sequence[Path], name: str) -> list[str]:
    """The command line of `appliance models NAME` in its own process, with these files."""
    options = [part for file in files for part in ("--config", str(file))]
    return [sys.executable, "-m", "appliance", "models", name, *options]


@click.group("models")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SHIPPED,
    help="Another list of models than the one that comes along.",
)
@click.pass_context
def models_group(context: click.Context, manifest: Path) -> None:
    """Models for better ears, a better voice, and something to say."""
    context.obj = manifest


@models_group.command("list")
@config_option
@json_option
@click.pass_obj
def list_models(manifest: Path, files: tuple[Path, ...], as_json: bool) -> None:
    """Which there are, which are on disk, which fit this machine."""
    listed = _Models.open(manifest, files).listed()
    if as_json:
        click.echo(json.dumps([asdict(model) for model in listed], indent=2))
        return
    header = ("model", "engine", "size", "on disk", "fetched from", "fits here", "licence")
    click.echo(table(header, [_row(model) for model in listed]))


def _row(listed: ListedModel) -> tuple[str, ...]:
    state: str = {"on disk": "yes", "absent": ""}.get(listed.state, listed.state)
    if listed.state == "begun":
        state = f"{100 * listed.arrived // max(1, listed.bytes)} %"
    return (
        listed.name,
        listed.engine,
        f"{listed.bytes / 1e6:,.0f} MB",
        state,
        ", ".join(dict.fromkeys(source.partition(" ")[0] for source in listed.fetched_from)),
        "yes" if listed.fits else "no",
        listed.licence,
    )


@models_group.command("pull")
@config_option
@json_option
@progress_option
@click.option("--missing", is_flag=True, help="Leave complete models as they are, unread.")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def pull_models(
    manifest: Path,
    files: tuple[Path, ...],
    as_json: bool,
    json_progress: bool,
    missing: bool,
    names: tuple[str, ...],
) -> None:
    """Fetches models by name, or those `recommended` for this machine; mends damaged ones."""
    # Either signal ends it in order, also in a shell's background, which ignores SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    models = _Models.open(manifest, files)
    with (
        _progress(as_json=json_progress) as bars,
        models.repository.lock(lambda: bars.message("Waiting for another command to end.")),
    ):
        try:
            pulled = asyncio.run(models.pull(names, bars, only_missing=missing))
        except KeyboardInterrupt:
            bars.message(
                "Stopped. What has arrived is kept; the same command continues from there."
            )
            raise
    if json_progress:
        click.echo(json.dumps({"pulled": [asdict(model) for model in pulled]}))
        return
    if as_json:
        click.echo(json.dumps([asdict(model) for model in pulled], indent=2))
        return
    lines = [f"{model.name} is in {model.path}" for model in pulled]
    if lines or not missing:
        click.echo("\n".join(lines) or "There is nothing to fetch for this machine.")


@models_group.command("verify")
@config_option
@json_option
@progress_option
@click.pass_obj
def verify_models(
    manifest: Path, files: tuple[Path, ...], as_json: bool, json_progress: bool
) -> None:
    """Computes every hash anew; exit status 1 when a file is damaged or missing."""
    models = _Models.open(manifest, files)
    with _progress(as_json=json_progress) as bars:
        verified = inventory.verify(
            models.manifest,
            models.repository,
            lambda path: bars.start(f"checking {path}", None, 0),
        )
    if json_progress:
        click.echo(json.dumps({"verified": [asdict(file) for file in verified]}))
    elif as_json:
        click.echo(json.dumps([asdict(file) for file in verified], indent=2))
    else:
        rows = [(file.model, file.path, file.state) for file in verified]
        click.echo(table(("model", "file", ""), rows))
    faults = [file for file in verified if file.state in ("damaged", "missing")]
    if not faults:
        return
    names = " ".join(dict.fromkeys(file.model for file in faults if file.model))
    raise ModelBroken(
        "not as they were: " + ", ".join(f"{file.path} ({file.state})" for file in faults),
        advice=f"`appliance models pull {names}` fetches what is wrong anew."
        if names
        else "The next `appliance models pull` that needs it fetches it anew.",
    )


@models_group.command("path")
@config_option
@click.argument("name")
@click.pass_obj
def print_path(manifest: Path, files: tuple[Path, ...], name: str) -> None:
    """Where a model is: Whisper's directory, or the file of a voice or a language model."""
    models = _Models.open(manifest, files)
    click.echo(inventory.loadable_path(models.repository, models.manifest.named(name)))


@models_group.command("rm")
@config_option
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def remove_models(manifest: Path, files: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """Removes models, and what has arrived of them."""
    models = _Models.open(manifest, files)
    wanted = [models.manifest.named(name) for name in names]
    repository = models.repository
    with repository.lock(lambda: None), disk_errors(repository.directory):
        for model in wanted:
            click.echo(_remove(models, model))
    with ProgressBars() as bars:
        asyncio.run(_announce(models.config, bars))


def _remove(models: _Models, model: Model) -> str:
    """Removes one fetched model and returns the line to print."""
    manifest, repository = models.manifest, models.repository
    state = next(listed.state for listed in models.listed() if listed.name == model.name)
    if state == "by hand":
        raise NotFound(
            f"{model.name} was put into {repository.model_path(model)} by hand",
            advice="Remove it by hand.",
        )
    others = [m for m in manifest.model if m.name != model.name and repository.receipt(m.name)]
    kept_packages = manifest.packages_of([file for other in others for file in other.files])
    partials = [
        repository.download_path(package.key)
        for package in manifest.packages_of(model.files)
        if package not in kept_packages
    ]
    for file in model.files:
        mirror = models.config.models.mirror
        partials += repository.partial_paths(manifest, model, file, mirror)
    repository.remove(model, others, partials)
    return f"{model.name} was not there." if state == "absent" else f"{model.name} is gone."
