"""The output side of a session's transport: sends audio when it is due, and messages at once.

Speech over an answer may be a back-channel or a cough. So the answer is held until barge-in
detection has decided: the client falls silent at once, the audio that it has not played is kept
here, and then either an interruption discards it or it is played on from a little before the
place where it was held.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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

from appliance.voice.frames import PlaybackMarkerFrame
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks

# Hides a stall of the event loop of this length. It does not delay the silence after a barge-in,
# because the client drops what it has buffered.
LEAD_SECONDS = 0.16
# Least: what a client buffers beyond our reckoning. Most: the speech that makes a word
# recognisable.
REWIND_SECONDS = (0.15, 0.5)


class AnswerClock(BaseClock):
    """The pipeline's clock without the time for which an answer was held or played again.

    The words of an answer carry the times at which they are due. With this clock they still
    count as heard when they are heard, although their audio was held.
    """

    def __init__(self, clock: BaseClock) -> None:
        self._clock = clock
        self._behind = 0
        self._stopped_at: int | None = None

    def get_time(self) -> int:
        now = self._clock.get_time() if self._stopped_at is None else self._stopped_at
        return now - self._behind

    def start(self) -> None:
        """No effect: the pipeline starts its own clock."""

    def stop(self) -> None:
        self._stopped_at = self._clock.get_time()

    def resume(self, replayed_seconds: float) -> None:
        """Runs on; `replayed_seconds` of audio that was played before are played again first."""
        if self._stopped_at is not None:
            self._behind += self._clock.get_time() - self._stopped_at
            self._behind += int(replayed_seconds * 1e9)
        self._stopped_at = None

    def reset(self) -> None:
        """Shows the pipeline's time again: the answer is over."""
        self._behind, self._stopped_at = 0, None


