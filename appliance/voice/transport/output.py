"""What leaves for the client: audio as it is due, messages at once.

Speech over an answer may be a cough. So the answer is held before it is known whether it was
interrupted: the client falls silent at once, what it had not played yet is kept here, and either
an interruption throws it away or it is played on from a little before where it stopped.
"""

import asyncio
import time
from collections import deque

from pipecat.clocks.base_clock import BaseClock
from pipecat.frames.frames import (
    BotSpeakingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from appliance.voice.transport.pacing import Playout, restart_from
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks

# Hides a stall of the event loop as long as this. After a barge-in it does not count, because
# the client drops what it has.
LEAD_SECONDS = 0.16
# What a client buffers beyond our reckoning, and as much speech as makes a word recognisable.
REWIND_SECONDS = (0.15, 0.5)


class AnswerClock(BaseClock):
    """The pipeline's clock, but for the time that an answer was held or played again.

    The words of an answer carry the times at which they are due. Held with their sound, they
    still count as heard exactly when they are.
    """

    def __init__(self, clock: BaseClock) -> None:
        self._clock = clock
        self._behind = 0
        self._stopped_at: int | None = None

    def get_time(self) -> int:
        now = self._clock.get_time() if self._stopped_at is None else self._stopped_at
        return now - self._behind

    def start(self) -> None:
        """The pipeline starts its own clock."""

    def stop(self) -> None:
        self._stopped_at = self._clock.get_time()

    def go_on(self, seconds_again: float) -> None:
        """Runs on, after which `seconds_again` of what was played already are played again."""
        if self._stopped_at is not None:
            self._behind += self._clock.get_time() - self._stopped_at
            self._behind += int(seconds_again * 1e9)
        self._stopped_at = None

    def catch_up(self) -> None:
        """The answer is over."""
        self._behind, self._stopped_at = 0, None


class SocketOutput(BaseOutputTransport):
    """Sends audio as it is due, messages at once."""

    def __init__(
        self,
        outbox: SendQueue,
        events: TransportCallbacks,
        params: TransportParams,
    ) -> None:
        super().__init__(params)
        self._outbox = outbox
        self._events = events
        self._playout = Playout(LEAD_SECONDS)
        self._interruptions = 0
        self._interrupting = False
        # What was sent lately, with the time at which the client begins to play it.
        self._sent: deque[tuple[float, bytes]] = deque()
        self._unheard: list[bytes] = []
        self._seconds_again = 0.0
        self._holds = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._resuming: asyncio.Task[None] | None = None
        self._answer_clock: AnswerClock | None = None

    def get_clock(self) -> AnswerClock:
        if self._answer_clock is None:
            self._answer_clock = AnswerClock(super().get_clock())
        return self._answer_clock

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def cleanup(self) -> None:
        self._let_go()
        await super().cleanup()

    @property
    def playing(self) -> bool:
        """Whether the client plays something now, or would if it were not held."""
        now = time.monotonic()
        return not self._flowing.is_set() or self._playout.playing_until(now) > now

    def hold(self) -> None:
        """Silences the client and keeps what it has not played. Twice is once."""
        if not self._flowing.is_set() and self._resuming is None:
            return
        again = self._stop_resuming()
        now = time.monotonic()
        chunks = [pcm for _, pcm in self._sent]
        played = sum(start <= now for start, _ in self._sent)
        back = restart_from(chunks[:played], self.sample_rate, *REWIND_SECONDS)
        self._unheard = chunks[played - back :] + again
        self._seconds_again = sum(map(self._seconds, chunks[played - back : played]))
        self._holds += 1
        self._sent.clear()
        self._flowing.clear()
        self._playout.flush()
        self._outbox.interrupt()
        self.get_clock().stop()

    def resume(self) -> None:
        """Plays on from a little before where it was held; no effect where it was not."""
        if not self._flowing.is_set() and self._resuming is None:
            self.get_clock().go_on(self._seconds_again)
            self._resuming = self.create_task(self._resume(), "resume")

    async def _resume(self) -> None:
        while self._unheard:
            await asyncio.sleep(self._delay(self._unheard[0]))
            self._put(self._unheard.pop(0))
        self._resuming = None
        self._flowing.set()

    def _stop_resuming(self) -> list[bytes]:
        """What was held before and has not been sent again."""
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        again, self._unheard = self._unheard, []
        return again

    def _let_go(self) -> None:
        """Forgets what is held."""
        self._stop_resuming()
        self._sent.clear()
        self._flowing.set()
        if self._answer_clock is not None:
            self._answer_clock.catch_up()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            # The client hears of it before Pipecat has told every processor.
            self._interruptions += 1
            self._interrupting = True
            self._playout.flush()
            self._outbox.interrupt()
            self._let_go()
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._interrupting = False

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, OutputAudioRawFrame | BotSpeakingFrame):
            return  # nobody behind this hears, and every hop of it costs
        at_rest = isinstance(frame, BotStartedSpeakingFrame | BotStoppedSpeakingFrame)
        if at_rest and self._flowing.is_set():
            self.get_clock().catch_up()
        await super().push_frame(frame, direction)

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        self._outbox.put_message(frame.message)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        interruptions, holds = self._interruptions, -1
        while holds != self._holds:
            await self._flowing.wait()
            holds = self._holds
            await asyncio.sleep(self._delay(frame.audio))
            if self._interrupting or interruptions != self._interruptions:
                # Pipecat lets the frame that is being written through; the client would play it.
                return False
        self._put(frame.audio)
        return True

    def _delay(self, pcm: bytes) -> float:
        return self._playout.delay(self._seconds(pcm), time.monotonic())

    def _put(self, pcm: bytes) -> None:
        now = time.monotonic()
        self._sent.append((self._playout.playing_until(now) - self._seconds(pcm), pcm))
        while self._sent[0][0] < now - REWIND_SECONDS[1]:
            self._sent.popleft()
        self._outbox.put_audio(pcm, self.sample_rate)
        self._events.audio_sent()

    def _seconds(self, pcm: bytes) -> float:
        return len(pcm) / 2 / self.sample_rate
