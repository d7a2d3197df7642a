"""Who is speaking, and are they done: Silero VAD and smart-turn, loaded once, used by all.

Pipecat's own analyzers load a model per session (20 MB and a 95 ms stall of the event loop
each) and hop to a thread per audio packet. Here the ONNX sessions are shared; what belongs to
one speaker (recurrent state, buffered audio) stays with the session. Silero takes 0.1 ms per
32 ms window, so it runs inline; smart-turn takes 30 ms and more, so it runs on a thread (see
`judging`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

from appliance.voice.judging import SAMPLE_RATE, EndOfTurn, Judging
from appliance.voice.quiet import Quiet

WINDOW = 512
CONTEXT = 64
# Non-speech shifts Silero's recurrent state so that it hears the next speech late; Pipecat
# resets it every two seconds of clear non-speech, and so does this.
RESET_SAMPLES = 2 * SAMPLE_RATE
RESET_BELOW = 0.1
RESET_WINDOWS = 5
WINDOW_MS = 32


@dataclass(frozen=True, slots=True)
class Pauses:
    """Told of every pause in speech long before it is long enough to end a turn.

    `lasting` is called again and again with the milliseconds of silence so far, `over` when
    speech goes on.
    """

    lasting: Callable[[float], None]
    over: Callable[[], None]


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
        self._quiet = Quiet(SAMPLE_RATE)
        self._lasted = 0.0
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)
        self._since_reset = 0
        self._low_windows = 0
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        # The end of the window before, and this one.
        self._window = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
        self._voiced = False
        self.set_sample_rate(SAMPLE_RATE)

    def num_frames_required(self) -> int:
        return WINDOW

    def voice_confidence(self, buffer: bytes) -> float:
        pcm = np.frombuffer(buffer, np.int16)
        if self._vad_state == VADState.QUIET and not pcm.any():
            return self._nothing()
        window = self._window
        window[0, :CONTEXT] = window[0, WINDOW:]
        np.multiply(pcm, 1 / 32768, out=window[0, CONTEXT:], dtype=np.float32)
        output, self._state = self._session.run(
            None, {"input": window, "state": self._state, "sr": self._rate}
        )
        confidence = float(output[0, 0])
        self._voiced = confidence >= self.params.confidence
        self._maybe_reset_model(confidence)
        return confidence

    def _nothing(self) -> float:
        """A muted microphone, or a browser that suppresses noise, sends digital silence: what is
        certain needs no model, and whatever follows begins from a fresh one."""
        if self._since_reset:
            self._reset_model()
        self._voiced = False
        return 0.0

    def _get_smoothed_volume(self, audio: bytes) -> float:
        # Only of what may be a voice: measuring loudness costs more than Silero does.
        if not self._voiced:
            self._volume_tracker.update(audio, self.sample_rate)
            return 0.0
        # Out of silence Pipecat's smoothing takes 150 ms to climb, in which nobody can interrupt.
        # Going up, the loudness of the last 400 ms is smooth enough.
        smoothed = super()._get_smoothed_volume(audio)
        return max(smoothed, self._volume_tracker.volume)

    async def analyze_audio(self, buffer: bytes) -> VADState:
        state = self._run_analyzer(buffer)
        if self._pauses is not None:
            self._note_pause(self._pauses, buffer, state)
        return state

    def _note_pause(self, pauses: Pauses, buffer: bytes, state: VADState) -> None:
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
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._window[:] = 0
        self._since_reset = 0


@dataclass(frozen=True, slots=True)
class Hearing:
    """The two models, in memory once."""

    vad_session: Any
    judging: Judging

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
        if smart_turn._session.get_providers() != ["CPUExecutionProvider"]:
            # With ONNX Runtime's GPU build it would take turns with the engines there.
            smart_turn._session.set_providers(["CPUExecutionProvider"])
        hearing = cls(session, Judging(smart_turn._predict_endpoint))
        hearing.vad(VADParams()).voice_confidence(b"\1" * 2 * WINDOW)
        smart_turn._predict_endpoint(np.zeros(SAMPLE_RATE, np.float32))
        return hearing

    def vad(self, params: VADParams, pauses: Pauses | None = None) -> Vad:
        return Vad(self.vad_session, params, pauses)

    def end_of_turn(self, params: SmartTurnParams) -> EndOfTurn:
        return EndOfTurn(self.judging, params)

    def close(self) -> None:
        self.judging.close()
