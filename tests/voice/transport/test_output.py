"""An answer that is held goes on where it was, and its words with it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from pipecat.clocks.base_clock import BaseClock
from pipecat.frames.frames import (
    BotSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    OutputAudioRawFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.asyncio.task_manager import TaskManager
from pipecat.utils.text.base_text_aggregator import TextType

from appliance import wire
from appliance.voice.transport import output as module
from appliance.voice.transport.output import AnswerClock, SocketOutput
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks

SECOND = 1_000_000_000


@dataclass
class Hands(BaseClock):
    """A clock that is moved by hand."""

    now: int = 0

    def get_time(self) -> int:
        return self.now

    def start(self) -> None:
        raise AssertionError("the pipeline starts its own clock")


def test_the_clock_of_words_stands_while_the_answer_is_held() -> None:
    hands = Hands(5 * SECOND)
    clock = AnswerClock(hands)
    clock.stop()
    hands.now += 2 * SECOND
    assert clock.get_time() == 5 * SECOND
    clock.go_on(0.0)
    assert clock.get_time() == 5 * SECOND
    hands.now += SECOND
    assert clock.get_time() == 6 * SECOND


def test_what_is_played_again_is_heard_once() -> None:
    hands = Hands(5 * SECOND)
    clock = AnswerClock(hands)
    clock.stop()
    clock.go_on(0.25)
    assert clock.get_time() == 5 * SECOND - SECOND // 4


def test_held_twice_it_is_behind_by_both() -> None:
    hands = Hands(0)
    clock = AnswerClock(hands)
    for _ in range(2):
        clock.stop()
        hands.now += SECOND
        clock.go_on(0.5)
    assert clock.get_time() == -SECOND


def test_the_next_answer_has_the_right_time() -> None:
    hands = Hands(5 * SECOND)
    clock = AnswerClock(hands)
    clock.stop()
    hands.now += SECOND
    clock.go_on(0.5)
    clock.catch_up()
    assert clock.get_time() == hands.now


class Loudspeaker:
    """A client that only listens."""

    def __init__(self) -> None:
        self.got: list[wire.Frame] = []

    async def receive(self) -> bytes | str | None:
        return None

    async def send(self, data: bytes) -> None:
        self.got.append(wire.decode(data))

    async def close(self, code: int, reason: str) -> None: ...


def _nothing(*_: object) -> None: ...


@pytest_asyncio.fixture
async def output(client: Loudspeaker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    # However long it takes, the client has only begun to play.
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 100.0))
    events = TransportCallbacks(_nothing, _nothing, _nothing, _nothing)
    outbox = SendQueue(client, _nothing)
    output: Any = SocketOutput(outbox, events, TransportParams(audio_out_enabled=True))
    output._sample_rate = 24_000
    output._setup = SimpleNamespace(clock=Hands())
    output.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    output.settle = partial(outbox.drain, 10)
    writing = asyncio.create_task(outbox.run())
    yield output
    writing.cancel()


@pytest.fixture
def client() -> Loudspeaker:
    return Loudspeaker()


async def _say(output: Any, *numbers: int) -> None:  # noqa: ANN401  its inner state is driven here
    for number in numbers:
        frame = OutputAudioRawFrame(bytes([number]) * 960, 24_000, 1)
        assert await output.write_audio_frame(frame)
        await output.settle()


def _heard(client: Loudspeaker) -> list[int | str]:
    """Which pieces, and where the client dropped what it had."""
    return [frame.pcm[0] if isinstance(frame, wire.Audio) else "dropped" for frame in client.got]


async def test_what_a_client_dropped_while_it_was_held_is_sent_again(
    client: Loudspeaker,
    output: Any,  # noqa: ANN401  its inner state is what is driven here
) -> None:
    await _say(output, 0, 1, 2)
    output.hold()
    output.hold()
    waiting = asyncio.create_task(_say(output, 3))
    await output.settle()
    assert _heard(client) == [0, 1, 2, "dropped"]
    assert output.playing
    output.resume()
    output.resume()
    await waiting
    assert _heard(client) == [0, 1, 2, "dropped", 0, 1, 2, 3]


async def test_what_is_held_again_while_it_is_sent_again_is_not_lost(
    client: Loudspeaker,
    output: Any,  # noqa: ANN401  its inner state is what is driven here
) -> None:
    await _say(output, 0, 1, 2)
    output.hold()
    output.resume()
    output.hold()
    output.resume()
    await _say(output, 3)
    assert _heard(client)[-4:] == [0, 1, 2, 3]


async def test_what_nobody_behind_hears_ends_at_the_loudspeaker(
    output: Any,  # noqa: ANN401  its inner state is what is driven here
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed: list[tuple[Frame, FrameDirection]] = []

    async def note(_: object, frame: Frame, direction: FrameDirection) -> None:
        passed.append((frame, direction))

    monkeypatch.setattr(BaseOutputTransport, "push_frame", note)
    word, end = TTSTextFrame("word", text_type=TextType.WORD), BotStoppedSpeakingFrame()
    for direction in FrameDirection:
        for frame in (OutputAudioRawFrame(bytes(960), 24_000, 1), BotSpeakingFrame(), word, end):
            await output.push_frame(frame, direction)
    assert passed == [(frame, direction) for direction in FrameDirection for frame in (word, end)]
