"""Silero's VAD model, in memory once for all speakers; in a crowd it takes several at a time.

The weights are most of what a call costs, so eight windows together take the time of two or three.
A speaker without others is answered at once.
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
# From so many simultaneous speakers on, a window waits for those of others, and for how long.
CROWD = 4.0
BATCH_SECONDS = 0.012

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Request:
    window: Array
    state: Array
    result: "asyncio.Future[tuple[float, Array]]"


class SileroModel:
    """The ONNX session, which all speakers share."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  onnxruntime has no types
        self._session = session
        self._rate = np.array(INPUT_RATE, dtype=np.int64)
        self._speakers = Utilisation()
        self._batch: list[_Request] = []

    def is_crowded(self) -> bool:
        """True where many speak at once."""
        return self._speakers.share(time.monotonic()) >= CROWD

    async def predict(self, window: Array, state: Array) -> tuple[float, Array]:
        """The probability of a voice, and the speaker's next state.

        `window` is 1 x (CONTEXT + WINDOW) samples between -1 and 1, the end of the window before
        included; `state` has the shape STATE and begins as zeros.
        """
        loop = asyncio.get_running_loop()
        self._speakers.add(WINDOW_SECONDS, time.monotonic())
        if not self.is_crowded():
            return self.predict_now(window, state)
        request = _Request(window, state, loop.create_future())
        if not self._batch:
            loop.call_later(BATCH_SECONDS, self._run_batch)
        self._batch.append(request)
        return await request.result

    def predict_now(self, window: Array, state: Array) -> tuple[float, Array]:
        """The same without waiting for the windows of others."""
        probability, state = self._run(window, state)
        return float(probability[0, 0]), state

    def _run(self, windows: Array, states: Array) -> tuple[Array, Array]:
        result: tuple[Array, Array] = self._session.run(
            None, {"input": windows, "state": states, "sr": self._rate}
        )
        return result

    def _run_batch(self) -> None:
        batch = [request for request in self._batch if not request.result.done()]
        self._batch = []
        if not batch:
            return
        try:
            probabilities, states = self._run(
                np.concatenate([request.window for request in batch]),
                np.concatenate([request.state for request in batch], axis=1),
            )
        except Exception as error:  # noqa: BLE001  raised again in every session that waits
            for request in batch:
                request.result.set_exception(error)
            return
        for number, request in enumerate(batch):
            state = np.ascontiguousarray(states[:, number : number + 1])
            request.result.set_result((float(probabilities[number, 0]), state))
