"""Fetches the missing or damaged files of models, and checks each before it counts."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.errors import DownloadFailed
from appliance.models.download import DownloadProgress, Transfer, TransferOptions
from appliance.models.hashing import sha256_of
from appliance.models.manifest import File, Manifest, Model
from appliance.models.partial_file import PartialFile, discard, received_bytes
from appliance.models.repository import ModelRepository, Receipt, disk_errors

if TYPE_CHECKING:
    import aiohttp

SPARE: Final = 64 * 2**20
"""Bytes left free on the disk, because the database and the logs grow meanwhile."""
_CONNECT_SECONDS, _READ_SECONDS = 15.0, 30.0


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model that is whole now: `fetched` bytes came; `trusted` files have no known hash."""

    name: str
    path: str
    fetched: int
    trusted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelPull:
    """Fetches models into a repository, whose lock the caller holds."""

    manifest: Manifest
    repository: ModelRepository
    progress: DownloadProgress
    mirror: str = ""
    options: TransferOptions = field(default_factory=TransferOptions)

    async def run(self, models: Sequence[Model]) -> list[PulledModel]:
        """Fetches one model after the other; verifies and repairs those that are there already.

        Raises DownloadFailed; what has arrived by then is kept, and a later run continues it.
        """
        with disk_errors(self.repository.directory):
            self._check_room(models)
            async with _session() as http:
                return [await self._pull_model(http, model) for model in models]

    def _check_room(self, models: Sequence[Model]) -> None:
        missing = {
            self._partial(model, file): file.bytes or 0
            for model in models
            for file in model.files
            if not self._is_there(model, file)
        }
        needed = sum(size - received_bytes(path) for path, size in missing.items())
        free = shutil.disk_usage(self.repository.directory).free
        if needed and needed + SPARE > free:
            raise DownloadFailed(
                f"{needed / 1e6:.0f} MB are to be fetched, and {self.repository.directory} has "
                f"{free / 1e6:.0f} MB free",
                advice="Make room (`appliance models rm NAME` gives some), or set models.directory "
                "to another disk.",
            )

    def _is_there(self, model: Model, file: File) -> bool:
        paths = [self.repository.file_path(model, file)]
        paths += [self.repository.blob(file.sha256)] if file.sha256 else []
        return any(path.is_file() for path in paths)

    def _partial(self, model: Model, file: File) -> Path:
        return self.repository.partial_path(self._url(model, file), file)

    def _url(self, model: Model, file: File) -> str:
        return self.manifest.url(model, file, self.mirror)

    async def _pull_model(self, http: "aiohttp.ClientSession", model: Model) -> PulledModel:
        before = self.repository.receipt(model.name)
        hashes, fetched, trusted = {}, 0, set()
        for file in model.files:
            expected = file.sha256 or (before.files.get(file.name) if before else None)
            if not await self._is_good(model, file, expected):
                expected = await self._fetch(http, model, file, expected)
                fetched += self.repository.blob(expected).stat().st_size
            assert expected is not None
            hashes[file.name] = expected
            if file.sha256 is None:
                trusted.add(file.name)
        self.repository.install(model, Receipt(hashes, frozenset(trusted)))
        path = str(self.repository.model_path(model))
        if trusted and fetched:
            names = ", ".join(sorted(trusted))
            self.progress.message(
                f"{model.name}: {names}: no hash was known beforehand; the one found is recorded"
            )
        return PulledModel(model.name, path, fetched, tuple(sorted(trusted)))

    async def _is_good(self, model: Model, file: File, expected: str | None) -> bool:
        """True if the file is there with the expected hash; removes a damaged one."""
        if expected is None:
            return False
        blob = self.repository.blob(expected)
        if not blob.exists():
            return await self._adopt(model, file)
        if await self._hash(f"{model.name}/{file.name}", blob) == expected:
            return True
        self.progress.message(f"{model.name}/{file.name} is damaged and fetched again")
        blob.unlink()
        return False

    async def _adopt(self, model: Model, file: File) -> bool:
        """Takes over the very file if somebody put it there by hand."""
        file_path = self.repository.file_path(model, file)
        if file.sha256 is None or not file_path.is_file():
            return False
        if file.bytes not in (None, file_path.stat().st_size):
            return False
        if await self._hash(f"{model.name}/{file.name}", file_path) != file.sha256:
            return False
        return self.repository.adopt_file(model, file)

    async def _fetch(
        self, http: "aiohttp.ClientSession", model: Model, file: File, expected: str | None
    ) -> str:
        """Fetches one file into a blob and returns its hash. Raises DownloadFailed."""
        url, path, what = (
            self._url(model, file),
            self._partial(model, file),
            f"{model.name}/{file.name}",
        )
        resumed = received_bytes(path) > 0
        actual = await self._transfer(http, url, path, file, what)
        if expected not in (None, actual) and resumed:
            # The beginning may stem from a power cut or from another server, so start over once.
            self.progress.message(f"{what} was put together wrongly and is fetched again")
            discard(path)
            actual = await self._transfer(http, url, path, file, what)
        if expected not in (None, actual):
            discard(path)
            raise DownloadFailed(
                f"{url} is not what it must be: its SHA-256 is {actual}, not {expected}",
                advice="The server or something on the way changed it. Nothing of it was kept."
                if file.sha256
                else f"It has changed since the first download. `appliance models rm "
                f"{model.name}` forgets what that was.",
            )
        self.repository.store_blob(path, actual)
        discard(path)
        return actual

    async def _transfer(
        self, http: "aiohttp.ClientSession", url: str, path: Path, file: File, what: str
    ) -> str:
        partial = PartialFile(path, file.bytes)
        try:
            self.progress.start(what, partial.total, partial.received)
            await Transfer(http, url, partial, self.options, self.progress).run()
            partial.flush()
        finally:
            partial.close()
        return await self._hash(what, path)

    async def _hash(self, what: str, path: Path) -> str:
        size = path.stat().st_size
        self.progress.start(f"checking {what}", size, 0)
        # On a thread, so that an interrupt is noticed during the seconds that it takes.
        return await asyncio.to_thread(
            sha256_of, path, lambda read: self.progress.update(read, size)
        )


def _session() -> "aiohttp.ClientSession":
    import aiohttp  # here, because it takes long and the other commands do without

    return aiohttp.ClientSession(
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "voice-appliance"},
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS
        ),
        trust_env=True,  # HTTP_PROXY, HTTPS_PROXY, NO_PROXY
    )
