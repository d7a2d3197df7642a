"""Fetches the missing or damaged files of models, from one source after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.errors import DownloadFailed, ModelUnavailable
from appliance.models.download import DownloadProgress, TransferOptions
from appliance.models.manifest import File, Manifest, Model
from appliance.models.packages import PackageSource
from appliance.models.partial_file import discard, received_bytes
from appliance.models.repository import ModelRepository, Receipt, check_room, disk_errors
from appliance.models.sources import (
    DirectSource,
    FetchedFile,
    MissingFile,
    Source,
    SourceContext,
    SourceKind,
    distinct,
)

ALL_SOURCES: tuple[SourceKind, ...] = ("mirror", "upstream", "packages")


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model that is whole now: `fetched` bytes came; `trusted` files have no known hash.

    `sources` says for each file what served it, now or earlier; "" where that is not known.
    """

    name: str
    path: str
    fetched: int
    trusted: tuple[str, ...]
    sources: Mapping[str, str]


class ModelPull:
    """Fetches models into a repository, whose lock the caller holds."""

    def __init__(
        self,
        manifest: Manifest,
        repository: ModelRepository,
        progress: DownloadProgress,
        mirror: str = "",
        sources: Sequence[SourceKind] = ALL_SOURCES,
        options: TransferOptions | None = None,
    ) -> None:
        """`sources` are tried in this order; the mirror only where there is one."""
        self._manifest = manifest
        self._repository = repository
        self._progress = progress
        self._mirror = mirror
        self._context = SourceContext(repository, progress, options or TransferOptions())
        self._sources = [self._source(kind) for kind in sources if kind != "mirror" or mirror]

    def _source(self, kind: SourceKind) -> Source:
        if kind == "packages":
            return PackageSource(self._manifest, self._context)
        mirror = self._mirror if kind == "mirror" else ""
        return DirectSource(
            kind, lambda model, file: self._manifest.url(model, file, mirror), self._context
        )

    async def run(
        self, models: Sequence[Model], *, has_alternative: bool = False
    ) -> list[PulledModel]:
        """Fetches one model after the other; verifies and repairs those that are there already.

        With `has_alternative`, another model would do, so no server is waited for.

        Raises ModelUnavailable if no source has a model, and DownloadFailed from the disk. What
        has arrived by then is kept, and a later run continues it.
        """
        with disk_errors(self._repository.directory):
            self._check_room(models)
            return [await self._pull_model(model, has_alternative) for model in models]

    def _check_room(self, models: Sequence[Model]) -> None:
        missing = {
            path: file.bytes or 0
            for model in models
            for file in model.files
            if not self._is_there(model, file)
            for path in self._repository.partial_paths(self._manifest, model, file, self._mirror)
        }
        needed = sum(size - received_bytes(path) for path, size in missing.items())
        check_room(self._repository.directory, needed)

    def _is_there(self, model: Model, file: File) -> bool:
        paths = [self._repository.file_path(model, file)]
        paths += [self._repository.blob(file.sha256)] if file.sha256 else []
        return any(path.is_file() for path in paths)

    async def _pull_model(self, model: Model, has_alternative: bool) -> PulledModel:
        before = self._repository.receipt(model.name)
        hashes: dict[str, str] = {}
        sources: dict[str, str] = {}
        missing: list[MissingFile] = []
        for file in model.files:
            expected = file.sha256 or (before.files.get(file.name) if before else None)
            if (
                expected
                and (source := await self._source_of_good(model, file, expected)) is not None
            ):
                hashes[file.name], sources[file.name] = expected, source
            else:
                missing.append(MissingFile(file, expected))
        fetched = await self._fetch(model, missing, has_alternative)
        hashes |= {name: file.sha256 for name, file in fetched.items()}
        sources |= {name: file.source for name, file in fetched.items()}
        trusted = frozenset(file.name for file in model.files if file.sha256 is None)
        self._repository.install(model, Receipt(hashes, trusted, sources))
        self._discard_downloads(model)
        self._report(model, fetched, trusted)
        return PulledModel(
            name=model.name,
            path=str(self._repository.model_path(model)),
            fetched=sum(self._repository.blob(f.sha256).stat().st_size for f in fetched.values()),
            trusted=tuple(sorted(trusted)),
            sources=sources,
        )

    async def _source_of_good(self, model: Model, file: File, expected: str | None) -> str | None:
        """What served the file that is there with that hash; None without one.

        A damaged file is removed.
        """
        if expected is None:
            return None
        blob, label = self._repository.blob(expected), f"{model.name}/{file.name}"
        if not blob.exists():
            return "by hand" if await self._adopt(model, file) else None
        if await self._context.hash_file(label, blob) == expected:
            return self._repository.source_of(expected)
        self._progress.message(f"{label} is damaged and fetched again")
        blob.unlink()
        return None

    async def _adopt(self, model: Model, file: File) -> bool:
        """Takes over the very file if somebody put it there by hand."""
        path = self._repository.file_path(model, file)
        if file.sha256 is None or not path.is_file():
            return False
        if file.bytes not in (None, path.stat().st_size):
            return False
        if await self._context.hash_file(f"{model.name}/{file.name}", path) != file.sha256:
            return False
        return self._repository.adopt_file(model, file)

    async def _fetch(
        self, model: Model, files: Sequence[MissingFile], has_alternative: bool
    ) -> dict[str, FetchedFile]:
        """Asks one source after the other for what is still missing, and says which had it."""
        fetched: dict[str, FetchedFile] = {}
        failures: list[DownloadFailed] = []
        missing = list(files)
        for number, source in enumerate(self._sources):
            if not missing or not source.offers(missing):
                continue
            others = self._sources[number + 1 :]
            has_next = any(other.offers(missing) for other in others)
            results = await source.fetch(model, missing, is_last=not (has_next or has_alternative))
            fetched |= {n: r for n, r in results.items() if isinstance(r, FetchedFile)}
            missing = [wanted for wanted in missing if wanted.file.name not in fetched]
            failures += [r for r in results.values() if isinstance(r, DownloadFailed)]
        if missing:
            raise self._unavailable(model, failures)
        if fetched:
            served = " and ".join(distinct(file.source for file in fetched.values()))
            because = "".join(f"; {message}" for message in _messages(failures))
            self._progress.message(f"{model.name}: fetched from {served}{because}")
        return fetched

    def _unavailable(self, model: Model, failures: Sequence[DownloadFailed]) -> ModelUnavailable:
        if not failures:
            return ModelUnavailable(
                f"{model.name} has no source here", advice="Set models.sources or models.mirror."
            )
        advice = dict.fromkeys(failure.advice for failure in failures if failure.advice)
        return ModelUnavailable("; ".join(_messages(failures)), advice=" ".join(advice))

    def _discard_downloads(self, model: Model) -> None:
        """Removes packages, and what other sources had begun to send."""
        for file in model.files:
            paths = self._repository.partial_paths(self._manifest, model, file, self._mirror)
            for path in paths:
                discard(path)
        for package in self._manifest.packages_of(model.files):
            discard(self._repository.download_path(package.key))

    def _report(
        self, model: Model, fetched: Mapping[str, FetchedFile], trusted: frozenset[str]
    ) -> None:
        if fetched and trusted:
            self._progress.message(
                f"{model.name}: {', '.join(sorted(trusted))}: no hash was known beforehand; the"
                " one found is recorded"
            )


def _messages(failures: Sequence[DownloadFailed]) -> list[str]:
    return list(dict.fromkeys(failure.message for failure in failures))
