"""What `appliance models …` does; each returns the text to print."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from appliance.cli.output import table
from appliance.config.loader import Config
from appliance.errors import ModelBroken, NotFound
from appliance.hardware import planner
from appliance.hardware.detect import detect
from appliance.models import inventory, manifest
from appliance.models.manifest import Manifest, Model
from appliance.models.progress import ProgressBars
from appliance.models.pull import Pull
from appliance.models.repository import ModelRepository, disk_faults

RECOMMENDED = "recommended"  # in place of a name: what the plan would choose


def listing(config: Config, models: Path, *, as_json: bool) -> str:
    hardware, known = detect(), manifest.read(models)

    def fits(model: Model) -> bool:
        return planner.fits(hardware, config, model.name, model.weights.bytes or 0)

    found = inventory.listing(
        known, ModelRepository(config.models.directory), config.models.mirror, fits
    )
    if as_json:
        return json.dumps([asdict(listed) for listed in found], indent=2)
    rows = [
        (
            listed.name,
            listed.engine,
            f"{listed.bytes / 1e6:,.0f} MB",
            _state(listed),
            "yes" if listed.fits else "no",
            listed.licence,
        )
        for listed in found
    ]
    return table(("model", "engine", "size", "on disk", "fits here", "licence"), rows)


def _state(listed: inventory.Listed) -> str:
    shown = {"on disk": "yes", "absent": ""}
    if listed.state == "begun":
        return f"{100 * listed.arrived // max(1, listed.bytes)} %"
    return shown.get(listed.state, listed.state)


def pull(config: Config, models: Path, names: Sequence[str], *, as_json: bool) -> str:
    """Fetches them, with progress on stderr. An interrupt keeps what has arrived."""
    known, shelf = manifest.read(models), ModelRepository(config.models.directory)
    wanted = [known.named(name) for name in _resolved(config, known, names)]
    with (
        ProgressBars() as bars,
        shelf.locked(lambda: bars.say("Waiting for another command to end.")),
    ):
        work = Pull(known, shelf, bars, config.models.mirror).run(wanted)
        try:
            pulled = asyncio.run(work)
        except KeyboardInterrupt:
            bars.say("Stopped. What has arrived is kept; the same command goes on from there.")
            raise
    if as_json:
        return json.dumps([asdict(model) for model in pulled], indent=2)
    lines = [f"{model.name} is in {model.path}" for model in pulled]
    return "\n".join(lines) or "No model fits into the memory of this machine."


def _resolved(config: Config, known: Manifest, names: Sequence[str]) -> list[str]:
    """The names without repetition, `recommended` replaced by what it stands for."""
    resolved: list[str] = []
    for name in names:
        sizes = {model.name: model.weights.bytes or 0 for model in known.model}
        found = planner.recommended(detect(), config, sizes) if name == RECOMMENDED else [name]
        resolved += [one for one in found if one not in resolved]
    return resolved


def verify(config: Config, models: Path, *, as_json: bool) -> tuple[str, ModelBroken | None]:
    """The findings, and the error to end with when something is not as it was."""
    with ProgressBars() as bars:
        found = inventory.verify(
            manifest.read(models),
            ModelRepository(config.models.directory),
            lambda path: bars.begin(f"checking {path}", None, 0),
        )
    if as_json:
        text = json.dumps([asdict(file) for file in found], indent=2)
    else:
        text = table(("model", "file", ""), [(f.model, f.path, f.state) for f in found])
    wrong = [file for file in found if file.state in ("damaged", "missing")]
    if not wrong:
        return text, None
    names = " ".join(dict.fromkeys(file.model for file in wrong if file.model))
    fault = ModelBroken(
        "not as they were: " + ", ".join(f"{file.path} ({file.state})" for file in wrong),
        advice=f"`appliance models pull {names}` fetches what is wrong anew."
        if names
        else "The next `appliance models pull` that needs it fetches it anew.",
    )
    return text, fault


def path(config: Config, models: Path, name: str) -> str:
    return str(
        inventory.path_of(
            ModelRepository(config.models.directory), manifest.read(models).named(name)
        )
    )


def remove(config: Config, models: Path, names: Sequence[str]) -> str:
    """Takes models away that were fetched; those put there by hand are left to the hand."""
    known, shelf = manifest.read(models), ModelRepository(config.models.directory)
    wanted = [known.named(name) for name in names]
    with shelf.locked(lambda: None), disk_faults(shelf.directory):
        return "\n".join(_removed(known, shelf, model, config.models.mirror) for model in wanted)


def _removed(known: Manifest, shelf: ModelRepository, model: Model, mirror: str) -> str:
    state = next(
        listed.state
        for listed in inventory.listing(known, shelf, mirror, lambda _: False)
        if listed.name == model.name
    )
    if state == "by hand":
        raise NotFound(
            f"{model.name} was put into {shelf.at(model)} by hand", advice="Remove it by hand."
        )
    others = [m for m in known.model if m.name != model.name and shelf.receipt(m.name)]
    partials = [shelf.partial(known.url(model, file, mirror), file) for file in model.files]
    shelf.remove(model, others, partials)
    return f"{model.name} was not there." if state == "absent" else f"{model.name} is gone."
