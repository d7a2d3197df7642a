"""Compares the models of the manifest with the files on disk: present, incomplete, damaged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.errors import ModelMissing
from appliance.models.hashing import sha256_of
from appliance.models.manifest import File, Manifest, Model
from appliance.models.partial_file import received_bytes
from appliance.models.repository import ModelRepository
from appliance.models.sources import distinct

State = Literal["on disk", "by hand", "incomplete", "begun", "absent"]


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model of the manifest: `bytes` is its size, `arrived` how much of it is on disk.

    `in_packages` says that packages of the indexes carry all of it; `fetched_from` are the
    sources that served the files on disk, each once.
    """

    name: str
    engine: str
    bytes: int
    arrived: int
    state: State
    path: str
    licence: str
    source: str
    in_packages: bool
    fetched_from: tuple[str, ...]
    fits: bool


def list_models(
    manifest: Manifest, repository: ModelRepository, mirror: str, fits: Callable[[Model], bool]
) -> list[ListedModel]:
    """Every model of the manifest, in its order."""
    return [_list_model(manifest, repository, mirror, fits, model) for model in manifest.model]


def _list_model(
    manifest: Manifest,
    repository: ModelRepository,
    mirror: str,
    fits: Callable[[Model], bool],
    model: Model,
) -> ListedModel:
    arrived = sum(
        _bytes_on_disk(repository, model, file, manifest.url(model, file, mirror))
        for file in model.files
    )
    arrived = max(arrived, min(model.bytes, _bytes_of_packages(manifest, repository, model)))
    receipt = repository.receipt(model.name)
    return ListedModel(
        name=model.name,
        engine=model.engine,
        bytes=model.bytes,
        arrived=arrived,
        state=_state(repository, model, arrived),
        path=str(repository.model_path(model)),
        licence=model.licence,
        source=f"{model.repository} @ {model.revision}",
        in_packages=all(manifest.assembly_of(file) for file in model.files),
        fetched_from=tuple(distinct(receipt.sources.values() if receipt else ())),
        fits=fits(model),
    )


def _bytes_on_disk(repository: ModelRepository, model: Model, file: File, url: str) -> int:
    blob = repository.blob(file.sha256) if file.sha256 else None
    for path in (repository.file_path(model, file), blob):
        if path and path.is_file():
            return path.stat().st_size
    return received_bytes(repository.partial_path(url, file))


def _bytes_of_packages(manifest: Manifest, repository: ModelRepository, model: Model) -> int:
    """What has arrived of the packages that carry the model."""
    paths = [repository.download_path(p.key) for p in manifest.packages_of(model.files)]
    return sum(map(received_bytes, paths))


def _state(repository: ModelRepository, model: Model, arrived: int) -> State:
    has_receipt = repository.receipt(model.name) is not None
    if has_receipt or repository.file_path(model, model.weights).is_file():
        if not repository.is_complete(model):
            return "incomplete"
        return "on disk" if has_receipt else "by hand"
    return "begun" if arrived else "absent"


def loadable_path(repository: ModelRepository, model: Model) -> Path:
    """The path for the engine to load. Raises ModelMissing unless every file is there."""
    if not repository.is_complete(model):
        raise ModelMissing(
            f"{model.name} is not on disk", advice=f"Run `appliance models pull {model.name}`."
        )
    return repository.model_path(model)


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """The verdict on one file; "unknown" means that no hash of it is known."""

    model: str
    path: str
    state: Literal["good", "damaged", "missing", "unknown"]


def verify(
    manifest: Manifest, repository: ModelRepository, on_file: Callable[[str], None]
) -> list[VerifiedFile]:
    """Hashes every file of every model that is on disk, fetched or put there by hand.

    Changes nothing. A file that several models share is read once; `on_file` is called with each
    path before it is read.
    """
    hashes: dict[tuple[int, int], str] = {}

    def hash_once(path: Path) -> str:
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if key not in hashes:
            on_file(str(path))
            hashes[key] = sha256_of(path)
        return hashes[key]

    verified = [
        _verify_file(repository, model, file, hash_once)
        for model in manifest.model
        if repository.receipt(model.name) or repository.file_path(model, model.weights).is_file()
        for file in model.files
    ]
    # A blob with one link belongs to no model yet; the others were read in their places.
    unused = [blob for blob in repository.blobs() if blob.stat().st_nlink == 1]
    return verified + [
        VerifiedFile("", str(blob), "damaged") for blob in unused if hash_once(blob) != blob.name
    ]


def _verify_file(
    repository: ModelRepository, model: Model, file: File, hash_once: Callable[[Path], str]
) -> VerifiedFile:
    path = repository.file_path(model, file)
    receipt = repository.receipt(model.name)
    expected = file.sha256 or (receipt.files.get(file.name) if receipt else None)
    if not path.is_file():
        return VerifiedFile(model.name, str(path), "missing")
    if expected is None:
        return VerifiedFile(model.name, str(path), "unknown")
    good = hash_once(path) == expected
    return VerifiedFile(model.name, str(path), "good" if good else "damaged")
