"""Stores models on disk: every file once, by its hash, and linked under the names engines load.

    <directory>/small.en/model.bin …            what an engine loads: hard links to the blobs
    <directory>/kokoro-v1.0.onnx, voices-v1.0.bin, Qwen3-1.7B.gguf
    <directory>/.store/blobs/sha256/<hash>      every file once, whichever models have it
    <directory>/.store/partial/…                downloads under way, with notes of their progress
    <directory>/.store/models/<name>.json       the receipt of a fetched model
    <directory>/.store/lock                     held by the one command that changes anything

A blob with a single link belongs to no model.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.atomic_file import sync_directory
from appliance.errors import DownloadFailed
from appliance.models.manifest import File, Manifest, Model
from appliance.models.partial_file import discard

SPARE_BYTES: Final = 64 * 2**20
"""Left free on the disk, because the database and the logs grow meanwhile."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The files of a fetched model: SHA-256 by name on disk.

    `trusted` names the files whose hash the manifest does not know; the first download set it.
    `sources` says what served each file; receipts of earlier versions do not have it.
    """

    files: Mapping[str, str]
    trusted: frozenset[str]
    sources: Mapping[str, str] = field(default_factory=dict)


class ModelRepository:
    """The models below one directory. Reading needs no lock; every change needs `lock`."""

    def __init__(self, directory: Path) -> None:
        """Touches nothing; the directory need not exist yet."""
        self.directory = directory
        self._store = directory / ".store"

    @contextmanager
    def lock(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Excludes other processes; calls `on_wait` before it waits for one. A kill releases it."""
        with disk_errors(self.directory):
            for part in ("blobs/sha256", "partial", "models"):
                (self._store / part).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._store / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def blob(self, sha256: str) -> Path:
        return self._store / "blobs" / "sha256" / sha256

    def blobs(self) -> list[Path]:
        """The stored files; each is named by its SHA-256."""
        return sorted((self._store / "blobs" / "sha256").glob("*"))

    def partial_path(self, url: str, file: File) -> Path:
        """The path of the file's download under way, named by its hash, else by its address."""
        key = file.sha256 or "url-" + hashlib.sha256(url.encode()).hexdigest()
        return self._store / "partial" / key

    def partial_paths(self, manifest: Manifest, model: Model, file: File, mirror: str) -> set[Path]:
        """The paths of the file's downloads from the mirror and the upstream."""
        urls = (manifest.url(model, file), manifest.url(model, file, mirror))
        return {self.partial_path(url, file) for url in urls}

    def download_path(self, key: str) -> Path:
        """The path of a download that is no file of a model, such as a package."""
        return self._store / "partial" / key

    def file_path(self, model: Model, file: File) -> Path:
        """The path under which engines load the file."""
        return (self.model_path(model) if model.engine == "whisper" else self.directory) / file.name

    def model_path(self, model: Model) -> Path:
        """The path that an engine is given: the directory of a Whisper model, else the weights."""
        if model.engine == "whisper":
            return self.directory / model.name
        return self.file_path(model, model.weights)

    def is_complete(self, model: Model) -> bool:
        """True if every file of the model is there, whatever its content."""
        return all(self.file_path(model, file).is_file() for file in model.files)

    def _receipt_path(self, name: str) -> Path:
        return self._store / "models" / f"{name}.json"

    def receipt(self, name: str) -> Receipt | None:
        """None for a model that was not fetched, or was put there by hand."""
        try:
            read = json.loads(self._receipt_path(name).read_text(encoding="utf-8"))
            sources = dict(read.get("sources", {}))
            return Receipt(dict(read["files"]), frozenset(read["trusted"]), sources)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def source_of(self, sha256: str) -> str:
        """What served the blob, as the receipts have it; "" where none says."""
        for path in sorted((self._store / "models").glob("*.json")):
            receipt = self.receipt(path.stem)
            for name, known in receipt.files.items() if receipt else ():
                if receipt and known == sha256 and (source := receipt.sources.get(name)):
                    return source
        return ""

    def store_blob(self, partial: Path, sha256: str) -> None:
        """Turns a complete, checked download into a blob, atomically and durably."""
        blob = self.blob(sha256)
        partial.replace(blob)
        blob.chmod(0o444)  # engines run as another user, and nobody may write into it
        sync_directory(blob.parent)

    def install(self, model: Model, receipt: Receipt) -> None:
        """Links the blobs under the names that engines load, each atomically."""
        before = self.receipt(model.name)
        if model.engine == "whisper" and not self.model_path(model).exists():
            self._install_directory(model, receipt)
        for file in model.files:
            self._link(self.blob(receipt.files[file.name]), self.file_path(model, file))
        note = {
            "files": dict(receipt.files),
            "trusted": sorted(receipt.trusted),
            "sources": dict(receipt.sources),
        }
        fresh = self._receipt_path(model.name).with_suffix(".new")
        fresh.write_text(json.dumps(note, indent=1), encoding="utf-8")
        fresh.replace(self._receipt_path(model.name))
        sync_directory(self.directory)
        self._sweep(before.files.values() if before else ())

    def _install_directory(self, model: Model, receipt: Receipt) -> None:
        """Makes a new directory appear with all its files in it."""
        fresh = self._store / "partial" / f"{model.name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        fresh.chmod(0o755)
        for name, sha256 in receipt.files.items():
            os.link(self.blob(sha256), fresh / name)
        fresh.replace(self.model_path(model))

    def _link(self, blob: Path, file_path: Path) -> None:
        if file_path.exists() and file_path.samefile(blob):
            return
        fresh = self._store / "partial" / f"{file_path.name}.link"
        fresh.unlink(missing_ok=True)
        os.link(blob, fresh)
        fresh.replace(file_path)

    def adopt_file(self, model: Model, file: File) -> bool:
        """Turns a file that was put there by hand into a blob; the caller has checked its hash.

        False where its owner forbids the link; the file is then fetched like any other.
        """
        assert file.sha256 is not None
        try:
            os.link(self.file_path(model, file), self.blob(file.sha256))
        except OSError:
            return False
        return True

    def remove(self, model: Model, others: Iterable[Model], partials: Iterable[Path]) -> None:
        """Removes a model and its downloads under way; files that `others` share stay."""
        receipt = self.receipt(model.name)
        kept = {self.file_path(other, file) for other in others for file in other.files}
        for file in model.files:
            if (file_path := self.file_path(model, file)) not in kept:
                file_path.unlink(missing_ok=True)
        directory = self.directory / model.name
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
        self._receipt_path(model.name).unlink(missing_ok=True)
        for path in partials:
            discard(path)
        self._sweep(receipt.files.values() if receipt else ())
        self._sweep(file.sha256 for file in model.files if file.sha256)

    def _sweep(self, hashes: Iterable[str]) -> None:
        """Removes those blobs that belong to no model."""
        for blob in map(self.blob, hashes):
            if blob.exists() and blob.stat().st_nlink == 1:
                blob.unlink()


