"""Silero's model, in memory once, asked by all speakers; in a crowd, for several at once.

Its weights are most of what a question costs, so eight windows together take the time of two or
three. Who speaks alone is answered at once.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.audio.format import INPUT_RATE
from appliance.voice.turns.smart_turn import Utilisation

WINDOW = 512
WINDOW_SECONDS = WINDOW / INPUT_RATE
CONTEXT = 64
STATE = (2, 1, 128)
# From so many voices at once on, a window waits for those of others, and how long it does.
CROWD = 4.0
GATHER_SECONDS = 0.012

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Question:
    window: Array
    state: Array
    answer: "asyncio.Future[tuple[float, Array]]"


class Silero:
    """`session` is the ONNX session."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  onnxruntime has no types
        self._session = session
        self._rate = np.array(INPUT_RATE, dtype=np.int64)
        self._voices = Utilisation()
        self._waiting: list[_Question] = []

    def crowded(self) -> bool:
        """Whether many speak at once."""
        return self._voices.share(time.monotonic()) >= CROWD

    async def judge(self, window: Array, state: Array) -> tuple[float, Array]:
        """How sure it is of a voice, 0 to 1, in 1 x (CONTEXT + WINDOW) samples, and the speaker's
        next state; `state` is STATE in shape, zeros in the beginning."""
        loop = asyncio.get_running_loop()
        self._voices.worked(WINDOW_SECONDS, time.monotonic())
        if not self.crowded():
            return self.judge_now(window, state)
        question = _Question(window, state, loop.create_future())
        if not self._waiting:
            loop.call_later(GATHER_SECONDS, self._answer)
        self._waiting.append(question)
        return await question.answer

    def judge_now(self, window: Array, state: Array) -> tuple[float, Array]:
        """The same, without the others."""
        confidence, state = self._run(window, state)
        return float(confidence[0, 0]), state

    def _run(self, windows: Array, states: Array) -> tuple[Array, Array]:
        answer: tuple[Array, Array] = self._session.run(
            None, {"input": windows, "state": states, "sr": self._rate}
        )
        return answer

    def _answer(self) -> None:
        questions = [question for question in self._waiting if not question.answer.done()]
        self._waiting = []
        if not questions:
            return
        try:
            confidences, states = self._run(
                np.concatenate([question.window for question in questions]),
                np.concatenate([question.state for question in questions], axis=1),
            )
        except Exception as error:  # noqa: BLE001  for those who wait
            for question in questions:
                question.answer.set_exception(error)
            return
        for number, question in enumerate(questions):
            state = np.ascontiguousarray(states[:, number : number + 1])
            question.answer.set_result((float(confidences[number, 0]), state))
