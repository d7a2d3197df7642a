"""A session's WebSocket as a Pipecat transport.

The socket itself is somebody else's (`Socket`); this side validates what comes in, paces what
goes out, and never waits for a client that does not read: its audio is dropped and counted,
messages are kept up to a bound, past which the client is let go.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from appliance import wire
from appliance.voice.pacing import Allowance, Playout

CHUNK_10MS = 2
LEAD_SECONDS = 0.1
# Wi-Fi delivers in bursts after a stall; three seconds of them are speech, more is a flood.
INPUT_BURST_SECONDS = 3.0
MAX_QUEUED_AUDIO = 5  # chunks of 20 ms: the 100 ms that may wait inside the box
MAX_QUEUED_MESSAGES = 2_000
COMPLAINTS_PER_SECOND = 5.0
# People type and press; what sends more is read more slowly, so that it waits at its sender.
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 100.0

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_NOT_READING = 1008


class Socket(Protocol):
    """A WebSocket, whoever implements it."""

    async def receive(self) -> bytes | str | None:
        """The next message; None once the socket is closed, for whatever reason."""

    async def send(self, data: bytes) -> None:
        """Writes a binary message; waits while the peer does not read. No error when closed."""

    async def close(self, code: int, reason: str) -> None:
        """Closes with a WebSocket status code. Closing twice is closing once."""


@dataclass(frozen=True, slots=True)
class TransportEvents:
    """What a transport reports, without waiting: counters, timings, the end of the line."""

    malformed: Callable[[str], None]
    dropped: Callable[[str], None]
    audio_sent: Callable[[], None]
    disconnected: Callable[[], None]


class Outbox:
    """What waits to be written to one client, in order, by one task."""

    def __init__(self, socket: Socket, dropped: Callable[[str], None]) -> None:
        self._socket = socket
        self._dropped = dropped
        self._items: deque[tuple[bytes, bool]] = deque()
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
        self._put(wire.Message(data), is_audio=False)

    def interrupt(self) -> None:
        """Drops the audio that waits and tells the client to drop what it has."""
        self._items = deque(item for item in self._items if not item[1])
        self._audio_waiting = 0
        self._put(wire.Interruption(), is_audio=False)

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
        """Waits until all is written, `seconds` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._written.wait()


class SocketInput(BaseInputTransport):
    """Reads, validates, and hands on what the client may say."""

    def __init__(
        self,
        transport: "SocketTransport",
        socket: Socket,
        outbox: Outbox,
        events: TransportEvents,
        params: TransportParams,
    ) -> None:
        super().__init__(params)
        self._owner = transport
        self._socket = socket
        self._outbox = outbox
        self._events = events
        self._audio_allowance = Allowance(INPUT_BURST_SECONDS)
        self._complaint_allowance = Allowance(COMPLAINTS_PER_SECOND, COMPLAINTS_PER_SECOND)
        self._message_allowance = Allowance(MESSAGE_BURST, MESSAGES_PER_SECOND)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        if not self._tasks:
            self._tasks = [
                self.create_task(self._outbox.run(), "outbox"),
                self.create_task(self._receive(), "receive"),
                self.create_task(self._give_up(), "give_up"),
            ]

    async def stop(self, frame: EndFrame) -> None:
        await super().stop(frame)
        await self._end()

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._end()

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._end()

    async def _end(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks[1:]:
            await self.cancel_task(task)
        if tasks:
            # The last messages (a final transcript, a goodbye) still leave, if they can.
            await self._outbox.drain(0.5)
            await self.cancel_task(tasks[0])

    async def _receive(self) -> None:
        while (data := await self._socket.receive()) is not None:
            try:
                await self._take(wire.decode_from_client(data))
            except wire.Malformed as fault:
                self._complain(fault)
        self._events.disconnected()

    async def _give_up(self) -> None:
        """Lets a client go that has let too many messages pile up."""
        await self._outbox.overflowed.wait()
        self._events.dropped("client")
        await self._socket.close(CLOSE_NOT_READING, "the client does not read")
        self._events.disconnected()

    async def _take(self, frame: wire.Audio | wire.Message) -> None:
        if isinstance(frame, wire.Message):
            await self._wait_for_turn()
            await self.broadcast_frame(InputTransportMessageFrame, message=frame.data)
            return
        seconds = len(frame.pcm) / 2 / wire.INPUT_RATE
        if not self._audio_allowance.take(seconds, time.monotonic()):
            self._events.dropped("input")
            return
        await self.push_audio_frame(
            InputAudioRawFrame(
                audio=frame.pcm, sample_rate=frame.sample_rate, num_channels=frame.channels
            )
        )

    async def _wait_for_turn(self) -> None:
        """Lets messages through no faster than they may come: text is never dropped."""
        if wait := self._message_allowance.borrow(1, time.monotonic()):
            fault = wire.Malformed("too_fast", "messages come too fast and are made to wait")
            self._complain(fault)
            await asyncio.sleep(wait)

    def _complain(self, fault: wire.Malformed) -> None:
        self._events.malformed(fault.code)
        if self._complaint_allowance.take(1, time.monotonic()):
            data = {"error": fault.reason, "fatal": False, "code": f"malformed_{fault.code}"}
            self._outbox.put_message({"label": wire.LABEL, "type": "error", "data": data})


class SocketOutput(BaseOutputTransport):
    """Sends audio as it is due, messages at once."""

    def __init__(
        self,
        transport: "SocketTransport",
        outbox: Outbox,
        events: TransportEvents,
        params: TransportParams,
    ) -> None:
        super().__init__(params)
        self._owner = transport
        self._outbox = outbox
        self._events = events
        self._playout = Playout(LEAD_SECONDS)
        self._interruptions = 0
        self._interrupting = False

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            # The client hears of it before Pipecat has told every processor.
            self._interruptions += 1
            self._interrupting = True
            self._playout.flush()
            self._outbox.interrupt()
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._interrupting = False

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        self._outbox.put_message(frame.message)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        seconds = len(frame.audio) / 2 / self.sample_rate
        interruptions = self._interruptions
        await asyncio.sleep(self._playout.delay(seconds, time.monotonic()))
        if self._interrupting or interruptions != self._interruptions:
            # Pipecat lets the frame that is being written through; the client would play it.
            return False
        self._outbox.put_audio(frame.audio, self.sample_rate)
        self._events.audio_sent()
        return True


class SocketTransport(BaseTransport):
    """Both directions of one client's socket. Used once."""

    def __init__(self, socket: Socket, events: TransportEvents) -> None:
        super().__init__()
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=CHUNK_10MS,
            audio_out_end_silence_secs=0,
        )
        self._socket = socket
        self._outbox = Outbox(socket, events.dropped)
        self._input = SocketInput(self, socket, self._outbox, events, params)
        self._output = SocketOutput(self, self._outbox, events, params)

    def input(self) -> SocketInput:
        return self._input

    def output(self) -> SocketOutput:
        return self._output

    def tell(self, data: dict[str, Any]) -> None:
        """Sends a message of the appliance's own (an RTVI server-message) past the pipeline."""
        self._outbox.put_message({"label": wire.LABEL, "type": "server-message", "data": data})

    def interrupt(self) -> None:
        """Silences the client without waiting for the pipeline."""
        self._outbox.interrupt()

    async def close(self, code: int, reason: str) -> None:
        await self._outbox.drain(0.5)
        await self._socket.close(code, reason)
