"""Who is speaking, and are they done: Silero VAD and smart-turn, loaded once, used by all.

Pipecat's own analyzers load a model per session (20 MB and a 95 ms stall of the event loop
each) and hop to a thread per audio packet. Here the ONNX sessions are shared; what belongs to
one speaker (recurrent state, buffered audio) stays with the session. Silero takes 0.1 ms per
32 ms window, so it runs inline; smart-turn takes 30 ms once per pause, so it runs on a thread.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

SAMPLE_RATE = 16_000
WINDOW = 512
CONTEXT = 64
# Non-speech shifts Silero's recurrent state so that it hears the next speech late; Pipecat
# resets it every two seconds of clear non-speech, and so does this.
RESET_SAMPLES = 2 * SAMPLE_RATE
RESET_BELOW = 0.1
RESET_WINDOWS = 5
# Two windows without speech are a pause: sooner would be the closure of a "t" or a "k".
PAUSE_WINDOWS = 2
# Smart-turn looks at eight seconds; more of an endless utterance need not be kept.
KEPT_CHUNKS = 20 * 50

Predict = Callable[[np.ndarray], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Pauses:
    """Told of every pause in speech long before it is long enough to end a turn."""

    begin: Callable[[], None]
    end: Callable[[], None]


class Vad(VADAnalyzer):
    """One speaker's voice activity, on the shared Silero session, without a thread hop."""

    def __init__(
        self,
        session: Any,  # noqa: ANN401  onnxruntime has no types
        params: VADParams,
        pauses: Pauses | None,
    ) -> None:
        super().__init__(sample_rate=SAMPLE_RATE, params=params)
        self._session = session
        self._pauses = pauses
        self._pausing = False
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)
        self._since_reset = 0
        self._low_windows = 0
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros((1, CONTEXT), dtype=np.float32)
        self.set_sample_rate(SAMPLE_RATE)

    def num_frames_required(self) -> int:
        return WINDOW

    def voice_confidence(self, buffer: bytes) -> float:
        samples = np.frombuffer(buffer, np.int16).astype(np.float32) / 32768.0
        window = np.concatenate((self._context, samples[np.newaxis]), axis=1)
        output, self._state = self._session.run(
            None, {"input": window, "state": self._state, "sr": self._rate}
        )
        self._context = window[:, -CONTEXT:]
        confidence = float(output[0, 0])
        self._maybe_reset_model(confidence)
        return confidence

    def _get_smoothed_volume(self, audio: bytes) -> float:
        # Out of the digital silence that a browser's noise suppression leaves, Pipecat's
        # smoothing takes 150 ms to climb, in which nobody can interrupt. Going up, the loudness
        # of the last 400 ms is smooth enough.
        smoothed = super()._get_smoothed_volume(audio)
        return max(smoothed, self._volume_tracker.volume)

    async def analyze_audio(self, buffer: bytes) -> VADState:
        state = self._run_analyzer(buffer)
        if self._pauses is not None:
            self._note_pause(self._pauses, state)
        return state

    def _note_pause(self, pauses: Pauses, state: VADState) -> None:
        pausing = state == VADState.STOPPING and self._vad_stopping_count >= PAUSE_WINDOWS
        if pausing and not self._pausing:
            pauses.begin()
        elif self._pausing and state == VADState.SPEAKING:
            pauses.end()
        self._pausing = pausing

    def _maybe_reset_model(self, confidence: float) -> None:
        self._since_reset += 1
        self._low_windows = self._low_windows + 1 if confidence < RESET_BELOW else 0
        due = self._since_reset * WINDOW >= RESET_SAMPLES
        quiet = self._vad_state == VADState.QUIET and self._low_windows >= RESET_WINDOWS
        if due and quiet:
            self._reset_model()

    def _reset_model(self) -> None:
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros((1, CONTEXT), dtype=np.float32)
        self._since_reset = 0


class EndOfTurn(BaseSmartTurn):
    """One speaker's end of turn, on the shared smart-turn session and thread."""

    def __init__(
        self, predict: Predict, thread: ThreadPoolExecutor, params: SmartTurnParams
    ) -> None:
        super().__init__(sample_rate=SAMPLE_RATE, params=params)
        self._predict = predict
        self._shared_thread = thread
        self._ahead: asyncio.Future[tuple[EndOfTurnState, Any]] | None = None

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return self._shared_thread

    def look_ahead(self) -> None:
        """Begins to judge what was heard so far; the verdict is `glance`'s to tell."""
        if self._ahead is not None:
            self._ahead.cancel()  # if it still waits, behind other speakers, it is out of date
        loop = asyncio.get_running_loop()
        heard = list(self._audio_buffer)
        self._ahead = loop.run_in_executor(self._shared_thread, self._process_speech_segment, heard)

    async def glance(self) -> EndOfTurnState:
        """Whether the turn looked complete at the latest pause. Changes nothing."""
        ahead = self._ahead
        if ahead is None:
            return EndOfTurnState.INCOMPLETE
        await asyncio.wait({ahead})
        if ahead.cancelled():
            return EndOfTurnState.INCOMPLETE
        state, _ = ahead.result()
        return state

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        state = super().append_audio(buffer, is_speech)
        if len(self._audio_buffer) > KEPT_CHUNKS:
            del self._audio_buffer[: -KEPT_CHUNKS // 2]
        return state

    def _predict_endpoint(self, audio_array: np.ndarray) -> dict[str, Any]:
        return self._predict(audio_array)


@dataclass(frozen=True, slots=True)
class Hearing:
    """The two models, in memory once."""

    vad_session: Any
    predict: Predict
    thread: ThreadPoolExecutor

    @classmethod
    def load(cls) -> "Hearing":
        """Loads and warms both models, which ship inside Pipecat. Blocks: not for the loop."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        # Hundreds of idle milliseconds of spinning per call would cost the engines a core.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = resources.files("pipecat.audio.vad.data") / "silero_vad.onnx"
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        smart_turn = LocalSmartTurnAnalyzerV3(cpu_count=1)
        smart_turn.set_sample_rate(SAMPLE_RATE)
        hearing = cls(session, smart_turn._predict_endpoint, ThreadPoolExecutor(1, "smart-turn"))
        hearing.vad(VADParams()).voice_confidence(bytes(2 * WINDOW))
        hearing.predict(np.zeros(SAMPLE_RATE, np.float32))
        return hearing

    def vad(self, params: VADParams, pauses: Pauses | None = None) -> Vad:
        return Vad(self.vad_session, params, pauses)

    def end_of_turn(self, params: SmartTurnParams) -> EndOfTurn:
        return EndOfTurn(self.predict, self.thread, params)

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
