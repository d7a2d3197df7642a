"""The shared Silero model takes the windows of a crowd together, with the same results."""

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
    SileroModel,
)
from tests.daemon import LEAD_IN, speech

SPEAKERS = 6


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    models = TurnModels.load()
    yield models.silero._session
    models.close()


class Counting:
    """A session that counts the windows of each call."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  onnxruntime has no types
        self._session = session
        self.counts: list[int] = []

    def run(self, outputs: None, inputs: dict[str, Any]) -> Any:  # noqa: ANN401  as it is
        self.counts.append(len(inputs["input"]))
        return self._session.run(outputs, inputs)


def windows() -> list[Array]:
    """The windows of a sentence, each with the end of the one before."""
    pcm = speech("what_time_is_it")[len(LEAD_IN) :]
    samples: Array = (np.frombuffer(pcm, np.int16) / 32768).astype(np.float32)
    starts = range(CONTEXT, len(samples) - WINDOW, WINDOW)
    return [samples[np.newaxis, start - CONTEXT : start + WINDOW] for start in starts]


async def listen(silero: SileroModel, delay: int) -> list[float]:
    """The probabilities for a speaker who begins the sentence so many windows later."""
    state = np.zeros(STATE, dtype=np.float32)
    heard = []
    for window in later(delay):
        confidence, state = await silero.predict(window, state)
        heard.append(confidence)
    return heard


def later(delay: int) -> list[Array]:
    return [np.zeros_like(windows()[0])] * delay + windows()


def listen_alone(session: Any, delay: int) -> list[float]:  # noqa: ANN401
    """The same without other speakers."""
    silero, state, heard = SileroModel(session), np.zeros(STATE, dtype=np.float32), []
    for window in later(delay):
        confidence, state = silero.predict_now(window, state)
        heard.append(confidence)
    return heard


async def test_a_single_speaker_is_answered_at_once(session: Any) -> None:  # noqa: ANN401
    counting = Counting(session)
    state = np.zeros(STATE, dtype=np.float32)
    answer = SileroModel(counting).predict(windows()[0], state)
    with pytest.raises(StopIteration):
        answer.send(None)
    assert counting.counts == [1]


async def test_a_crowd_is_judged_together_with_the_same_results(session: Any) -> None:  # noqa: ANN401
    counting = Counting(session)
    silero = SileroModel(counting)
    expected = [listen_alone(session, number) for number in range(SPEAKERS)]
    silero._speakers.add(10 * CROWD, asyncio.get_running_loop().time())
    crowd = await asyncio.gather(*(listen(silero, number) for number in range(SPEAKERS)))
    assert max(counting.counts) == SPEAKERS
    assert sum(counting.counts) == sum(map(len, expected))
    assert max(expected[0]) > 0.9
    for heard, alone in zip(crowd, expected, strict=True):
        assert heard == pytest.approx(alone, abs=1e-4)


async def test_a_cancelled_request_leaves_the_others_of_its_batch_alone(session: Any) -> None:  # noqa: ANN401
    silero = SileroModel(session)
    loop = asyncio.get_running_loop()
    silero._speakers.add(10 * CROWD, loop.time())
    state = np.zeros(STATE, dtype=np.float32)
    leaving, staying = (asyncio.create_task(silero.predict(windows()[9], state)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    confidence, _ = await staying
    assert confidence == pytest.approx(silero.predict_now(windows()[9], state)[0], abs=1e-4)


async def test_a_failing_model_fails_for_every_request_of_the_batch() -> None:
    class Broken:
        def run(self, *_arguments: object) -> None:
            raise RuntimeError("no model")

    silero = SileroModel(Broken())
    silero._speakers.add(10 * CROWD, asyncio.get_running_loop().time())
    state = np.zeros(STATE, dtype=np.float32)
    requests = (silero.predict(windows()[0], state) for _ in range(2))
    answers = await asyncio.gather(*requests, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["no model"] * 2


def test_a_window_is_as_long_as_pipecats() -> None:
    assert WINDOW_SECONDS == 0.032
