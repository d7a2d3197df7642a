"""Keeps recordings of conversations as FLAC files beside the database.

    recordings/CONVERSATION/STARTED-SESSION.flac      left: who talks; right: the assistant

The files are the truth: there is no table of them. A conversation that is deleted takes its
directory along, by whatever way it is deleted (`remove_orphans`, from `deletion.scrub`).
"""

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Container, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import BadRequest, DiskFull, NotFound, StoreError, write_error

if TYPE_CHECKING:
    import soundfile

RATE = 24_000
CHANNELS = 2
FRAME_BYTES = 2 * CHANNELS
MIN_FREE_BYTES = 500 * 10**6  # of the disk; below it the database comes first
MOST_WAITING = 60  # pieces of a second that wait for the disk

_CONVERSATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RECORDING = re.compile(r"(\d{1,15})-([A-Za-z0-9_-]{1,64})")


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """A recording; `seconds` is None while it is made, and where the process was killed in it."""

    id: str
    conversation_id: str
    session_id: str
    started_at: float
    seconds: float | None
    bytes: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """The file of a recording; `at` is when it was last written, by the clock of now."""

    conversation_id: str
    recording_id: str
    at: float
    bytes: int


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """The most that is recorded: minutes of one recording, bytes of all together."""

    minutes: float
    total_bytes: int


