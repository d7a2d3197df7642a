"""One thread judges the pauses of all sessions: ends of speech first, looks ahead when idle."""

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
    DECAY_SECONDS,
    KEPT_CHUNKS,
    SmartTurnAnalyzer,
    SmartTurnModel,
    Utilisation,
)

PACKET = 640


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disables the time-out, and counts no time: the thread may be held up by the test machine."""
    monkeypatch.setattr(smart_turn, "VERDICT_SECONDS", 60.0)
    monkeypatch.setattr(smart_turn, "time", SimpleNamespace(monotonic=lambda: 0.0))


class ControlledModel:
    """A model that gives the verdict `complete` as soon as `go` is set."""

    def __init__(self, *, complete: bool = True, at_once: bool = True) -> None:
        self.judged = 0
        self.complete = complete
        self.go = threading.Event()
        if at_once:
            self.go.set()
        self.model = SmartTurnModel(self._predict)

    def _predict(self, _audio: np.ndarray[Any, Any]) -> dict[str, Any]:
        assert self.go.wait(10)
        self.judged += 1
        return {"prediction": int(self.complete), "probability": float(self.complete)}

    def speaker(self) -> SmartTurnAnalyzer:
        speaker = SmartTurnAnalyzer(self.model, SmartTurnParams())
        speaker.append_audio(bytes(32_000), is_speech=True)
        return speaker


def test_only_the_end_of_an_endless_utterance_is_kept() -> None:
    speaker = ControlledModel().speaker()
    for _ in range(KEPT_CHUNKS * 3):
        speaker.append_audio(bytes(PACKET), is_speech=True)
    assert len(speaker._audio_buffer) <= KEPT_CHUNKS


async def test_only_one_pause_at_a_time_is_judged_ahead() -> None:
    judge = ControlledModel(at_once=False)
    others, mine = judge.speaker(), judge.speaker()
    others.look_ahead()
    mine.look_ahead()
    judge.go.set()
    await others.wait_look_ahead()
    assert others.likely
    assert mine.likely is None
    assert judge.judged == 1


async def test_a_cancelled_end_of_speech_is_not_judged() -> None:
    judge = ControlledModel(at_once=False)
    others, mine = judge.speaker(), judge.speaker()
    others.look_ahead()
    waiting = asyncio.create_task(mine.analyze_end_of_turn())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await asyncio.sleep(0)  # asyncio passes a cancellation on to the thread in its next round
    judge.go.set()
    await others.wait_look_ahead()
    await judge.model.submit(lambda: (EndOfTurnState.INCOMPLETE, None))
    assert judge.judged == 1


async def test_a_look_ahead_that_was_complete_is_not_repeated() -> None:
    judge = ControlledModel()
    mine = judge.speaker()
    mine.look_ahead()
    await mine.wait_look_ahead()
    mine.look_ahead()
    assert (await mine.analyze_end_of_turn())[0] is EndOfTurnState.COMPLETE
    assert judge.judged == 1


async def test_a_look_ahead_that_was_incomplete_is_repeated_at_the_end_of_speech() -> None:
    judge = ControlledModel(complete=False)
    mine = judge.speaker()
    mine.look_ahead()
    await mine.wait_look_ahead()
    judge.complete = True
    assert (await mine.analyze_end_of_turn())[0] is EndOfTurnState.COMPLETE
    assert judge.judged == 2


@pytest.mark.parametrize("complete", [True, False])
async def test_a_late_verdict_is_incomplete_until_it_comes(
    monkeypatch: pytest.MonkeyPatch, complete: bool
) -> None:
    monkeypatch.setattr(smart_turn, "VERDICT_SECONDS", 0.1)
    judge = ControlledModel(complete=complete, at_once=False)
    mine = judge.speaker()
    verdict, _ = await mine.analyze_end_of_turn()
    assert (verdict, mine.is_judging) == (EndOfTurnState.INCOMPLETE, True)
    judge.go.set()
    verdict, _ = await mine.late_verdict()
    assert (verdict is EndOfTurnState.COMPLETE, mine.is_judging) == (complete, False)
    assert judge.judged == 1


async def test_silence_that_ends_a_turn_waits_for_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smart_turn, "VERDICT_SECONDS", 0.1)
    judge = ControlledModel(complete=False, at_once=False)
    mine = judge.speaker()
    mine.set_sample_rate(16_000)
    await mine.analyze_end_of_turn()
    late = asyncio.create_task(mine.late_verdict())
    await asyncio.sleep(0)
    packets = round(1000 * mine.params.stop_secs / 20)
    states = [mine.append_audio(bytes(PACKET), is_speech=False) for _ in range(packets)]
    assert states[-1] is EndOfTurnState.COMPLETE
    assert (await late)[0] is EndOfTurnState.INCOMPLETE
    assert await mine.analyze_end_of_turn() == (EndOfTurnState.INCOMPLETE, None)
    judge.go.set()


async def test_a_busy_thread_judges_nothing_but_ends_of_speech() -> None:
    judge = ControlledModel(complete=False)
    mine = judge.speaker()
    judge.model._utilisation.add(DECAY_SECONDS, 0.0)
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
def test_utilisation_is_the_share_of_time_at_work_and_decays(share: float, period: float) -> None:
    utilisation, now = Utilisation(), 0.0
    while now < 10 * DECAY_SECONDS:
        now += period
        utilisation.add(share * period, now)
    assert abs(utilisation.share(now) - share) < 0.1 * share
    assert utilisation.share(now + 5 * DECAY_SECONDS) < 0.01


async def test_every_verdict_is_reported_once() -> None:
    reported: list[tuple[float, bool]] = []

    class Listener:
        def judged(self, probability: float, *, ahead: bool) -> None:
            reported.append((probability, ahead))

    judge = ControlledModel(complete=False)
    mine = SmartTurnAnalyzer(judge.model, SmartTurnParams(), Listener())
    mine.append_audio(bytes(32_000), is_speech=True)
    mine.look_ahead()
    await mine.wait_look_ahead()
    await mine.analyze_end_of_turn()
    await asyncio.sleep(0)
    assert reported == [(0.0, True), (0.0, False)]
