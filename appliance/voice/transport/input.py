"""The input side of a session's transport: validates, limits, batches and delivers.

Every frame of audio costs the same number of steps, whatever its length, and most of the time
nobody speaks. So only speech is delivered packet by packet, because turn detection measures its
pauses, and only while few people speak at once. All other audio is batched (PacketBatcher).
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
from pipecat.transports.base_transport import TransportParams

from appliance import wire
from appliance.access.back_pressure import BackPressure, Flooded
from appliance.access.rate_limit import TokenBucket
from appliance.audio.format import INPUT_RATE
from appliance.voice.transport.link_watch import LinkWatch
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks
from appliance.voice.turns.silero import WINDOW

# Wi-Fi delivers in bursts after a stall; three seconds of them are speech, more is a flood.
INPUT_BURST_SECONDS = 3.0
# People type and press buttons; a client that sends more is read more slowly, so that the
# messages wait on its side. One that goes on is disconnected.
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 100.0
MESSAGE_PATIENCE_SECONDS = 10.0
# A text asks for an answer, which takes the engines that all share: nobody types two a second.
TEXT_COST = 10.0
ERRORS_PER_SECOND = 5.0
CLOSE_POLICY = 1008
WATCH_SECONDS = 0.25
DRAIN_SECONDS = 0.5

ADVICE = "If this goes on, look into `journalctl -u voice-appliance`."

SAMPLE_BYTES = 2
WINDOW_BYTES = WINDOW * SAMPLE_BYTES
LONG_SILENCE_SECONDS = 2.0  # longer than any pause within a turn
LONG_SILENCE_WINDOWS = 4

AudioListener = Callable[[InputAudioRawFrame], Awaitable[None]]


class PacketBatcher:
    """Joins packets of 16 kHz mono PCM to whole windows of the voice detector.

    It judges whole windows only, so a batch is never judged later than its packets would be.
    After a long digital silence a batch is several windows; the first sound ends it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._silent_bytes = 0

    def add(self, pcm: bytes, *, at_once: bool) -> bytes:
        """The audio to deliver now, in its order; empty while the batch is not full.

        With `at_once` that is all there is.
        """
        self._buffer += pcm
        is_silent = pcm.count(0) == len(pcm)
        self._silent_bytes = self._silent_bytes + len(pcm) if is_silent else 0
        due = len(self._buffer)
        if not at_once:
            due -= due % self._batch_bytes
        batch = bytes(self._buffer[:due])
        del self._buffer[:due]
        return batch

    @property
    def _batch_bytes(self) -> int:
        is_long = self._silent_bytes >= LONG_SILENCE_SECONDS * INPUT_RATE * SAMPLE_BYTES
        return LONG_SILENCE_WINDOWS * WINDOW_BYTES if is_long else WINDOW_BYTES


