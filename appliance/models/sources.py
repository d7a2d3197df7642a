"""Fetches files of a model from its mirror or its upstream; defines what a source is."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from appliance.errors import DownloadFailed, SourceChanged, SourceUnreachable
from appliance.models.download import DownloadProgress, Transfer, TransferOptions
from appliance.models.hashing import sha256_of
from appliance.models.http_client import HttpSettings, http_session, origin, without_credentials
from appliance.models.manifest import File, Model
from appliance.models.partial_file import PartialFile, discard, received_bytes
from appliance.models.repository import ModelRepository

SourceKind = Literal["mirror", "upstream", "packages"]

# A source with others after it is given up sooner, as long as nothing has come from it.
_ATTEMPTS_BEFORE_THE_NEXT_SOURCE = 2


def distinct(sources: Iterable[str]) -> list[str]:
    """Sources of single files ("packages a 1, b 1"), one entry for each kind."""
    names: dict[str, dict[str, None]] = {}
    for source in filter(None, sources):
        kind, _, listed = source.partition(" ")
        names.setdefault(kind, {}).update(dict.fromkeys(listed.split(", ")))
    return [f"{kind} {', '.join(listed)}".strip() for kind, listed in names.items()]


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file to fetch; `sha256` is the hash that it must have, or None where none is known."""

    file: File
    sha256: str | None


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that is a blob of the repository now, and the source that served it."""

    sha256: str
    source: str


class Source(Protocol):
    """One of the places that files of models come from."""

    kind: SourceKind

    def offers(self, files: Sequence[MissingFile]) -> bool:
        """False if it cannot have all of these files."""

    async def fetch(
        self, model: Model, files: Sequence[MissingFile], *, is_last: bool
    ) -> Mapping[str, FetchedFile | DownloadFailed]:
        """Stores what it can get of the files, and returns for each name how that went.

        `is_last` means that there is nothing else to turn to: the server is waited for, and the
        first failure ends the fetch.
        Raises OSError from the disk, and DownloadFailed only where another source does not help.
        """


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What every source works with."""

    repository: ModelRepository
    progress: DownloadProgress
    options: TransferOptions = field(default_factory=TransferOptions)

    async def hash_file(self, label: str, path: Path) -> str:
        """The SHA-256, computed with progress on a thread, so that an interrupt is noticed."""
        size = path.stat().st_size
        self.progress.start(f"checking {label}", size, 0)
        return await asyncio.to_thread(
            sha256_of, path, lambda read: self.progress.update(read, size)
        )


class DirectSource:
    """The owner's mirror, or the upstream: an address for each file."""

    def __init__(
        self,
        kind: Literal["mirror", "upstream"],
        url_of: Callable[[Model, File], str],
        context: SourceContext,
    ) -> None:
        self.kind: SourceKind = kind
        self._url_of = url_of
        self._context = context
        self._unreachable: dict[str, SourceUnreachable] = {}

    def offers(self, files: Sequence[MissingFile]) -> bool:
        return bool(files)

    async def fetch(
        self, model: Model, files: Sequence[MissingFile], *, is_last: bool
    ) -> Mapping[str, FetchedFile | DownloadFailed]:
        """Fetches file by file; a server that cannot be reached is not tried again."""
        results: dict[str, FetchedFile | DownloadFailed] = {}
        unreachable = dict(self._unreachable)
        for missing in files:
            if is_last and any(isinstance(r, DownloadFailed) for r in results.values()):
                break
            server = origin(self._url_of(model, missing.file))
            if failure := unreachable.get(server):
                results[missing.file.name] = failure
                continue
            try:
                sha256 = await self._fetch_file(model, missing, is_last=is_last)
                results[missing.file.name] = FetchedFile(sha256, f"{self.kind} {server}")
            except SourceUnreachable as failure:
                results[missing.file.name] = unreachable[server] = failure
                self._unreachable[server] = SourceUnreachable(f"{server} cannot be reached")
            except DownloadFailed as failure:
                results[missing.file.name] = failure
        return results

    async def _fetch_file(self, model: Model, missing: MissingFile, *, is_last: bool) -> str:
        """Fetches one file into a blob and returns its hash."""
        file, expected = missing.file, missing.sha256
        repository, progress = self._context.repository, self._context.progress
        url, label = self._url_of(model, file), f"{model.name}/{file.name}"
        path = repository.partial_path(url, file)
        resumed = received_bytes(path) > 0
        actual = await self._transfer(url, path, file, label, is_last=is_last)
        if expected not in (None, actual) and resumed:
            # The beginning may stem from a power cut or from another server, so start over once.
            progress.message(f"{label} was put together wrongly and is fetched again")
            discard(path)
            actual = await self._transfer(url, path, file, label, is_last=is_last)
        if expected not in (None, actual):
            discard(path)
            raise SourceChanged(
                f"{without_credentials(url)} is not what it must be: its SHA-256 is {actual},"
                f" not {expected}",
                advice="The server or something on the way changed it. Nothing of it was kept."
                if file.sha256
                else f"It has changed since the first download. `appliance models rm "
                f"{model.name}` forgets what that was.",
            )
        repository.store_blob(path, actual)
        discard(path)
        return actual

    async def _transfer(
        self, url: str, path: Path, file: File, label: str, *, is_last: bool
    ) -> str:
        options, progress = self._context.options, self._context.progress
        if not is_last and not received_bytes(path):
            options = replace(options, attempts=_ATTEMPTS_BEFORE_THE_NEXT_SOURCE)
        partial = PartialFile(path, file.bytes)
        try:
            progress.start(f"{label} from {origin(url)}", partial.total, partial.received)
            async with http_session(HttpSettings(), url) as http:
                await Transfer(http, url, partial, options, progress).run()
            partial.flush()
        finally:
            partial.close()
        return await self._context.hash_file(label, path)
