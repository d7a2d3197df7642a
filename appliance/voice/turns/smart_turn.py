"""Judges by the voice whether a speaker is done: smart-turn, on one thread for all sessions.

A verdict takes 30 to 100 ms of that thread. The one at the end of speech decides, and comes first.
Looks ahead of it, which only let an answer begin sooner, and further looks at a silence that goes
on take what the thread has to spare. So in a crowd everybody is answered a little later, and
nobody is cut off: without a verdict a turn ends only by the silence that ends an unfinished one.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams

from appliance.audio.format import INPUT_RATE
from appliance.audio.mel import features
from appliance.voice.turns.end_of_turn import CERTAIN, COMPLETE

# After how much silence, in milliseconds, smart-turn looks ahead of the end of speech: the first
# look lets an answer begin, the second is near enough to the end to be the verdict itself.
AHEAD_AFTER_MS = (60, 150)
# After how much silence an unfinished sentence is judged again: silence itself is a sign of the
# end.
AGAIN_AFTER_MS = (300, 600, 900)
# The probability at which an answer is begun, and withdrawn where the speaker goes on. It is less
# than COMPLETE: a needless question to the model costs less than that everybody waits for answers.
LIKELY = 0.1
# How long the frames of a session wait for a verdict. One that takes longer, because so many speak
# at once or the processor is busy, is waited for apart from them.
VERDICT_SECONDS = 0.3
# Up to which utilisation of the thread more than ends of speech is judged: it would keep those
# waiting. A finished sentence that was taken for an unfinished one waits longest, so its further
# looks come before looks ahead.
AGAIN_BELOW = 0.7
AHEAD_BELOW = 0.4
# Smart-turn takes eight seconds; of an endless utterance no more than 20 s is kept.
KEPT_CHUNKS = 20 * 50
# The time constant with which utilisation decays.
DECAY_SECONDS = 2.0

Predict = Callable[[np.ndarray], dict[str, Any]]
"""Samples at 16 kHz, between -1 and 1, to the prediction and its probability."""
Verdict = tuple[EndOfTurnState, Any]
"""The state and Pipecat's metrics of the prediction, None where there was no audio."""


class VerdictListener(Protocol):
    """Is told each verdict: the probability that the turn is complete."""

    def judged(self, probability: float, *, ahead: bool) -> None:
        """`ahead` is True for a look ahead of the end of speech."""


def predictor(session: Any) -> Predict:  # noqa: ANN401  onnxruntime has no types
    """Wraps smart-turn's ONNX session; predicts as Pipecat's own analyzer does."""

    def predict(audio: np.ndarray) -> dict[str, Any]:
        (complete,) = session.run(None, {"input_features": features(audio)[np.newaxis]})
        probability = complete[0].item()
        return {"prediction": int(probability > COMPLETE), "probability": probability}

    return predict


class Utilisation:
    """The share of time for which something was busy of late; what is long ago decays.

    Of several that are busy at once it is the sum: two that always are make 2.
    """

    def __init__(self) -> None:
        self._share = self._at = 0.0

    def add(self, seconds: float, now: float) -> None:
        """Counts so many seconds of work that ended at `now`."""
        self._share, self._at = self.share(now) + seconds / DECAY_SECONDS, now

    def share(self, now: float) -> float:
        return self._share * math.exp((self._at - now) / DECAY_SECONDS)


