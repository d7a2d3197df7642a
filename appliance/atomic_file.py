"""Replaces small files: a reader, or a cut of the power, finds the old content or the new."""

import os
from contextlib import suppress
from pathlib import Path


def replace_text(path: Path, text: str, *, synced: bool = True) -> None:
    """Replaces a file, which only its owner may read; one writer at a time. Raises OSError.

    Unless `synced`, it returns before the disk has the new content: for what is made anew at each
    start, and written where nothing may wait for a disk.

    What root writes belongs to the owner of the directory, who cannot redirect it with a link.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            give_to_owner(descriptor, path.parent)
            file.write(text)
            file.flush()
            if synced:
                os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    if synced:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Returns when the names in a directory are on the disk itself. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_to_owner(descriptor: int, directory: Path) -> None:
    """Gives an open file that root has made to the owner of its directory. Raises OSError."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
