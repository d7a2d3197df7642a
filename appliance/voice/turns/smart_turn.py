"""Are they done: smart-turn's verdict over a pause, by one thread for all speakers.

A look takes 30 to 100 ms of that thread. The one at the end of speech decides, and comes first;
looks ahead, which only let an answer begin sooner, and looks at somebody who thinks share what
of the thread is left. So a crowd is answered a little later each, and nobody much later.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams

from appliance.audio.format import INPUT_RATE
from appliance.audio.mel import features

# How much silence, in milliseconds, is judged ahead of the end of speech: the first look lets an
# answer begin, the second is near enough to the end to be the verdict itself.
LOOKS_MS = (60, 150)
# How long it stays silent after an unfinished sentence before it is judged again: silence itself
# is a sign of the end.
LOOKS_LATER_MS = (300, 600, 900)
# How sure it has to be to end a turn. An answer is begun, to be withdrawn where the speaker goes
# on, on less: a question for nothing costs less than everybody's waiting for the answer.
COMPLETE = 0.5
LIKELY = 0.1
# What a verdict is worth waiting for. Where so many speak at once that it takes longer, silence
# alone ends a turn.
JUDGING_SECONDS = 0.3
# Up to which share of the thread's time, of late, more than ends of speech is judged: it would
# keep those waiting. Who has ended a sentence and is not believed waits longest without.
AGAIN_BELOW = 0.7
AHEAD_BELOW = 0.4
# Smart-turn looks at eight seconds; more of an endless utterance need not be kept.
KEPT_CHUNKS = 20 * 50

LATELY_SECONDS = 2.0

Predict = Callable[[np.ndarray], dict[str, Any]]
Verdict = tuple[EndOfTurnState, Any]


def prediction(session: Any) -> Predict:  # noqa: ANN401  onnxruntime has no types
    """Smart-turn's ONNX session, asked and answering as by Pipecat's own analyzer."""

    def predict(audio: np.ndarray) -> dict[str, Any]:
        (complete,) = session.run(None, {"input_features": features(audio)[np.newaxis]})
        probability = complete[0].item()
        return {"prediction": int(probability > COMPLETE), "probability": probability}

    return predict


class Utilisation:
    """Which share of the time something has been busy; what was long ago fades.

    Of several that are busy at once, the sum: two that always are make 2.
    """

    def __init__(self) -> None:
        self._share = self._at = 0.0

    def worked(self, seconds: float, now: float) -> None:
        self._share, self._at = self.share(now) + seconds / LATELY_SECONDS, now

    def share(self, now: float) -> float:
        return self._share * math.exp((self._at - now) / LATELY_SECONDS)


class SmartTurnModel:
    """The smart-turn session and its thread, shared by all speakers."""

    def __init__(self, predict: Predict) -> None:
        self._session = predict
        self._thread = ThreadPoolExecutor(1, "smart-turn")
        self._waiting: set[asyncio.Future[Verdict]] = set()
        self._busy = Utilisation()

    def spares(self, below: float) -> bool:
        """Whether nobody waits, and less than that share of its time is taken."""
        return not self._waiting and self._busy.share(time.monotonic()) < below

    def begin(self, judge: Callable[[], Verdict]) -> asyncio.Future[Verdict]:
        """Has it judged after what waits already; cancelled before that, it never is."""
        verdict = asyncio.get_running_loop().run_in_executor(self._thread, judge)
        self._waiting.add(verdict)
        verdict.add_done_callback(self._waiting.discard)
        return verdict

    def predict(self, audio: np.ndarray) -> dict[str, Any]:
        """What the session says, on the thread."""
        began = time.monotonic()
        try:
            return self._session(audio)
        finally:
            now = time.monotonic()
            self._busy.worked(now - began, now)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class SmartTurnAnalyzer(BaseSmartTurn):
    """One speaker's end of turn."""

    def __init__(self, judging: SmartTurnModel, params: SmartTurnParams) -> None:
        super().__init__(sample_rate=INPUT_RATE, params=params)
        self._judging = judging
        self._ahead: asyncio.Future[Verdict] | None = None

    def look_ahead(self) -> None:
        """Begins to judge what was heard so far, unless there is no time to spare, or the last
        look is not over or was enough; the verdict is `likely`'s to tell."""
        if self._ahead is not None and (not self._ahead.done() or self._is_complete(self._ahead)):
            return
        self.look_away()
        if self._judging.spares(AHEAD_BELOW):
            self._ahead = self._begin()

    def look_away(self) -> None:
        """The speaker went on: what was judged is out of date."""
        if self._ahead is not None:
            self._ahead.cancel()  # where it still waits behind other speakers
            self._ahead = None

    def _begin(self) -> asyncio.Future[Verdict]:
        heard = list(self._audio_buffer)
        return self._judging.begin(lambda: self._process_speech_segment(heard))

    async def analyze_end_of_turn(self) -> Verdict:
        """The verdict of the look ahead where that was "complete"; else another look. Complete,
        too, where no verdict can be had in time."""
        try:
            async with asyncio.timeout(JUDGING_SECONDS):
                verdict = await self._verdict()
        except TimeoutError:
            verdict = (EndOfTurnState.COMPLETE, None)
        if verdict[0] is EndOfTurnState.COMPLETE:
            self._clear(EndOfTurnState.COMPLETE)
        return verdict

    async def _verdict(self) -> Verdict:
        if (ahead := self._ahead) is not None:
            await asyncio.wait({ahead})
            if self._is_complete(ahead):
                return ahead.result()
        return await self._begin()

    @property
    def may_look_again(self) -> bool:
        """Whether there is time to judge the silence that has followed, too."""
        return self._judging.spares(AGAIN_BELOW)

    @staticmethod
    def _is_complete(ahead: asyncio.Future[Verdict]) -> bool:
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
        return self._judging.predict(audio_array)
