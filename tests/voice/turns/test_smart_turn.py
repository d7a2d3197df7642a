"""One thread judges everybody's pauses: ends of speech first, looks ahead with what is left."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams

from appliance.voice.turns import smart_turn
from appliance.voice.turns.smart_turn import (
    KEPT_CHUNKS,
    LATELY_SECONDS,
    SmartTurnAnalyzer,
    SmartTurnModel,
    Utilisation,
)

PACKET = 640


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is held up is neither given up nor taken for busy."""
    monkeypatch.setattr(smart_turn, "JUDGING_SECONDS", 60.0)
    monkeypatch.setattr(smart_turn, "time", SimpleNamespace(monotonic=lambda: 0.0))


class Judge:
    """A model that says what it is told, when it is let go."""

    def __init__(self, *, complete: bool = True, at_once: bool = True) -> None:
        self.judged = 0
        self.complete = complete
        self.go = threading.Event()
        if at_once:
            self.go.set()
        self.judging = SmartTurnModel(self._predict)

    def _predict(self, _audio: np.ndarray[Any, Any]) -> dict[str, Any]:
        assert self.go.wait(10)
        self.judged += 1
        return {"prediction": int(self.complete), "probability": float(self.complete)}

    def speaker(self) -> SmartTurnAnalyzer:
        speaker = SmartTurnAnalyzer(self.judging, SmartTurnParams())
        speaker.append_audio(bytes(32_000), is_speech=True)
        return speaker


def test_an_endless_utterance_is_not_kept_whole() -> None:
    speaker = Judge().speaker()
    for _ in range(KEPT_CHUNKS * 3):
        speaker.append_audio(bytes(PACKET), is_speech=True)
    assert len(speaker._audio_buffer) <= KEPT_CHUNKS


async def test_only_one_pause_at_a_time_is_judged_ahead() -> None:
    judge = Judge(at_once=False)
    others, mine = judge.speaker(), judge.speaker()
    others.look_ahead()
    mine.look_ahead()
    judge.go.set()
    await others.judged()
    assert others.likely
    assert mine.likely is None
    assert judge.judged == 1


async def test_an_end_of_speech_that_is_out_of_date_is_not_judged() -> None:
    judge = Judge(at_once=False)
    others, mine = judge.speaker(), judge.speaker()
    others.look_ahead()
    waiting = asyncio.create_task(mine.analyze_end_of_turn())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await asyncio.sleep(0)  # asyncio passes a cancellation on to the thread in its next round
    judge.go.set()
    await others.judged()
    await judge.judging.begin(lambda: (EndOfTurnState.INCOMPLETE, None))
    assert judge.judged == 1


async def test_a_look_that_was_enough_is_not_repeated() -> None:
    judge = Judge()
    mine = judge.speaker()
    mine.look_ahead()
    await mine.judged()
    mine.look_ahead()
    assert (await mine.analyze_end_of_turn())[0] is EndOfTurnState.COMPLETE
    assert judge.judged == 1


async def test_an_unfinished_sentence_is_judged_once_more_at_the_end_of_speech() -> None:
    judge = Judge(complete=False)
    mine = judge.speaker()
    mine.look_ahead()
    await mine.judged()
    judge.complete = True
    assert (await mine.analyze_end_of_turn())[0] is EndOfTurnState.COMPLETE
    assert judge.judged == 2


async def test_nobody_waits_long_for_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smart_turn, "JUDGING_SECONDS", 0.1)
    judge = Judge(complete=False, at_once=False)
    others, mine = judge.speaker(), judge.speaker()
    others.look_ahead()
    verdict, _ = await mine.analyze_end_of_turn()
    judge.go.set()
    assert verdict is EndOfTurnState.COMPLETE


async def test_while_ends_of_speech_take_its_time_nothing_else_is_judged() -> None:
    judge = Judge(complete=False)
    mine = judge.speaker()
    judge.judging._busy.worked(LATELY_SECONDS, 0.0)
    mine.look_ahead()
    assert mine.likely is None
    assert not mine.may_look_again
    assert judge.judged == 0
    assert (await mine.analyze_end_of_turn())[0] is EndOfTurnState.INCOMPLETE
    assert judge.judged == 1


@given(
    share=st.floats(0.05, 0.95),
    period=st.floats(0.02, 0.2),
)
def test_the_share_is_that_of_the_time_at_work(share: float, period: float) -> None:
    busy, now = Utilisation(), 0.0
    while now < 10 * LATELY_SECONDS:
        now += period
        busy.worked(share * period, now)
    assert abs(busy.share(now) - share) < 0.1 * share
    assert busy.share(now + 5 * LATELY_SECONDS) < 0.01
