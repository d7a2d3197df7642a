"""Records one session on request: who talks on the left, the assistant, as heard, on the right."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import numpy as np

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.audio.two_channels import TwoChannels
from appliance.errors import SessionUnknown
from appliance.wire import NoticeMessage, RecordingMessage, ServerMessage

log = logging.getLogger(__name__)

USER, ASSISTANT = 0, 1
WRITE_SECONDS = 1.0
# An answer is sent ahead of its playback, and may be taken back that long.
HOLD_SECONDS = 1.0


class RecordingSink(Protocol):
    """A recording that grows; see appliance.store.recordings."""

    def write(self, frames: bytes) -> bool: ...

    async def close(self) -> None: ...


OpenRecording = Callable[[str, str, float], Awaitable[RecordingSink]]
"""Opens a recording of a conversation and session, by their ids, that begins at a time since 1970.

Raises ApplianceError where there may be none, or is no room for one.
"""


class SessionRecording:
    """The recording of one session: off until `start`, and off again after `stop`.

    `changed` is called with whether it is on, whenever that changes. `say` says an answer of the
    languages, by its key, and returns False where the session cannot be heard.
    """

    def __init__(
        self,
        files: OpenRecording,
        session_id: str,
        conversation_id: str,
        send_message: Callable[[ServerMessage], None],
        changed: Callable[[bool], None],
        say: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._files = files
        self._ids = (conversation_id, session_id)
        self._send_message = send_message
        self._changed = changed
        self._say = say
        self._channels = TwoChannels(OUTPUT_RATE)
        self._resampler: Any = None  # soxr has no types
        self._began = 0.0
        self._writer: RecordingSink | None = None
        self._writing: asyncio.Task[None] | None = None
        self._switching = asyncio.Lock()
        self._ended = False

    @property
    def is_on(self) -> bool:
        return self._writer is not None

    async def switch_on(self) -> None:
        """Begins to record and says so. Raises ApplianceError where there may be no recording.

        A session that cannot be heard is not recorded: nobody could be told.
        """
        if not self.is_on:
            await self.start()
            if not await self._say("recording_on"):
                await self.stop()
                raise SessionUnknown("nobody talks in this session")

    async def switch_off(self) -> None:
        """Ends the recording, if there is one, and says so."""
        if self.is_on:
            await self.stop()
            await self._say("recording_off")

    async def start(self) -> None:
        """Begins to record; no effect while it does. Raises ApplianceError where it cannot."""
        async with self._switching:
            if self._writer is not None or self._ended:
                return
            import soxr

            started_at = time.time()
            self._writer = await self._files(*self._ids, started_at)
            self._channels = TwoChannels(OUTPUT_RATE)
            self._resampler = soxr.ResampleStream(INPUT_RATE, OUTPUT_RATE, 1, "int16")
            self._began = time.monotonic()
            self._writing = asyncio.create_task(self._write(self._writer), name="record")
            self._tell(started_at)

    async def stop(self) -> None:
        """Completes the recording; no effect where there is none."""
        async with self._switching:
            writer, self._writer = self._writer, None
            if writer is None:
                return
            if self._writing:
                self._writing.cancel()
            writer.write(self._channels.take(self._now()))
            await writer.close()
            self._tell()

    async def end(self) -> None:
        """Completes the recording for good: the session is over."""
        self._ended = True
        await self.stop()

    def heard(self, pcm: bytes) -> None:
        """The microphone has sent audio (16 kHz)."""
        if self._writer is not None:
            at = self._now() - len(pcm) / 2 / INPUT_RATE
            samples = self._resampler.resample_chunk(np.frombuffer(pcm, np.int16))
            if len(samples):
                self._channels.add(USER, samples, at)

    def played(self, pcm: bytes, begins: float) -> None:
        """Audio (24 kHz) was sent that begins to be heard at `begins`, of the monotonic clock."""
        if self._writer is not None:
            samples = np.frombuffer(pcm, np.int16)
            self._channels.add(ASSISTANT, samples, max(0.0, begins - self._began))

    def silenced(self) -> None:
        """The client falls silent now, and drops what it has not played."""
        if self._writer is not None:
            self._channels.cut(ASSISTANT, self._now())

    def _now(self) -> float:
        return time.monotonic() - self._began

    async def _write(self, writer: RecordingSink) -> None:
        while True:
            if not writer.write(self._channels.take(self._now() - HOLD_SECONDS)):
                break
            await asyncio.sleep(WRITE_SECONDS)
        log.warning("the recording of session %s ends: there is no more room", self._ids[1])
        self._send_message(
            NoticeMessage(
                "The recording has ended.",
                "It is as long as it may be, or the disk is nearly full.",
            )
        )
        self._writing = None  # `stop` would cancel the task in which it runs
        await self.stop()

    def _tell(self, started_at: float | None = None) -> None:
        self._changed(self.is_on)
        self._send_message(RecordingMessage(self.is_on, started_at))
