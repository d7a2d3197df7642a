"""One model for all speakers: in a crowd their windows are judged together, and alike."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from appliance.voice.turns.shared_models import TurnModels
from appliance.voice.turns.silero import (
    CONTEXT,
    CROWD,
    STATE,
    WINDOW,
    WINDOW_SECONDS,
    Array,
    Silero,
)
from tests.daemon import LEAD_IN, speech

SPEAKERS = 6


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    hearing = TurnModels.load()
    yield hearing.silero._session
    hearing.close()


class Counting:
    """A session that notes for how many it is asked."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  onnxruntime has no types
        self._session = session
        self.asked: list[int] = []

    def run(self, outputs: None, inputs: dict[str, Any]) -> Any:  # noqa: ANN401  as it is
        self.asked.append(len(inputs["input"]))
        return self._session.run(outputs, inputs)


def windows() -> list[Array]:
    """Of a sentence, each with the end of the one before."""
    pcm = speech("what_time_is_it")[len(LEAD_IN) :]
    samples: Array = (np.frombuffer(pcm, np.int16) / 32768).astype(np.float32)
    starts = range(CONTEXT, len(samples) - WINDOW, WINDOW)
    return [samples[np.newaxis, start - CONTEXT : start + WINDOW] for start in starts]


async def listen(silero: Silero, delay: int) -> list[float]:
    """What is heard of the sentence by somebody who begins so many windows later."""
    state = np.zeros(STATE, dtype=np.float32)
    heard = []
    for window in later(delay):
        confidence, state = await silero.judge(window, state)
        heard.append(confidence)
    return heard


def later(delay: int) -> list[Array]:
    return [np.zeros_like(windows()[0])] * delay + windows()


def alone(session: Any, delay: int) -> list[float]:  # noqa: ANN401
    """The same, without a crowd."""
    silero, state, heard = Silero(session), np.zeros(STATE, dtype=np.float32), []
    for window in later(delay):
        confidence, state = silero.judge_now(window, state)
        heard.append(confidence)
    return heard


async def test_who_speaks_alone_is_answered_at_once(session: Any) -> None:  # noqa: ANN401
    counting = Counting(session)
    state = np.zeros(STATE, dtype=np.float32)
    answer = Silero(counting).judge(windows()[0], state)
    with pytest.raises(StopIteration):
        answer.send(None)
    assert counting.asked == [1]


async def test_a_crowd_is_judged_together_and_everybody_alike(session: Any) -> None:  # noqa: ANN401
    counting = Counting(session)
    silero = Silero(counting)
    expected = [alone(session, number) for number in range(SPEAKERS)]
    silero._voices.worked(10 * CROWD, asyncio.get_running_loop().time())
    crowd = await asyncio.gather(*(listen(silero, number) for number in range(SPEAKERS)))
    assert max(counting.asked) == SPEAKERS
    assert sum(counting.asked) == sum(map(len, expected))
    assert max(expected[0]) > 0.9
    for heard, without_others in zip(crowd, expected, strict=True):
        assert heard == pytest.approx(without_others, abs=1e-4)


async def test_who_leaves_takes_nobody_along(session: Any) -> None:  # noqa: ANN401
    silero = Silero(session)
    loop = asyncio.get_running_loop()
    silero._voices.worked(10 * CROWD, loop.time())
    state = np.zeros(STATE, dtype=np.float32)
    leaving, staying = (asyncio.create_task(silero.judge(windows()[9], state)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    confidence, _ = await staying
    assert confidence == pytest.approx(silero.judge_now(windows()[9], state)[0], abs=1e-4)


async def test_a_model_that_fails_fails_for_everybody_who_waits() -> None:
    class Broken:
        def run(self, *_arguments: object) -> None:
            raise RuntimeError("no model")

    silero = Silero(Broken())
    silero._voices.worked(10 * CROWD, asyncio.get_running_loop().time())
    state = np.zeros(STATE, dtype=np.float32)
    judged = (silero.judge(windows()[0], state) for _ in range(2))
    answers = await asyncio.gather(*judged, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["no model"] * 2


def test_a_window_is_as_long_as_pipecat_wants_it() -> None:
    assert WINDOW_SECONDS == 0.032