class SmartTurnModel:
    """The smart-turn session and its thread, which all speakers share."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._thread = ThreadPoolExecutor(1, "smart-turn")
        self._pending: set[asyncio.Future[Verdict]] = set()
        self._utilisation = Utilisation()

    def has_capacity(self, below: float) -> bool:
        """True where nothing waits for the thread and its utilisation is lower than that."""
        return not self._pending and self._utilisation.share(time.monotonic()) < below

    def submit(self, judge: Callable[[], Verdict]) -> asyncio.Future[Verdict]:
        """Runs `judge` on the thread, after what waits already; not if cancelled before that."""
        verdict = asyncio.get_running_loop().run_in_executor(self._thread, judge)
        self._pending.add(verdict)
        verdict.add_done_callback(self._pending.discard)
        return verdict

    def predict(self, audio: np.ndarray) -> dict[str, Any]:
        """Runs the session. Blocks: for the thread."""
        began = time.monotonic()
        try:
            return self._predict(audio)
        finally:
            now = time.monotonic()
            self._utilisation.add(now - began, now)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class SmartTurnAnalyzer(BaseSmartTurn):
    """The end of turn of one speaker, by the shared model. `listener` is told each verdict."""

    def __init__(
        self,
        model: SmartTurnModel,
        params: SmartTurnParams,
        listener: VerdictListener | None = None,
    ) -> None:
        super().__init__(sample_rate=INPUT_RATE, params=params)
        self._model = model
        self._listener = listener
        self._ahead: asyncio.Future[Verdict] | None = None
        # The verdict at the end of speech, while it is under way.
        self._judging: asyncio.Task[Verdict] | None = None
        self._probabilities: list[float] = []

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The verdicts on the present pause, in order: the probability that the turn is complete.

        They outlive the verdict "complete", since the words may speak against it.
        """
        return tuple(self._probabilities)

    @property
    def is_certain(self) -> bool:
        """True where one of the verdicts on the present pause leaves no doubt."""
        return any(each > CERTAIN for each in self._probabilities)

    def look_ahead(self) -> None:
        """Begins to judge what was heard so far; the verdict is `likely`.

        Does nothing while the last look is under way or where it left no doubt. Drops it without
        a new one where the thread has no time to spare.
        """
        if self._ahead is not None and (not self._ahead.done() or _is_certain(self._ahead)):
            return
        self._cancel_look_ahead()
        if self._model.has_capacity(AHEAD_BELOW):
            self._ahead = self._submit(ahead=True)

    def drop_look_ahead(self) -> None:
        """The speaker went on: what was judged is out of date."""
        self._cancel_look_ahead()
        self._probabilities.clear()

    def _cancel_look_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()  # where it still waits behind other speakers
            self._ahead = None

    def _submit(self, *, ahead: bool) -> asyncio.Future[Verdict]:
        heard = list(self._audio_buffer)
        judging = self._model.submit(lambda: self._process_speech_segment(heard))
        judging.add_done_callback(lambda verdict: self._report(verdict, ahead=ahead))
        return judging

    def _report(self, verdict: asyncio.Future[Verdict], *, ahead: bool) -> None:
        if verdict.cancelled() or verdict.exception() is not None:
            return
        metrics = verdict.result()[1]
        if metrics is None:
            return
        self._probabilities.append(float(metrics.probability))
        if self._listener is not None:
            self._listener.judged(float(metrics.probability), ahead=ahead)

    async def analyze_end_of_turn(self) -> Verdict:
        """The verdict of the look ahead where that left no doubt, else that of another look.

        Incomplete, with `is_judging`, where it takes longer than VERDICT_SECONDS.
        """
        return await self._wait_verdict(VERDICT_SECONDS)

    async def late_verdict(self) -> Verdict:
        """Like `analyze_end_of_turn`, however long it takes: the verdict under way, if any.

        Incomplete where the speaker goes on or the turn ends before it.
        """
        return await self._wait_verdict(None)

    @property
    def is_judging(self) -> bool:
        """True while a verdict at the end of speech is under way."""
        return self._judging is not None

    async def _wait_verdict(self, seconds: float | None) -> Verdict:
        if not self._audio_buffer:  # silence has ended the turn
            return EndOfTurnState.INCOMPLETE, None
        judging = self._judging = self._judging or asyncio.create_task(self._verdict())
        try:
            await asyncio.wait({judging}, timeout=seconds)
        except asyncio.CancelledError:
            judging.cancel()
            self._judging = None
            raise
        if not judging.done():
            return EndOfTurnState.INCOMPLETE, None
        self._judging = None
        if judging.cancelled():
            return EndOfTurnState.INCOMPLETE, None
        return judging.result()

    async def _verdict(self) -> Verdict:
        if (ahead := self._ahead) is not None:
            await asyncio.wait({ahead})
            if _is_certain(ahead):
                return ahead.result()
        return await self._submit(ahead=False)

    @property
    def may_look_again(self) -> bool:
        """True where the thread has time to judge the silence that has followed, too."""
        return self._model.has_capacity(AGAIN_BELOW)

    @property
    def likely(self) -> bool | None:
        """True where the turn is likely to be complete; None while that is not known."""
        ahead = self._ahead
        if ahead is None or not ahead.done() or ahead.cancelled():
            return None
        metrics = ahead.result()[1]
        return metrics is not None and bool(metrics.probability >= LIKELY)

    async def wait_look_ahead(self) -> None:
        """Returns when the look ahead that is under way is over."""
        if self._ahead is not None:
            await asyncio.wait({self._ahead})

    @property
    def silence_ms(self) -> float:
        """The silence since the end of speech was noticed."""
        return float(self._silence_ms)

    def _clear(self, turn_state: EndOfTurnState) -> None:
        super()._clear(turn_state)
        self.drop_look_ahead()
        if self._judging is not None:
            self._judging.cancel()
            self._judging = None

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        """As Pipecat's, which keeps the audio of a whole utterance however long it is."""
        state = super().append_audio(buffer, is_speech)
        if len(self._audio_buffer) > KEPT_CHUNKS:
            del self._audio_buffer[: -KEPT_CHUNKS // 2]
        return state

    def _predict_endpoint(self, audio_array: np.ndarray) -> dict[str, Any]:
        return self._model.predict(audio_array)


def _is_certain(ahead: asyncio.Future[Verdict]) -> bool:
    if ahead.cancelled() or ahead.result()[1] is None:
        return False
    return bool(ahead.result()[1].probability > CERTAIN)
