"""Voice activity of one speaker, on the Silero model that all speakers share."""

from typing import Protocol

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

from appliance.audio.format import INPUT_RATE
from appliance.audio.silence import SilenceDetector
from appliance.config.schema import TurnConfig
from appliance.voice.turns.silero import CONTEXT, STATE, WINDOW, WINDOW_SECONDS, SileroModel

# Non-speech shifts Silero's recurrent state so that it hears the next speech late; Pipecat
# resets it every two seconds of clear non-speech, and so does this.
RESET_SAMPLES = 2 * INPUT_RATE
RESET_BELOW = 0.1
RESET_WINDOWS = 5
WINDOW_MS = 1000 * WINDOW_SECONDS
# How many windows of speech share one measurement of their loudness.
MEASURED_WINDOWS = 4


class PauseListener(Protocol):
    """Is called for every pause in speech long before it is long enough to end a turn."""

    def pause_lasted(self, milliseconds: float) -> None:
        """Called again and again while a pause lasts, with the silence so far."""

    def speech_resumed(self) -> None:
        """Called when speech goes on after it."""


def vad_params(config: TurnConfig) -> VADParams:
    """When speech begins and ends, as configured."""
    return VADParams(
        confidence=config.confidence,
        start_secs=config.start_seconds,
        stop_secs=config.stop_seconds,
        min_volume=config.min_volume,
    )


class SileroVAD(VADAnalyzer):
    """Pipecat's analyzer without a thread hop per packet, which reports pauses early."""

    def __init__(self, model: SileroModel, params: VADParams, pauses: PauseListener | None) -> None:
        super().__init__(sample_rate=INPUT_RATE, params=params)
        self._model = model
        self._pauses = pauses
        self._silence = SilenceDetector(INPUT_RATE)
        self._pause_ms = 0.0
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
        """The state after any number of samples; they are judged in windows of 32 ms."""
        # A pause may end within a burst: told of its end alone, nobody would learn that the
        # speaker went on in between.
        is_burst = len(buffer) > 2 * WINDOW
        rest = buffer
        while rest:
            missing = 2 * WINDOW - len(self._vad_buffer)
            piece, rest = rest[:missing], rest[missing:]
            if len(piece) == missing:
                self._confidence = await self._predict(self._vad_buffer + piece)
            self._run_analyzer(piece)
            if self._pauses is not None and is_burst:
                self._track_pause(self._pauses, piece, self._vad_state)
        if self._pauses is not None and not is_burst:
            self._track_pause(self._pauses, buffer, self._vad_state)
        return self._vad_state

    def voice_confidence(self, buffer: bytes) -> float:
        """The probability of a voice in the window that `analyze_audio` has just judged."""
        return self._confidence

    async def _predict(self, pcm: bytes) -> float:
        samples = np.frombuffer(pcm, np.int16)
        if self._vad_state == VADState.QUIET and not samples.any():
            # A muted microphone, or a browser that suppresses noise, sends digital silence: that
            # needs no model, and whatever follows begins from a fresh state.
            if self._since_reset:
                self._reset_model()
            return 0.0
        window = self._window
        window[0, :CONTEXT] = window[0, WINDOW:]
        np.multiply(samples, 1 / 32768, out=window[0, CONTEXT:], dtype=np.float32)
        confidence, self._state = await self._model.predict(window, self._state)
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

    def _track_pause(self, pauses: PauseListener, buffer: bytes, state: VADState) -> None:
        stopping = self._vad_stopping_count * WINDOW_MS if state == VADState.STOPPING else 0
        speaking = state in (VADState.SPEAKING, VADState.STOPPING)
        pause_ms = max(stopping, self._silence.hear(buffer, speaking=speaking))
        if pause_ms < self._pause_ms and state == VADState.SPEAKING:
            pauses.speech_resumed()
            self._pause_ms = 0.0
        if pause_ms > self._pause_ms:
            pauses.pause_lasted(pause_ms)
        self._pause_ms = pause_ms

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
