"""What of the manifest is on disk, and whether it is still what it was."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.errors import ModelMissing
from appliance.models.hashing import sha256_of
from appliance.models.manifest import File, Manifest, Model
from appliance.models.partial_file import arrived
from appliance.models.repository import ModelRepository

State = Literal["on disk", "by hand", "incomplete", "begun", "absent"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One model of the manifest. `bytes` is what is to be fetched, `arrived` what has been."""

    name: str
    engine: str
    bytes: int
    arrived: int
    state: State
    path: str
    licence: str
    source: str
    fits: bool


def listing(
    manifest: Manifest, shelf: ModelRepository, mirror: str, fits: Callable[[Model], bool]
) -> list[Listed]:
    """Every model of the manifest, in its order."""
    return [_listed(manifest, shelf, mirror, fits, model) for model in manifest.model]


def _listed(
    manifest: Manifest,
    shelf: ModelRepository,
    mirror: str,
    fits: Callable[[Model], bool],
    model: Model,
) -> Listed:
    got = sum(
        _arrived(shelf, model, file, manifest.url(model, file, mirror)) for file in model.files
    )
    return Listed(
        name=model.name,
        engine=model.engine,
        bytes=model.bytes,
        arrived=got,
        state=_state(shelf, model, got),
        path=str(shelf.at(model)),
        licence=model.licence,
        source=f"{model.repository} @ {model.revision}",
        fits=fits(model),
    )


def _arrived(shelf: ModelRepository, model: Model, file: File, url: str) -> int:
    for path in (shelf.place(model, file), shelf.blob(file.sha256) if file.sha256 else None):
        if path and path.is_file():
            return path.stat().st_size
    return arrived(shelf.partial(url, file))


def _state(shelf: ModelRepository, model: Model, got: int) -> State:
    weights = shelf.place(model, model.weights).is_file()
    if shelf.receipt(model.name) or weights:
        if not shelf.has(model):
            return "incomplete"
        return "on disk" if shelf.receipt(model.name) else "by hand"
    return "begun" if got else "absent"


def path_of(shelf: ModelRepository, model: Model) -> Path:
    """What an engine is told to load. Raises ModelMissing when not all of it is there."""
    if not shelf.has(model):
        raise ModelMissing(
            f"{model.name} is not on disk", advice=f"Run `appliance models pull {model.name}`."
        )
    return shelf.at(model)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one file: good, damaged, missing, or of no known hash."""

    model: str
    path: str
    state: Literal["good", "damaged", "missing", "unknown"]


def verify(
    manifest: Manifest, shelf: ModelRepository, begin: Callable[[str], None]
) -> list[Verified]:
    """Hashes every file of every model that is on disk, fetched or put there by hand.

    A file that several models share is read once. Changes nothing.
    """
    hashes: dict[tuple[int, int], str] = {}

    def hashed(path: Path) -> str:
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if key not in hashes:
            begin(str(path))
            hashes[key] = sha256_of(path)
        return hashes[key]

    found = [
        _verified(shelf, model, file, hashed)
        for model in manifest.model
        if shelf.receipt(model.name) or shelf.place(model, model.weights).is_file()
        for file in model.files
    ]
    # A blob with one link belongs to no model yet; the others were read in their places.
    strays = [blob for blob in shelf.blobs() if blob.stat().st_nlink == 1]
    return found + [
        Verified("", str(blob), "damaged") for blob in strays if hashed(blob) != blob.name
    ]


def _verified(
    shelf: ModelRepository, model: Model, file: File, hashed: Callable[[Path], str]
) -> Verified:
    place = shelf.place(model, file)
    receipt = shelf.receipt(model.name)
    expected = file.sha256 or (receipt.files.get(file.name) if receipt else None)
    if not place.is_file():
        return Verified(model.name, str(place), "missing")
    if expected is None:
        return Verified(model.name, str(place), "unknown")
    good = hashed(place) == expected
    return Verified(model.name, str(place), "good" if good else "damaged")
