import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from appliance.models.download import Manner
from appliance.models.manifest import File, Manifest, Model
from appliance.models.pull import Pull, Pulled
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
class Lines:
    """A Progress that remembers."""

    said: list[str] = field(default_factory=list)
    began: list[tuple[str, int | None, int]] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)

    def begin(self, what: str, total: int | None, done: int) -> None:
        self.began.append((what, total, done))

    def reach(self, done: int, total: int | None) -> None:
        self.reached.append(done)

    def say(self, text: str) -> None:
        self.said.append(text)


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
class Bench:
    """A hub, a shelf, and what was waited for between attempts."""

    hub: Hub
    directory: Path
    lines: Lines = field(default_factory=Lines)
    slept: list[float] = field(default_factory=list)
    mirror: str = ""

    @property
    def shelf(self) -> ModelRepository:
        return ModelRepository(self.directory)

    def manifest(self, *models: Model) -> Manifest:
        template = f"{self.hub.base}/{{repository}}/resolve/{{revision}}/{{file}}"
        return Manifest(sources={"hub": template}, model=models)

    def offer(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self.hub.files[f"/acme/whisper/resolve/r1/{name}"] = content

    async def pull(self, *models: Model) -> list[Pulled]:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        manner = Manner(piece=PIECE, sleep=sleep)
        manifest = self.manifest(*models)
        with self.shelf.locked(lambda: None):
            work = Pull(manifest, self.shelf, self.lines, self.mirror, manner)
            return await work.run(models)

    def stored(self, part: str) -> list[str]:
        """What lies in a part of the store."""
        return sorted(path.name for path in (self.directory / ".store" / part).iterdir())


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with serving() as hub:
        yield Bench(hub, tmp_path / "models")
