"""Who is speaking, and are they done: Silero VAD and smart-turn, loaded once, used by all.

Pipecat's own analyzers load a model per session (20 MB and a 95 ms stall of the event loop
each) and hop to a thread per audio packet. Here the ONNX sessions are shared; what belongs to
one speaker (recurrent state, buffered audio) stays with the session. Silero takes 0.1 to 0.3 ms
a window of 32 ms, so it runs inline (see `silero`); smart-turn takes 30 ms and more, so it runs
on a thread (see `judging`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

from appliance.audio.format import INPUT_RATE
from appliance.audio.silence import SilenceDetector
from appliance.voice.turns.silero import CONTEXT, STATE, WINDOW, WINDOW_SECONDS, Silero

# Non-speech shifts Silero's recurrent state so that it hears the next speech late; Pipecat
# resets it every two seconds of clear non-speech, and so does this.
RESET_SAMPLES = 2 * INPUT_RATE
RESET_BELOW = 0.1
RESET_WINDOWS = 5
WINDOW_MS = 1000 * WINDOW_SECONDS
# How many windows of speech share one measure of their loudness.
MEASURED_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class PauseTracker:
    """Told of every pause in speech long before it is long enough to end a turn.

    `lasting` is called again and again with the milliseconds of silence so far, `over` when
    speech goes on.
    """

    lasting: Callable[[float], None]
    over: Callable[[], None]


class Vad(VADAnalyzer):
    """One speaker's voice activity, on the shared Silero session, without a thread hop."""

    def __init__(self, silero: Silero, params: VADParams, pauses: PauseTracker | None) -> None:
        super().__init__(sample_rate=INPUT_RATE, params=params)
        self._silero = silero
        self._pauses = pauses
        self._quiet = SilenceDetector(INPUT_RATE)
        self._lasted = 0.0
        self._confidence = self._loudness = 0.0
        self._measured_ago = MEASURED_WINDOWS
        self._since_reset = 0
        self._low_windows = 0
        self._state = np.zeros(STATE, dtype=np.float32)
        # The end of the window before, and this one.
        self._window = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
        self.set_sample_rate(INPUT_RATE)

    def num_frames_required(self) -> int:
        return WINDOW

    async def analyze_audio(self, buffer: bytes) -> VADState:
        rest = buffer
        while rest:
            missing = 2 * WINDOW - len(self._vad_buffer)
            piece, rest = rest[:missing], rest[missing:]
            if len(piece) == missing:
                self._confidence = await self._judge(self._vad_buffer + piece)
            self._run_analyzer(piece)
        if self._pauses is not None:
            self._note_pause(self._pauses, buffer, self._vad_state)
        return self._vad_state

    def voice_confidence(self, buffer: bytes) -> float:
        """Of the window that was judged for it."""
        return self._confidence

    async def _judge(self, pcm: bytes) -> float:
        samples = np.frombuffer(pcm, np.int16)
        if self._vad_state == VADState.QUIET and not samples.any():
            # A muted microphone, or a browser that suppresses noise, sends digital silence: what
            # is certain needs no model, and whatever follows begins from a fresh one.
            if self._since_reset:
                self._reset_model()
            return 0.0
        window = self._window
        window[0, :CONTEXT] = window[0, WINDOW:]
        np.multiply(samples, 1 / 32768, out=window[0, CONTEXT:], dtype=np.float32)
        confidence, self._state = await self._silero.judge(window, self._state)
        self._maybe_reset_model(confidence)
        return confidence

    def _get_smoothed_volume(self, audio: bytes) -> float:
        # Of the last 400 ms, which is smooth enough: out of digital silence Pipecat's smoothing
        # takes 150 ms to climb, in which nobody can interrupt. And only of what may be a voice,
        # because measuring it costs nearly as much as Silero does.
        self._volume_tracker.update(audio, self.sample_rate)
        if self._confidence < self.params.confidence:
            return 0.0
        self._measured_ago += 1
        if self._vad_state != VADState.SPEAKING or self._measured_ago >= MEASURED_WINDOWS:
            self._loudness, self._measured_ago = self._volume_tracker.volume, 0
        return self._loudness

    def _note_pause(self, pauses: PauseTracker, buffer: bytes, state: VADState) -> None:
        stopping = self._vad_stopping_count * WINDOW_MS if state == VADState.STOPPING else 0
        speaking = state in (VADState.SPEAKING, VADState.STOPPING)
        lasted = max(stopping, self._quiet.hear(buffer, speaking=speaking))
        if lasted < self._lasted and state == VADState.SPEAKING:
            pauses.over()
            self._lasted = 0.0
        if lasted > self._lasted:
            pauses.lasting(lasted)
        self._lasted = lasted

    def _maybe_reset_model(self, confidence: float) -> None:
        self._since_reset += 1
        self._low_windows = self._low_windows + 1 if confidence < RESET_BELOW else 0
        due = self._since_reset * WINDOW >= RESET_SAMPLES
        quiet = self._vad_state == VADState.QUIET and self._low_windows >= RESET_WINDOWS
        if due and quiet:
            self._reset_model()

    def _reset_model(self) -> None:
        self._state = np.zeros(STATE, dtype=np.float32)
        self._window[:] = 0
        self._since_reset = 0
