"""The models of turn taking, Silero VAD and smart-turn: loaded once and shared by all sessions.

Pipecat's own analyzers load a model per session (20 MB and a 95 ms stall of the event loop each)
and hop to a thread per audio packet. Here the ONNX sessions are shared; what belongs to one
speaker (recurrent state, buffered audio) stays with the session. Silero takes 0.1 to 0.3 ms for a
window of 32 ms, so it runs on the event loop; smart-turn takes 30 ms and more, so it has a thread.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADParams

from appliance.voice.turns.silero import CONTEXT, STATE, WINDOW, SileroModel
from appliance.voice.turns.smart_turn import (
    SmartTurnAnalyzer,
    SmartTurnModel,
    VerdictListener,
    predictor,
)
from appliance.voice.turns.vad import PauseListener, SileroVAD


@dataclass(frozen=True, slots=True)
class TurnModels:
    """Both models; makes the analyzers of each session."""

    silero: SileroModel
    smart_turn: SmartTurnModel

    @classmethod
    def load(cls) -> "TurnModels":
        """Loads and warms both models, which ship inside Pipecat. Blocks: not for the loop."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        # Hundreds of idle milliseconds of spinning per call would cost the engines a core.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")

        def session(package: str, name: str) -> Any:  # noqa: ANN401  onnxruntime has no types
            # On the processor: a GPU is left to the engines.
            path = str(resources.files(package) / name)
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        silero = SileroModel(session("pipecat.audio.vad.data", "silero_vad.onnx"))
        smart_turn = session("pipecat.audio.turn.smart_turn.data", "smart-turn-v3.2-cpu.onnx")
        silence = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
        silero.predict_now(silence, np.zeros(STATE, dtype=np.float32))
        predict = predictor(smart_turn)
        predict(silence[0])
        return cls(silero, SmartTurnModel(predict))

    def vad(self, params: VADParams, pauses: PauseListener | None = None) -> SileroVAD:
        return SileroVAD(self.silero, params, pauses)

    def turn_analyzer(
        self, params: SmartTurnParams, listener: VerdictListener | None = None
    ) -> SmartTurnAnalyzer:
        return SmartTurnAnalyzer(self.smart_turn, params, listener)

    def close(self) -> None:
        self.smart_turn.close()
