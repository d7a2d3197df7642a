"""A session's WebSocket as a Pipecat transport.

The socket itself is somebody else's (`Socket`); this side validates what comes in, paces what
goes out, and never waits for a client that does not read: its audio is dropped and counted,
messages are kept up to a bound, past which the client is let go.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    StartFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from appliance import wire
from appliance.audio.format import INPUT_RATE
from appliance.voice.transport.input import PacketBatcher
from appliance.voice.transport.output import SocketOutput
from appliance.voice.transport.pacing import TokenBucket
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks

CHUNK_10MS = 2
# Wi-Fi delivers in bursts after a stall; three seconds of them are speech, more is a flood.
INPUT_BURST_SECONDS = 3.0
COMPLAINTS_PER_SECOND = 5.0
# People type and press; what sends more is read more slowly, so that it waits at its sender.
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 100.0

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_NOT_READING = 1008


ADVICE = "If that goes on, `journalctl -u voice-appliance` tells more."
Hear = Callable[[InputAudioRawFrame], Awaitable[None]]


class SocketInput(BaseInputTransport):
    """Reads, validates, and hands on what the client may say."""

    def __init__(
        self,
        socket: wire.Socket,
        outbox: SendQueue,
        events: TransportCallbacks,
        params: TransportParams,
    ) -> None:
        super().__init__(params)
        self._socket = socket
        self._outbox = outbox
        self._events = events
        self._gathering = PacketBatcher()
        self._audio_allowance = TokenBucket(INPUT_BURST_SECONDS)
        self._complaint_allowance = TokenBucket(COMPLAINTS_PER_SECOND, COMPLAINTS_PER_SECOND)
        self._message_allowance = TokenBucket(MESSAGE_BURST, MESSAGES_PER_SECOND)
        self._tasks: list[asyncio.Task[None]] = []
        self._ears: tuple[Hear, ...] = ()
        self._speaking = False
        self._crowded: Callable[[], bool] = lambda: False

    def heard_by(self, *ears: Hear, crowded: Callable[[], bool]) -> None:
        """Hands audio to these, in this order, past the queues of the pipeline between them.

        For a pipeline that has started, in which nobody else needs it. `crowded` tells whether
        many speak at once.
        """
        self._ears, self._crowded = ears, crowded

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

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, VADUserStartedSpeakingFrame | VADUserStoppedSpeakingFrame):
            self._speaking = isinstance(frame, VADUserStartedSpeakingFrame)
        await super().process_frame(frame, direction)

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
        seconds = len(frame.pcm) / 2 / INPUT_RATE
        if not self._audio_allowance.take(seconds, time.monotonic()):
            self._events.dropped("input")
            return
        at_once = self._speaking and not self._crowded()
        if pcm := self._gathering.take(frame.pcm, at_once=at_once):
            await self._hand_on(InputAudioRawFrame(pcm, INPUT_RATE, 1))

    async def _hand_on(self, frame: InputAudioRawFrame) -> None:
        # Not by the base class's queue, whose task costs as much as a processor.
        if not self._ears:
            await self.push_frame(frame)
            return
        try:
            for hear in self._ears:
                await hear(frame)
        except Exception as error:  # noqa: BLE001  as Pipecat does where a frame fails
            await self.push_error(f"I could not listen to that: {error}. {ADVICE}", error)

    async def _wait_for_turn(self) -> None:
        """Lets messages through no faster than they may come: text is never dropped."""
        if wait := self._message_allowance.borrow(1, time.monotonic()):
            fault = wire.Malformed("too_fast", "messages come too fast and are made to wait")
            self._complain(fault)
            await asyncio.sleep(wait)

    def _complain(self, fault: wire.Malformed) -> None:
        self._events.malformed(fault.code)
        if self._complaint_allowance.take(1, time.monotonic()):
            self._outbox.put_message(wire.error_message(fault))


class SocketTransport(BaseTransport):
    """Both directions of one client's socket. Used once.

    What `outbox` still has when this is over, the next transport of the same client writes.
    """

    def __init__(self, socket: wire.Socket, outbox: SendQueue, events: TransportCallbacks) -> None:
        super().__init__()
        params = TransportParams(
            audio_out_enabled=True,
            audio_out_10ms_chunks=CHUNK_10MS,
            audio_out_end_silence_secs=0,
        )
        self._socket = socket
        self.outbox = outbox
        self._input = SocketInput(socket, outbox, events, params)
        self._output = SocketOutput(outbox, events, params)

    def input(self) -> SocketInput:
        return self._input

    def output(self) -> SocketOutput:
        return self._output

    def send_message(self, message: wire.ServerMessage) -> None:
        """Sends a message of the appliance's own past the pipeline."""
        self.outbox.put_message(wire.server_message(message))

    def interrupt(self) -> None:
        """Silences the client without waiting for the pipeline."""
        self.outbox.interrupt()

    async def close(self, code: int, reason: str) -> None:
        await self.outbox.drain(0.5)
        await self._socket.close(code, reason)
