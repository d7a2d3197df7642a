"""The queue of one client's outgoing frames: little audio, many messages."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from appliance import wire

MAX_QUEUED_AUDIO = 5  # chunks of 20 ms: the 100 ms that may wait inside the box
MAX_QUEUED_MESSAGES = 2_000


@dataclass(frozen=True, slots=True)
class TransportCallbacks:
    """Where a transport reports counters, timings and the end of the connection.

    `malformed` gets the code of the fault, `dropped` what was dropped: "input" or "output" audio,
    or the "client". `audio_sent` gets the seconds for which the client had nothing to play before,
    within an answer. `heard` gets the audio of the microphone, `played` the audio that was sent
    and the time of the monotonic clock at which the client begins to play it. All return at once.
    """

    malformed: Callable[[str], None]
    dropped: Callable[[str], None]
    audio_sent: Callable[[float], None]
    disconnected: Callable[[], None]
    heard: Callable[[bytes], None] = lambda _pcm: None
    played: Callable[[bytes, float], None] = lambda _pcm, _begins: None


class SendQueue:
    """Frames that wait to be written to one socket, in order, by the one task in `run`.

    Audio that finds the queue full is dropped and reported to `dropped`; a queue of too many
    messages sets `overflowed`. `interrupted` is called when the client is silenced.
    """

    def __init__(
        self,
        socket: wire.Socket,
        dropped: Callable[[str], None],
        interrupted: Callable[[], None] = lambda: None,
    ) -> None:
        self._socket = socket
        self._dropped = dropped
        self._interrupted = interrupted
        self._items: deque[tuple[bytes, bool]] = deque()  # encoded frame, whether it is audio
        self._audio_waiting = 0
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self.overflowed = asyncio.Event()

    def put_audio(self, pcm: bytes, sample_rate: int) -> None:
        if self._audio_waiting >= MAX_QUEUED_AUDIO:
            self._dropped("output")
            return
        self._audio_waiting += 1
        self._put(wire.Audio(pcm, sample_rate), is_audio=True)

    def put_message(self, data: dict[str, Any]) -> None:
        """Queues an RTVI message."""
        self._put(wire.Message(data), is_audio=False)

    def interrupt(self) -> None:
        """Drops the audio that waits and has the client drop the audio that it buffers."""
        self._items = deque(item for item in self._items if not item[1])
        self._audio_waiting = 0
        self._put(wire.Interruption(), is_audio=False)
        self._interrupted()

    def _put(self, frame: wire.Frame, *, is_audio: bool) -> None:
        if len(self._items) >= MAX_QUEUED_MESSAGES:
            self.overflowed.set()
            return
        self._items.append((wire.encode(frame), is_audio))
        self._written.clear()
        self._wake.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            while self._items:
                data, is_audio = self._items.popleft()
                self._audio_waiting -= is_audio
                await self._socket.send(data)
            self._written.set()
            self._wake.clear()
            await self._wake.wait()

    async def drain(self, seconds: float) -> None:
        """Waits until everything is written, `seconds` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._written.wait()