class RecordingWriter:
    """Writes one recording on a thread. `write` never waits; closing twice is closing once."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor, most_frames: int) -> None:
        self._path = path
        self._thread = thread
        self._frames_left = most_frames
        self._waiting: list[Future[None]] = []
        self._file: soundfile.SoundFile | None = None
        self._failed = False

    async def open(self) -> None:
        """Creates the file. Raises StoreError where that is impossible."""
        await asyncio.wrap_future(self._thread.submit(self._create))

    def write(self, frames: bytes) -> bool:
        """Queues stereo frames of 16 bit; False where no more can be recorded."""
        self._waiting = [job for job in self._waiting if not job.done()]
        self._frames_left -= len(frames) // FRAME_BYTES
        if self._failed or self._frames_left < 0 or len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append(self._thread.submit(self._append, frames))
        return True

    async def close(self) -> None:
        """Completes the file."""
        await asyncio.wrap_future(self._thread.submit(self._finish))

    def _create(self) -> None:
        import soundfile

        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = soundfile.SoundFile(
                self._path, "w", RATE, CHANNELS, subtype="PCM_16", format="FLAC"
            )
            self._path.chmod(0o600)
        except (OSError, soundfile.LibsndfileError) as error:
            raise write_error(f"{self._path}", error) from None

    def _append(self, frames: bytes) -> None:
        if self._file is None or self._failed:
            return
        try:
            if shutil.disk_usage(self._path.parent).free < MIN_FREE_BYTES:
                raise OSError("the disk is nearly full")
            self._file.buffer_write(frames, "int16")
        except (OSError, RuntimeError):  # RuntimeError: of libsndfile
            self._failed = True

    def _finish(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError, RuntimeError):
                file.close()


class Recordings:
    """The recordings below one directory; of `unkept` conversations there are none."""

    def __init__(self, directory: Path, unkept: Container[str] = ()) -> None:
        self._directory = directory
        self._unkept = unkept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recording")

    async def begin(
        self, conversation_id: str, session_id: str, started_at: float, limits: RecordingLimits
    ) -> RecordingWriter:
        """Opens a new recording. Raises StoreError where there is no room for one.

        Raises BadRequest where the conversation is not kept.
        """
        if conversation_id in self._unkept:
            raise BadRequest(
                "this conversation is not kept, so it is not recorded either",
                advice="Have it kept, then record it.",
            )
        place = _directory_of(self._directory, conversation_id)
        await asyncio.wrap_future(self._thread.submit(self._check_room, limits))
        name = f"{round(started_at * 1000)}-{session_id}.flac"
        most = round(limits.minutes * 60 * RATE)
        writer = RecordingWriter(place / name, self._thread, most)
        await writer.open()
        return writer

    def _check_room(self, limits: RecordingLimits) -> None:
        used = sum(file.stat().st_size for file in self._directory.glob("*/*.flac"))
        free = shutil.disk_usage(self._directory.parent).free  # where the database is
        if free < MIN_FREE_BYTES:
            raise DiskFull("the disk is full: there is no room for a recording")
        if used >= limits.total_bytes:
            raise StoreError(
                "there is no room for a recording",
                advice="Delete recordings, or raise recording.megabytes.",
            )

    async def listed(self, conversation_id: str) -> list[KeptRecording]:
        """Returns the recordings of a conversation, oldest first."""
        place = _directory_of(self._directory, conversation_id)
        found = await asyncio.to_thread(lambda: list(_recordings(place)))
        return sorted(found, key=lambda recording: recording.started_at)

    def file(self, conversation_id: str, recording_id: str) -> Path:
        """Returns the file of a recording. Raises NotFound."""
        place = _directory_of(self._directory, conversation_id)
        file = place / f"{recording_id}.flac"
        if not _RECORDING.fullmatch(recording_id) or not file.is_file():
            raise NotFound("there is no such recording", advice="It may have been deleted.")
        return file

    async def delete(self, conversation_id: str, recording_id: str) -> None:
        """Deletes one recording. Raises NotFound."""
        file = self.file(conversation_id, recording_id)
        await asyncio.to_thread(partial(_remove_file, file))

    def close(self) -> None:
        """Returns when all that was queued is written."""
        self._thread.shutdown()


def remove_orphans(directory: Path, conversations: Callable[[], set[str]]) -> None:
    """Removes the recordings of all but the `conversations` that are in the database.

    The directories are listed first: one that is made meanwhile belongs to a conversation that
    may not have been read.
    """
    places = list(directory.glob("*"))
    if not places:
        return
    kept = conversations()
    for place in places:
        if place.name not in kept:
            shutil.rmtree(place, ignore_errors=True)


def kept_files(directory: Path) -> list[KeptFile]:
    """Returns the files of all recordings."""
    found = []
    for file in directory.glob("*/*.flac"):
        if _RECORDING.fullmatch(file.stem):
            with suppress(OSError):  # deleted meanwhile
                facts = file.stat()
                found.append(KeptFile(file.parent.name, file.stem, facts.st_mtime, facts.st_size))
    return found


def shift_times(directory: Path, by: float, begin: float, end: float) -> None:
    """Moves the times of all files by a leap of the clock, but for those between two times."""
    for file in directory.glob("*/*.flac"):
        with suppress(OSError):
            facts = file.stat()
            if not begin <= facts.st_mtime <= end:
                os.utime(file, (facts.st_atime, facts.st_mtime + by))


def _directory_of(directory: Path, conversation_id: str) -> Path:
    if not _CONVERSATION.fullmatch(conversation_id):
        raise NotFound("there is no such conversation", advice="Check its id.")
    return directory / conversation_id


def _remove_file(file: Path) -> None:
    file.unlink(missing_ok=True)
    with suppress(OSError):  # other recordings are in it
        file.parent.rmdir()


def _recordings(place: Path) -> Iterator[KeptRecording]:
    for file in place.glob("*.flac"):
        if named := _RECORDING.fullmatch(file.stem):
            with suppress(OSError):  # deleted meanwhile
                yield KeptRecording(
                    file.stem,
                    place.name,
                    named[2],
                    int(named[1]) / 1000,
                    _seconds(file),
                    file.stat().st_size,
                )


def _seconds(file: Path) -> float | None:
    import soundfile

    try:
        info: Any = soundfile.info(str(file))
    except RuntimeError:  # libsndfile's: nothing has been written yet
        return None
    seconds = float(info.frames) / RATE
    # A file that was not completed has no length, which libsndfile reports as the longest of all.
    return round(seconds, 3) if 0 < info.frames < 2**40 else None
