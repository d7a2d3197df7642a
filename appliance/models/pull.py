"""Fetching models: whatever is missing or damaged, checked before it counts."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.errors import DownloadFailed
from appliance.models.download import DownloadProgress, Manner, Transfer
from appliance.models.hashing import sha256_of
from appliance.models.manifest import File, Manifest, Model
from appliance.models.partial_file import Partial, arrived, discard
from appliance.models.repository import ModelRepository, Receipt, disk_faults

if TYPE_CHECKING:
    import aiohttp

SPARE: Final = 64 * 2**20
"""Bytes left free on the disk: the database and the logs go on growing meanwhile."""
_CONNECT, _SILENCE = 15.0, 30.0
"""Seconds until a connection stands, and without a byte until it counts as cut."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of one model. `fetched` is in bytes; `trusted` are files of unknown hash."""

    name: str
    path: str
    fetched: int
    trusted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pull:
    """Fetches models onto a shelf; the caller holds the shelf's lock."""

    manifest: Manifest
    shelf: ModelRepository
    progress: DownloadProgress
    mirror: str = ""
    manner: Manner = field(default_factory=Manner)

    async def run(self, models: Sequence[Model]) -> list[Pulled]:
        """Fetches one after the other; those already there are checked, and mended if need be.

        Raises DownloadFailed; what has arrived by then is kept, and a later run goes on from it.
        """
        with disk_faults(self.shelf.directory):
            self._check_room(models)
            async with _session() as http:
                return [await self._model(http, model) for model in models]

    def _check_room(self, models: Sequence[Model]) -> None:
        missing = {
            self._partial(model, file): file.bytes or 0
            for model in models
            for file in model.files
            if not self._lies_there(model, file)
        }
        needed = sum(size - arrived(path) for path, size in missing.items())
        free = shutil.disk_usage(self.shelf.directory).free
        if needed and needed + SPARE > free:
            raise DownloadFailed(
                f"{needed / 1e6:.0f} MB are to be fetched, and {self.shelf.directory} has "
                f"{free / 1e6:.0f} MB free",
                advice="Make room (`appliance models rm NAME` gives some), or set models.directory "
                "to another disk.",
            )

    def _lies_there(self, model: Model, file: File) -> bool:
        places = [self.shelf.place(model, file)]
        places += [self.shelf.blob(file.sha256)] if file.sha256 else []
        return any(place.is_file() for place in places)

    def _partial(self, model: Model, file: File) -> Path:
        return self.shelf.partial(self._url(model, file), file)

    def _url(self, model: Model, file: File) -> str:
        return self.manifest.url(model, file, self.mirror)

    async def _model(self, http: "aiohttp.ClientSession", model: Model) -> Pulled:
        before = self.shelf.receipt(model.name)
        hashes, fetched, trusted = {}, 0, set()
        for file in model.files:
            expected = file.sha256 or (before.files.get(file.name) if before else None)
            if not await self._is_good(model, file, expected):
                expected = await self._fetch(http, model, file, expected)
                fetched += self.shelf.blob(expected).stat().st_size
            assert expected is not None
            hashes[file.name] = expected
            if file.sha256 is None:
                trusted.add(file.name)
        self.shelf.install(model, Receipt(hashes, frozenset(trusted)))
        where = str(self.shelf.at(model))
        if trusted and fetched:
            names = ", ".join(sorted(trusted))
            self.progress.say(
                f"{model.name}: {names}: no hash was known beforehand; what came is recorded"
            )
        return Pulled(model.name, where, fetched, tuple(sorted(trusted)))

    async def _is_good(self, model: Model, file: File, expected: str | None) -> bool:
        """Whether the file lies there as it must be; a damaged one is taken away."""
        if expected is None:
            return False
        blob = self.shelf.blob(expected)
        if not blob.exists():
            return await self._is_adopted(model, file)
        if await self._hash(f"{model.name}/{file.name}", blob) == expected:
            return True
        self.progress.say(f"{model.name}/{file.name} is damaged and fetched again")
        blob.unlink()
        return False

    async def _is_adopted(self, model: Model, file: File) -> bool:
        """Whether somebody put the very file there by hand, so that it need not be fetched."""
        place = self.shelf.place(model, file)
        if file.sha256 is None or not place.is_file():
            return False
        if file.bytes not in (None, place.stat().st_size):
            return False
        if await self._hash(f"{model.name}/{file.name}", place) != file.sha256:
            return False
        return self.shelf.adopt(model, file)

    async def _fetch(
        self, http: "aiohttp.ClientSession", model: Model, file: File, expected: str | None
    ) -> str:
        """Fetches one file into a blob; its hash. Raises DownloadFailed."""
        url, path, what = (
            self._url(model, file),
            self._partial(model, file),
            f"{model.name}/{file.name}",
        )
        resumed = arrived(path) > 0
        found = await self._transferred(http, url, path, file, what)
        if expected not in (None, found) and resumed:
            # The beginning may stem from a power cut or from another server: all of it, once.
            self.progress.say(f"{what} was put together wrongly and is fetched again")
            discard(path)
            found = await self._transferred(http, url, path, file, what)
        if expected not in (None, found):
            discard(path)
            raise DownloadFailed(
                f"{url} is not what it must be: its SHA-256 is {found}, not {expected}",
                advice="The server or something on the way changed it. Nothing of it was kept."
                if file.sha256
                else f"It has changed since the first download. `appliance models rm "
                f"{model.name}` forgets what that was.",
            )
        self.shelf.keep(path, found)
        discard(path)
        return found

    async def _transferred(
        self, http: "aiohttp.ClientSession", url: str, path: Path, file: File, what: str
    ) -> str:
        partial = Partial(path, file.bytes)
        try:
            self.progress.begin(what, partial.total, partial.have)
            await Transfer(http, url, partial, self.manner, self.progress).run()
            partial.flush()
        finally:
            partial.close()
        return await self._hash(what, path)

    async def _hash(self, what: str, path: Path) -> str:
        size = path.stat().st_size
        self.progress.begin(f"checking {what}", size, 0)
        # On a thread, so that an interrupt is heard during the seconds that it takes.
        return await asyncio.to_thread(
            sha256_of, path, lambda read: self.progress.reach(read, size)
        )


def _session() -> "aiohttp.ClientSession":
    import aiohttp  # here, because it takes long and the other commands do without

    return aiohttp.ClientSession(
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "voice-appliance"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE),
        trust_env=True,  # HTTP_PROXY, HTTPS_PROXY, NO_PROXY
    )