class SocketOutput(BaseOutputTransport):
    """Paces audio towards one client, and holds, resumes or discards it around a barge-in."""

    def __init__(
        self,
        send_queue: SendQueue,
        callbacks: TransportCallbacks,
        params: TransportParams,
    ) -> None:
        super().__init__(params)
        self._send_queue = send_queue
        self._callbacks = callbacks
        self._playout = Playout(LEAD_SECONDS)
        self._interruptions = 0
        self._interrupting = False
        self._in_answer = False
        # The chunks sent lately, each with the time at which the client begins to play it.
        self._sent: deque[tuple[float, bytes]] = deque()
        self._held: list[bytes] = []
        self._replayed_seconds = 0.0
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
        self._discard_held()
        await super().cleanup()

    @property
    def playing(self) -> bool:
        """Whether the client plays audio now, or would if it were not held."""
        now = time.monotonic()
        return not self._flowing.is_set() or self._playout.playing_until(now) > now

    def hold(self) -> None:
        """Silences the client and keeps what it has not played; no effect while it is held."""
        if not self._flowing.is_set() and self._resuming is None:
            return
        unsent = self._stop_resuming()
        now = time.monotonic()
        chunks = [pcm for _, pcm in self._sent]
        played = sum(start <= now for start, _ in self._sent)
        back = chunks_to_replay(chunks[:played], self.sample_rate, *REWIND_SECONDS)
        self._held = chunks[played - back :] + unsent
        self._replayed_seconds = sum(map(self._seconds, chunks[played - back : played]))
        self._holds += 1
        self._sent.clear()
        self._flowing.clear()
        self._playout.flush()
        self._send_queue.interrupt()
        self.get_clock().stop()

    def resume(self) -> None:
        """Plays on from a little before the place of the hold; no effect where nothing is held."""
        if not self._flowing.is_set() and self._resuming is None:
            self.get_clock().resume(self._replayed_seconds)
            self._resuming = self.create_task(self._send_held(), "resume")

    async def _send_held(self) -> None:
        while self._held:
            await asyncio.sleep(self._delay(self._held[0]))
            self._send(self._held.pop(0))
        self._resuming = None
        self._flowing.set()

    def _stop_resuming(self) -> list[bytes]:
        """The chunks of an earlier hold that have not been sent again."""
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        unsent, self._held = self._held, []
        return unsent

    def _discard_held(self) -> None:
        self._stop_resuming()
        self._sent.clear()
        self._flowing.set()
        if self._answer_clock is not None:
            self._answer_clock.reset()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            # The client falls silent before Pipecat has passed the frame to every processor.
            self._interruptions += 1
            self._interrupting = True
            self._playout.flush()
            self._send_queue.interrupt()
            self._discard_held()
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._interrupting = False

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, OutputAudioRawFrame | BotSpeakingFrame):
            return  # no processor behind this one uses them, and each hop costs
        at_rest = isinstance(frame, BotStartedSpeakingFrame | BotStoppedSpeakingFrame)
        self._in_answer = self._in_answer and not isinstance(frame, BotStoppedSpeakingFrame)
        if at_rest and self._flowing.is_set():
            self.get_clock().reset()
        await super().push_frame(frame, direction)

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        self._send_queue.put_message(frame.message)

    async def write_transport_frame(self, frame: Frame) -> None:
        if not isinstance(frame, PlaybackMarkerFrame):
            return
        interruptions = self._interruptions
        while self.playing:
            await self._flowing.wait()
            now = time.monotonic()
            await asyncio.sleep(max(0.0, self._playout.playing_until(now) - now))
        if interruptions == self._interruptions:
            frame.on_played()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        interruptions, holds = self._interruptions, -1
        while holds != self._holds:
            await self._flowing.wait()
            holds = self._holds
            await asyncio.sleep(self._delay(frame.audio))
            if self._interrupting or interruptions != self._interruptions:
                # Pipecat finishes the frame that is being written; the client would play it.
                return False
        self._send(frame.audio)
        return True

    def _delay(self, pcm: bytes) -> float:
        return self._playout.delay(self._seconds(pcm), time.monotonic())

    def _send(self, pcm: bytes) -> None:
        now = time.monotonic()
        begins = self._playout.playing_until(now) - self._seconds(pcm)
        self._sent.append((begins, pcm))
        while self._sent[0][0] < now - REWIND_SECONDS[1]:
            self._sent.popleft()
        self._send_queue.put_audio(pcm, self.sample_rate)
        self._callbacks.played(pcm, begins)
        self._callbacks.audio_sent(self._playout.underrun if self._in_answer else 0.0)
        self._in_answer = True

    def _seconds(self, pcm: bytes) -> float:
        return len(pcm) / 2 / self.sample_rate


@dataclass(slots=True)
class Playout:
    """When the next chunk of audio is due at a client that plays in real time.

    The sender runs `lead` seconds ahead of playback: enough to hide a stall of the event loop,
    little enough that silence after a barge-in does not depend on the client alone. `underrun` is
    for how many seconds the client has nothing to play before the chunk booked last.
    """

    lead: float
    underrun: float = 0.0
    _end: float = 0.0

    def delay(self, duration: float, now: float) -> float:
        """Seconds to wait before `duration` seconds of audio are sent; books them as sent."""
        self.underrun = max(0.0, now - self._end) if self._end else 0.0
        start = max(self._end, now)
        self._end = start + duration
        return max(0.0, start - self.lead - now)

    def playing_until(self, now: float) -> float:
        """When all that was sent will have been played."""
        return max(self._end, now)

    def flush(self) -> None:
        """Forgets what was sent: the client dropped it."""
        self._end = 0.0


def chunks_to_replay(chunks: Sequence[bytes], rate: int, least: float, most: float) -> int:
    """How many of the chunks played last are played again after a false interruption.

    They last at least `least` and at most `most` seconds, and begin with the quietest chunk
    between the two, where one word ends and the next begins. All are replayed where they are
    shorter than `least`. Chunks are 16-bit mono PCM at `rate`.
    """
    seconds, quietest, chosen = 0.0, math.inf, len(chunks)
    for back, chunk in enumerate(reversed(chunks), start=1):
        seconds += len(chunk) / 2 / rate
        if seconds > most:
            break
        loudness = float(np.abs(np.frombuffer(chunk, np.int16).astype(np.int32)).sum())
        if seconds >= least and loudness < quietest:
            quietest, chosen = loudness, back
    return chosen
