"""Where models lie on disk: files by their hash, and under the names that engines look for.

    <directory>/small.en/model.bin …            what an engine loads: hard links to the blobs
    <directory>/kokoro-v1.0.onnx, voices-v1.0.bin
    <directory>/.store/blobs/sha256/<hash>      every file once, whichever models have it
    <directory>/.store/partial/…                downloads under way, with notes of what arrived
    <directory>/.store/models/<name>.json       what a model was made of when it was fetched
    <directory>/.store/lock                     one command at a time changes anything here

A blob with a single link belongs to no model any more.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import DownloadFailed
from appliance.models.manifest import File, Model
from appliance.models.partial_file import discard


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a model was when it was fetched: SHA-256 by name on disk.

    `trusted` are the names whose hash was not known before the first download.
    """

    files: Mapping[str, str]
    trusted: frozenset[str]


class ModelRepository:
    """The models below one directory. Reading needs no lock; changing does."""

    def __init__(self, directory: Path) -> None:
        """Touches nothing; the directory need not exist yet."""
        self.directory = directory
        self._store = directory / ".store"

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Alone at work; says so when that takes a wait. A kill releases it."""
        with disk_faults(self.directory):
            for part in ("blobs/sha256", "partial", "models"):
                (self._store / part).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._store / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def blob(self, sha256: str) -> Path:
        return self._store / "blobs" / "sha256" / sha256

    def blobs(self) -> list[Path]:
        """Every file by its hash."""
        return sorted((self._store / "blobs" / "sha256").glob("*"))

    def partial(self, url: str, file: File) -> Path:
        """Where a download of that file grows: by its hash, else by its address."""
        key = file.sha256 or "url-" + hashlib.sha256(url.encode()).hexdigest()
        return self._store / "partial" / key

    def place(self, model: Model, file: File) -> Path:
        """Where engines look for the file."""
        return (self.at(model) if model.engine == "whisper" else self.directory) / file.name

    def at(self, model: Model) -> Path:
        """What an engine is told to load: a directory of Whisper's, a file of Kokoro's."""
        if model.engine == "whisper":
            return self.directory / model.name
        return self.place(model, model.weights)

    def has(self, model: Model) -> bool:
        """Whether all files of the model are there, of whatever content."""
        return all(self.place(model, file).is_file() for file in model.files)

    def _receipt(self, name: str) -> Path:
        return self._store / "models" / f"{name}.json"

    def receipt(self, name: str) -> Receipt | None:
        """None for a model that was not fetched, or was put there by hand."""
        try:
            read = json.loads(self._receipt(name).read_text(encoding="utf-8"))
            return Receipt(dict(read["files"]), frozenset(read["trusted"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, partial: Path, sha256: str) -> None:
        """A download that is complete and checked becomes a blob, at once and for good."""
        blob = self.blob(sha256)
        partial.replace(blob)
        blob.chmod(0o444)  # engines run as another user, and nobody is to write into it
        sync(blob.parent)

    def install(self, model: Model, receipt: Receipt) -> None:
        """Puts the blobs under the names that engines look for, each at once."""
        before = self.receipt(model.name)
        if model.engine == "whisper" and not self.at(model).exists():
            self._install_directory(model, receipt)
        for file in model.files:
            self._link(self.blob(receipt.files[file.name]), self.place(model, file))
        note = {"files": dict(receipt.files), "trusted": sorted(receipt.trusted)}
        fresh = self._receipt(model.name).with_suffix(".new")
        fresh.write_text(json.dumps(note, indent=1), encoding="utf-8")
        fresh.replace(self._receipt(model.name))
        sync(self.directory)
        self._sweep(before.files.values() if before else ())

    def _install_directory(self, model: Model, receipt: Receipt) -> None:
        """A directory that is not there yet appears with all its files."""
        fresh = self._store / "partial" / f"{model.name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        fresh.chmod(0o755)
        for name, sha256 in receipt.files.items():
            os.link(self.blob(sha256), fresh / name)
        fresh.replace(self.at(model))

    def _link(self, blob: Path, place: Path) -> None:
        if place.exists() and place.samefile(blob):
            return
        fresh = self._store / "partial" / f"{place.name}.link"
        fresh.unlink(missing_ok=True)
        os.link(blob, fresh)
        fresh.replace(place)

    def adopt(self, model: Model, file: File) -> bool:
        """Makes a blob of a file that was put there by hand and is what it must be, if it can."""
        assert file.sha256 is not None
        try:
            os.link(self.place(model, file), self.blob(file.sha256))
        except OSError:  # whoever owns it may forbid the link; then it is fetched like any other
            return False
        return True

    def remove(self, model: Model, others: Iterable[Model], partials: Iterable[Path]) -> None:
        """Takes a model away, and what has arrived of it; the others that are there stay whole."""
        receipt = self.receipt(model.name)
        kept = {self.place(other, file) for other in others for file in other.files}
        for file in model.files:
            if (place := self.place(model, file)) not in kept:
                place.unlink(missing_ok=True)
        directory = self.directory / model.name
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
        self._receipt(model.name).unlink(missing_ok=True)
        for path in partials:
            discard(path)
        self._sweep(receipt.files.values() if receipt else ())
        self._sweep(file.sha256 for file in model.files if file.sha256)

    def _sweep(self, hashes: Iterable[str]) -> None:
        """Removes those of the blobs that belong to no model any more."""
        for blob in map(self.blob, hashes):
            if blob.exists() and blob.stat().st_nlink == 1:
                blob.unlink()


def sync(directory: Path) -> None:
    """Returns when the names in the directory are on the disk itself."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_faults(directory: Path) -> Iterator[None]:
    """What the disk refuses becomes an error that a person can act on."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise DownloadFailed(
            f"{directory} does not take the models: {why}",
            advice=_ADVICE.get(error.errno or 0, "Is the disk sound, and models.directory right?"),
        ) from error


_FULL = "Make room; what has arrived is kept, and the same command goes on from there."
_RIGHTS = "Run it with the rights of the appliance's user, or as root."
_LINKS = "Its file system must know hard links, which those of cameras and sticks do not."
_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EROFS), _RIGHTS),
    errno.EPERM: _LINKS,
}
