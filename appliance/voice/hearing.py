"""Who is speaking, and are they done: Silero VAD and smart-turn, loaded once, used by all.

Pipecat's own analyzers load a model per session (20 MB and a 95 ms stall of the event loop
each) and hop to a thread per audio packet. Here the ONNX sessions are shared; what belongs to
one speaker (recurrent state, buffered audio) stays with the session. Silero takes 0.1 ms per
32 ms window, so it runs inline; smart-turn takes 30 ms once per pause, so it runs on a thread.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

from appliance.voice.quiet import Quiet

SAMPLE_RATE = 16_000
WINDOW = 512
CONTEXT = 64
# Non-speech shifts Silero's recurrent state so that it hears the next speech late; Pipecat
# resets it every two seconds of clear non-speech, and so does this.
RESET_SAMPLES = 2 * SAMPLE_RATE
RESET_BELOW = 0.1
RESET_WINDOWS = 5
# How much silence, in milliseconds, smart-turn judges ahead of the end of speech: the first look
# lets an answer begin, the second is near enough to the end to be the verdict itself.
LOOKS_MS = (60, 150)
# An answer is begun, to be withdrawn where the speaker goes on, on less than the certainty that
# ends a turn (0.5): a question for nothing costs less than everybody's waiting for the answer.
LIKELY = 0.1
# Speakers whose pauses wait to be judged; the end of their speech matters more than a look ahead.
MOST_WAITING = 2
# What a verdict is worth waiting for. Where so many speak at once that it takes longer, silence
# alone ends a turn.
JUDGING_SECONDS = 0.3
WINDOW_MS = 32
# How long it stays silent after an unfinished sentence before it is judged again. Silence
# itself is a sign of the end, and one more look costs 30 ms of one thread.
LOOKS_LATER_MS = (300, 600, 900)
# Smart-turn looks at eight seconds; more of an endless utterance need not be kept.
KEPT_CHUNKS = 20 * 50

Predict = Callable[[np.ndarray], dict[str, Any]]


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
        self._context = np.zeros((1, CONTEXT), dtype=np.float32)
        self._since_reset = 0


class EndOfTurn(BaseSmartTurn):
    """One speaker's end of turn, on the shared smart-turn session and thread."""

    def __init__(
        self,
        predict: Predict,
        thread: ThreadPoolExecutor,
        params: SmartTurnParams,
        waiting: "set[asyncio.Future[Any]] | None" = None,
    ) -> None:
        super().__init__(sample_rate=SAMPLE_RATE, params=params)
        self._predict = predict
        self._shared_thread = thread
        self._waiting = set() if waiting is None else waiting
        self._ahead: asyncio.Future[tuple[EndOfTurnState, Any]] | None = None

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return self._shared_thread

    def look_ahead(self) -> None:
        """Begins to judge what was heard so far, unless too many wait to be judged, or the last
        look is not over or was enough; the verdict is `likely`'s to tell."""
        if self._ahead is not None and (not self._ahead.done() or self._is_complete(self._ahead)):
            return
        self.look_away()
        if len(self._waiting) >= MOST_WAITING:
            return
        loop = asyncio.get_running_loop()
        heard = list(self._audio_buffer)
        ahead = loop.run_in_executor(self._shared_thread, self._process_speech_segment, heard)
        self._waiting.add(ahead)
        ahead.add_done_callback(self._waiting.discard)
        self._ahead = ahead

    def look_away(self) -> None:
        """The speaker went on: what was judged is out of date."""
        if self._ahead is not None:
            self._ahead.cancel()  # where it still waits behind other speakers
            self._waiting.discard(self._ahead)
            self._ahead = None

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, Any]:
        """The verdict of the look ahead where that was "complete"; else another look. Complete,
        too, where no verdict can be had in time."""
        try:
            async with asyncio.timeout(JUDGING_SECONDS):
                if (ahead := self._ahead) is not None:
                    await asyncio.wait({ahead})
                    if self._is_complete(ahead):
                        self._clear(EndOfTurnState.COMPLETE)
                        return ahead.result()
                return await super().analyze_end_of_turn()
        except TimeoutError:
            self._clear(EndOfTurnState.COMPLETE)
            return EndOfTurnState.COMPLETE, None

    @staticmethod
    def _is_complete(ahead: "asyncio.Future[tuple[EndOfTurnState, Any]]") -> bool:
        return not ahead.cancelled() and ahead.result()[0] is EndOfTurnState.COMPLETE

    @property
    def likely(self) -> bool | None:
        """Whether the turn looked likely to be complete; None while that is not known."""
        ahead = self._ahead
        if ahead is None or not ahead.done() or ahead.cancelled():
            return None
        judged = ahead.result()[1]
        return judged is not None and bool(judged.probability >= LIKELY)

    async def judged(self) -> None:
        """Until the look ahead that is under way is over."""
        if self._ahead is not None:
            await asyncio.wait({self._ahead})

    @property
    def silence_ms(self) -> float:
        """How long it has been silent since the end of speech was noticed."""
        return float(self._silence_ms)

    def _clear(self, turn_state: EndOfTurnState) -> None:
        super()._clear(turn_state)
        self.look_away()

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
    waiting: set[asyncio.Future[Any]] = field(default_factory=set)

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
        hearing = cls(session, smart_turn._predict_endpoint, ThreadPoolExecutor(1, "smart-turn"))
        hearing.vad(VADParams()).voice_confidence(bytes(2 * WINDOW))
        hearing.predict(np.zeros(SAMPLE_RATE, np.float32))
        return hearing

    def vad(self, params: VADParams, pauses: Pauses | None = None) -> Vad:
        return Vad(self.vad_session, params, pauses)

    def end_of_turn(self, params: SmartTurnParams) -> EndOfTurn:
        return EndOfTurn(self.predict, self.thread, params, self.waiting)

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