class SocketInput(BaseInputTransport):
    """Reads one client's socket into the pipeline.

    A frame that the protocol does not allow is answered with an error, counted and survived.
    """

    def __init__(
        self,
        socket: wire.Socket,
        send_queue: SendQueue,
        callbacks: TransportCallbacks,
        params: TransportParams,
    ) -> None:
        super().__init__(params)
        self._socket = socket
        self._send_queue = send_queue
        self._callbacks = callbacks
        self._batcher = PacketBatcher()
        self._link = LinkWatch()
        self._audio_limit = TokenBucket(INPUT_BURST_SECONDS)
        self._messages = BackPressure(MESSAGES_PER_SECOND, MESSAGE_BURST, MESSAGE_PATIENCE_SECONDS)
        self._error_limit = TokenBucket(ERRORS_PER_SECOND, ERRORS_PER_SECOND)
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: tuple[AudioListener, ...] = ()
        self._may_deliver = asyncio.Event()
        self._crowded: Callable[[], bool] = lambda: False
        self._speech_detected = False

    def deliver_to(self, *listeners: AudioListener, crowded: Callable[[], bool]) -> None:
        """Calls `listeners` with each frame of audio, in this order, instead of pushing it.

        Called before the pipeline starts, where no other processor needs the audio: each queue that
        a frame passes costs as much as a processor. `crowded` says whether many users speak at
        once. Audio waits for `begin_delivery`.
        """
        self._listeners, self._crowded = listeners, crowded

    def begin_delivery(self) -> None:
        """Delivers the audio that has come, and all that follows: the pipeline runs."""
        self._may_deliver.set()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        if not self._tasks:
            self._tasks = [
                self.create_task(self._send_queue.run(), "send"),
                self.create_task(self._receive(), "receive"),
                self.create_task(self._disconnect_on_overflow(), "overflow"),
                self.create_task(self._disconnect_on_silence(), "silence"),
            ]

    async def stop(self, frame: EndFrame) -> None:
        await super().stop(frame)
        await self._stop_tasks()

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._stop_tasks()

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._stop_tasks()

    async def _stop_tasks(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks[1:]:
            await self.cancel_task(task)
        if tasks:
            # The last messages (a final transcript, a notice) still leave if they can.
            await self._send_queue.drain(DRAIN_SECONDS)
            await self.cancel_task(tasks[0])

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, VADUserStartedSpeakingFrame | VADUserStoppedSpeakingFrame):
            self._speech_detected = isinstance(frame, VADUserStartedSpeakingFrame)
        await super().process_frame(frame, direction)

    async def _receive(self) -> None:
        while (data := await self._socket.receive()) is not None:
            try:
                await self._process(wire.decode_from_client(data))
            except wire.Malformed as fault:
                self._report(fault)
            except Flooded:
                await self._disconnect("This device sent too many messages.")
                return
        self._callbacks.disconnected()

    async def _disconnect_on_overflow(self) -> None:
        """Disconnects a client that has let too many messages pile up."""
        await self._send_queue.overflowed.wait()
        await self._disconnect("the client does not read")

    async def _disconnect(self, reason: str) -> None:
        self._callbacks.dropped("client")
        await self._socket.close(CLOSE_POLICY, reason)
        self._callbacks.disconnected()

    async def _disconnect_on_silence(self) -> None:
        """Ends the session of a client that vanished without closing, as by a lost power supply."""
        while not self._link.is_dead(time.monotonic()):  # noqa: ASYNC110  silence sets no event
            await asyncio.sleep(WATCH_SECONDS)
        self._callbacks.disconnected()

    async def _process(self, frame: wire.Audio | wire.Message) -> None:
        if isinstance(frame, wire.Message):
            await self._process_message(frame)
            return
        self._link.heard(time.monotonic(), audio=True)
        seconds = len(frame.pcm) / SAMPLE_BYTES / INPUT_RATE
        if not self._audio_limit.take(seconds, time.monotonic()):
            self._callbacks.dropped("input")
            return
        self._callbacks.heard(frame.pcm)
        at_once = self._speech_detected and not self._crowded()
        if pcm := self._batcher.add(frame.pcm, at_once=at_once):
            await self._deliver(InputAudioRawFrame(pcm, INPUT_RATE, 1))

    async def _process_message(self, message: wire.Message) -> None:
        is_ping = wire.asks(message, wire.PING)
        self._link.heard(time.monotonic(), ping=is_ping)
        await self._throttle(message)
        if is_ping:
            # Past the pipeline: what came before the ping has been taken when it is answered.
            self._send_queue.put_message(wire.pong(message))
        else:
            await self.broadcast_frame(InputTransportMessageFrame, message=message.data)

    async def _deliver(self, frame: InputAudioRawFrame) -> None:
        # Not by the base class's queue, whose task costs as much as a processor.
        if not self._listeners:
            await self.push_frame(frame)
            return
        # Nor may audio of the first moments wait in a queue, which later audio would overtake.
        await self._may_deliver.wait()
        try:
            for listener in self._listeners:
                await listener(frame)
        except Exception as error:  # noqa: BLE001  the boundary of a frame, as in Pipecat
            await self.push_error(f"I could not listen to that: {error}. {ADVICE}", error)

    async def _throttle(self, message: wire.Message) -> None:
        """Delays messages that come too fast: text is never dropped. Raises Flooded."""
        cost = TEXT_COST if message.data["type"] == "send-text" else 1.0
        if await self._messages.spend(cost):
            self._report(wire.Malformed("too_fast", "messages come too fast and are delayed"))

    def _report(self, fault: wire.Malformed) -> None:
        self._callbacks.malformed(fault.code)
        if self._error_limit.take(1, time.monotonic()):
            self._send_queue.put_message(wire.error_message(fault))
