"""Small disks for rows that have a mount namespace of their own: filled, cut off, taken away."""

import errno
import fcntl
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.campaign.row import Obstacle

CHUNK = bytes(64 * 1024)
# _IOR('X', 125, __u32) of ext4, and its flag to throw away what is not on the disk yet.
EXT4_SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING = 2


class TemporaryDisk:
    """A tmpfs of a few megabytes and inodes, which other files can fill."""

    def __init__(self, place: Path, megabytes: int, inodes: int) -> None:
        self.place = place
        place.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={megabytes}m,nr_inodes={inodes}", "tmpfs", place)

    def fill(self) -> None:
        """Leaves no byte."""
        with (self.place / "ballast").open("wb", buffering=0) as file:
            _until_full(lambda: file.write(CHUNK))
            _until_full(lambda: file.write(b"\0"))

    def use_up_inodes(self) -> None:
        """Leaves no room for a file."""
        crowd = self.place / "crowd"
        crowd.mkdir(exist_ok=True)
        numbers = iter(range(1_000_000))
        _until_full(lambda: (crowd / str(next(numbers))).touch())

    def free(self) -> None:
        (self.place / "ballast").unlink(missing_ok=True)
        for file in (self.place / "crowd").glob("*"):
            file.unlink()


class Ext4Disk:
    """An ext4 in a file, through the kernel's own loop device."""

    def __init__(self, place: Path, megabytes: int = 64) -> None:
        self.place = place
        self._image = place.with_suffix(".img")
        place.mkdir()
        with self._image.open("wb") as file:
            file.truncate(megabytes << 20)
        try:
            subprocess.run(["mkfs.ext4", "-qF", self._image], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Obstacle(f"mkfs.ext4 does not work here: {error}") from None
        self.mount()

    def mount(self) -> None:
        """Mounts it; its journal is replayed first, where it was cut off."""
        _mount("-o", "loop", self._image, self.place)

    def unmount(self) -> None:
        subprocess.run(["umount", self.place], check=True, capture_output=True)

    def cut(self) -> None:
        """Loses the power: what was not flushed is gone, and nothing can be read or written."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        finally:
            os.close(descriptor)

    def fail(self) -> None:
        """Becomes read-only beneath open files, as a kernel does with a disk that fails."""
        subprocess.run(
            ["mount", "-o", "remount,abort", self.place], check=False, capture_output=True
        )

    def repair(self) -> None:
        """What the boot after that does, before it mounts the disk."""
        subprocess.run(["e2fsck", "-fy", self._image], check=False, capture_output=True)


def _mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Obstacle(f"no such disk can be mounted here: {done.stderr.strip()}")


def _until_full(write: Callable[[], object]) -> None:
    try:
        while True:
            write()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
