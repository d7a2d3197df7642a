"""An answer that was held is played on, and its words count as heard when they are."""

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
from appliance.voice.frames import PlaybackMarkerFrame
from appliance.voice.transport import output as module
from appliance.voice.transport.output import AnswerClock, SocketOutput
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks

SECOND = 1_000_000_000


@dataclass
class ManualClock(BaseClock):
    """A clock that the test advances."""

    now: int = 0

    def get_time(self) -> int:
        return self.now

    def start(self) -> None:
        raise AssertionError("the pipeline starts its own clock")


def test_the_clock_stands_still_while_the_answer_is_held() -> None:
    manual = ManualClock(5 * SECOND)
    clock = AnswerClock(manual)
    clock.stop()
    manual.now += 2 * SECOND
    assert clock.get_time() == 5 * SECOND
    clock.resume(0.0)
    assert clock.get_time() == 5 * SECOND
    manual.now += SECOND
    assert clock.get_time() == 6 * SECOND


def test_replayed_audio_does_not_advance_the_clock() -> None:
    manual = ManualClock(5 * SECOND)
    clock = AnswerClock(manual)
    clock.stop()
    clock.resume(0.25)
    assert clock.get_time() == 5 * SECOND - SECOND // 4


def test_two_holds_add_up() -> None:
    manual = ManualClock(0)
    clock = AnswerClock(manual)
    for _ in range(2):
        clock.stop()
        manual.now += SECOND
        clock.resume(0.5)
    assert clock.get_time() == -SECOND


def test_the_clock_is_right_again_after_the_answer() -> None:
    manual = ManualClock(5 * SECOND)
    clock = AnswerClock(manual)
    clock.stop()
    manual.now += SECOND
    clock.resume(0.5)
    clock.reset()
    assert clock.get_time() == manual.now


class Client:
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
async def output(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    # With a clock that stands still the client has only begun to play.
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 100.0))
    callbacks = TransportCallbacks(_nothing, _nothing, _nothing, _nothing)
    queue = SendQueue(client, _nothing)
    output: Any = SocketOutput(queue, callbacks, TransportParams(audio_out_enabled=True))
    output._sample_rate = 24_000
    output._setup = SimpleNamespace(clock=ManualClock())
    output.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    output.settle = partial(queue.drain, 10)
    writing = asyncio.create_task(queue.run())
    yield output
    writing.cancel()


@pytest.fixture
def client() -> Client:
    return Client()


async def _say(output: Any, *numbers: int) -> None:  # noqa: ANN401  its inner state is driven here
    for number in numbers:
        frame = OutputAudioRawFrame(bytes([number]) * 960, 24_000, 1)
        assert await output.write_audio_frame(frame)
        await output.settle()


def _heard(client: Client) -> list[int | str]:
    """The numbers of the chunks, and "dropped" where the client had to drop its audio."""
    return [frame.pcm[0] if isinstance(frame, wire.Audio) else "dropped" for frame in client.got]


async def test_audio_that_was_held_is_sent_again(
    client: Client,
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


async def test_a_second_hold_while_resuming_loses_no_audio(
    client: Client,
    output: Any,  # noqa: ANN401  its inner state is what is driven here
) -> None:
    await _say(output, 0, 1, 2)
    output.hold()
    output.resume()
    output.hold()
    output.resume()
    await _say(output, 3)
    assert _heard(client)[-4:] == [0, 1, 2, 3]


@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_marker_is_reached_once_the_speech_before_it_was_played_and_not_cut_off(
    output: Any,  # noqa: ANN401  its inner state is what is driven here
    monkeypatch: pytest.MonkeyPatch,
    interrupted: bool,
) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    reached: list[float] = []
    marker = PlaybackMarkerFrame(lambda: reached.append(now[0]))
    await _say(output, 0, 1, 2)
    output.hold()
    marking = asyncio.create_task(output.write_transport_frame(marker))
    await asyncio.sleep(0)
    assert reached == []
    if interrupted:
        output._interruptions += 1
        output._discard_held()
    else:
        output.resume()
        await output._resuming
        await asyncio.sleep(0)
        assert reached == []
    now[0] += 1.0
    await marking
    assert reached == ([] if interrupted else [101.0])


async def test_frames_that_no_later_processor_uses_end_here(
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


async def test_audio_that_comes_after_the_client_ran_out_is_an_underrun(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    gaps: list[float] = []
    callbacks = TransportCallbacks(_nothing, _nothing, gaps.append, _nothing)
    output: Any = SocketOutput(
        SendQueue(client, _nothing), callbacks, TransportParams(audio_out_enabled=True)
    )
    output._sample_rate = 24_000
    output._setup = SimpleNamespace(clock=ManualClock())
    frame = OutputAudioRawFrame(bytes(960), 24_000, 1)
    await output.write_audio_frame(frame)
    await output.write_audio_frame(frame)
    clock.now += 0.29
    await output.write_audio_frame(frame)
    output._in_answer = False  # as when the answer is over
    clock.now += 5
    await output.write_audio_frame(frame)
    assert gaps == pytest.approx([0, 0, 0.25, 0])
