import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from appliance.models.download import TransferOptions
from appliance.models.manifest import File, Manifest, Model
from appliance.models.pull import ModelPull, PulledModel
from appliance.models.repository import ModelRepository
from tests.daemon import FIXTURES
from tests.models.server import Hub, serving

MICRO = FIXTURES / "micro_whisper" / "model"
PIECE = 64 * 1024


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


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

    @property
    def repository(self) -> ModelRepository:
        return ModelRepository(self.directory)

    def manifest(self, *models: Model) -> Manifest:
        template = f"{self.hub.base}/{{repository}}/resolve/{{revision}}/{{file}}"
        return Manifest(sources={"hub": template}, model=models)

    def serve(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self.hub.files[f"/acme/whisper/resolve/r1/{name}"] = content

    async def pull(self, *models: Model) -> list[PulledModel]:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        options = TransferOptions(piece=PIECE, sleep=sleep)
        manifest = self.manifest(*models)
        with self.repository.lock(lambda: None):
            work = ModelPull(manifest, self.repository, self.progress, self.mirror, options)
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
