"""The list of models: the files of each, where they come from, their sizes and hashes."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ConfigError, NotFound

SHIPPED = Path(__file__).with_name("manifest.toml")

# A name becomes a file name, so it has no slash and does not begin with a dot or a dash.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Entry):
    """One file of a model; `bytes` and `sha256` are None where they were not known beforehand."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+/-]*$")]
    saved_as: _Name | None = None
    bytes: Annotated[int, Field(gt=0)] | None = None
    sha256: _Sha256 | None = None

    @property
    def name(self) -> str:
        """The file's name on disk."""
        return self.saved_as or self.path.rpartition("/")[2]


class Model(_Entry):
    """A model; memory is in bytes by compute type. `revision` is a commit or a release's tag."""

    name: _Name
    engine: Literal["whisper", "kokoro"]
    source: str
    repository: str
    revision: str
    licence: str
    memory_estimated: Mapping[str, int] = {}
    memory_measured: Mapping[str, int] = {}
    files: Annotated[tuple[File, ...], Field(min_length=1)]

    @property
    def bytes(self) -> int:
        """The sum of the known file sizes."""
        return sum(file.bytes or 0 for file in self.files)

    @property
    def weights(self) -> File:
        """The file whose size determines the memory: model.bin, or the .onnx file."""
        return next(file for file in self.files if file.name.endswith((".bin", ".onnx")))


class Manifest(_Entry):
    """All models, and the address templates of the sources that they name."""

    sources: Mapping[str, Annotated[str, Field(pattern=r"^https?://[^/]+/.*\{file\}")]]
    model: tuple[Model, ...]

    def named(self, name: str) -> Model:
        """Raises NotFound, with the nearest names, when there is no such model."""
        for model in self.model:
            if model.name == name:
                return model
        names = [model.name for model in self.model]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        advice = f"Did you mean {' or '.join(near)}? " if near else ""
        raise NotFound(
            f"no model is called {name}", advice=f"{advice}`appliance models list` shows them all."
        )

    def url(self, model: Model, file: File, mirror: str = "") -> str:
        """The file's address; a mirror serves the same paths below an address of its own."""
        address = self.sources[model.source].format(
            repository=model.repository, revision=quote(model.revision), file=quote(file.path)
        )
        if not mirror:
            return address
        return mirror.rstrip("/") + address.removeprefix(_origin(address))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def read_manifest(path: Path = SHIPPED) -> Manifest:
    """The manifest in that file. Raises ConfigError that lists every fault."""
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        faults = "\n".join(
            f"  {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"{path} is no list of models:\n{faults}") from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise ConfigError(f"{path} is not TOML: {error}") from None
    _check_names(manifest, path)
    return manifest


def _check_names(manifest: Manifest, path: Path) -> None:
    names = [model.name for model in manifest.model]
    for model in manifest.model:
        if names.count(model.name) > 1:
            raise ConfigError(f"{path} has two models called {model.name}")
        if model.source not in manifest.sources:
            raise ConfigError(f"{path}: {model.name} comes from {model.source}, which is no source")
        if not any(file.name.endswith((".bin", ".onnx")) for file in model.files):
            raise ConfigError(f"{path}: {model.name} has no weights")