def check_room(directory: Path, needed: int) -> None:
    """Raises DownloadFailed if `needed` bytes do not fit on the disk of the directory."""
    free = shutil.disk_usage(directory).free
    if needed and needed + SPARE_BYTES > free:
        raise DownloadFailed(
            f"{needed / 1e6:.0f} MB are to be fetched, and {directory} has {free / 1e6:.0f} MB"
            " free",
            advice="Make room (`appliance models rm NAME` gives some), or set models.directory "
            "to another disk.",
        )


@contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Translates OSError to DownloadFailed with advice."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if is_full else (error.strerror or str(error)).lower()
        raise DownloadFailed(
            f"{directory} does not take the models: {why}",
            advice=_ADVICE_BY_ERRNO.get(
                error.errno or 0, "Is the disk sound, and models.directory right?"
            ),
        ) from error


_FULL_ADVICE = "Make room; what has arrived is kept, and the same command continues from there."
_RIGHTS_ADVICE = "Run it with the rights of the appliance's user, or as root."
_LINKS_ADVICE = "Its file system must support hard links; those of cameras and sticks do not."
_ADVICE_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL_ADVICE),
    **dict.fromkeys((errno.EACCES, errno.EROFS), _RIGHTS_ADVICE),
    errno.EPERM: _LINKS_ADVICE,
}
