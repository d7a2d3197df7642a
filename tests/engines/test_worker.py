import asyncio
import os
import threading
from collections.abc import AsyncIterator

import pytest

from appliance.engines.worker import Emit, Lane
from appliance.errors import EngineFailed, ModelBroken


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    lane = Lane("test")
    yield lane
    await lane.close()


class Gate:
    """Work that has started when `started` is set, and ends when `opened` is."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.opened.wait(10)
        return threading.current_thread().name


async def busy(lane: Lane) -> tuple[Gate, "asyncio.Task[str]"]:
    gate = Gate()
    task = asyncio.create_task(lane.run(gate))
    assert await asyncio.to_thread(gate.started.wait, 10)
    return gate, task


async def test_the_loop_goes_on_while_a_thread_works(lane: Lane) -> None:
    gate, task = await busy(lane)
    gate.opened.set()  # done by the loop, which the work would wait for in vain if it blocked it
    assert (await task).startswith("test")


async def test_as_much_runs_at_once_as_there_are_threads() -> None:
    lane = Lane("wide", threads=2)
    gates = [await busy(lane), await busy(lane)]
    for gate, task in gates:
        gate.opened.set()
        await task
    await lane.close()


async def test_a_foreign_error_becomes_ours(lane: Lane) -> None:
    with pytest.raises(EngineFailed, match="test failed: invalid literal") as raised:
        await lane.run(int, "x")
    assert isinstance(raised.value.__cause__, ValueError)


async def test_our_own_errors_pass(lane: Lane) -> None:
    def broken() -> None:
        raise ModelBroken("the file")

    with pytest.raises(ModelBroken):
        await lane.run(broken)


async def test_cancelling_drops_work_that_has_not_started(lane: Lane) -> None:
    gate, first = await busy(lane)
    done: list[int] = []
    second = asyncio.create_task(lane.run(done.append, 2))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.opened.set()
    await first
    await lane.run(done.append, 3)
    assert done == [3]


async def test_cancelled_work_that_has_started_ends_unheard(lane: Lane) -> None:
    gate, task = await busy(lane)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.opened.set()
    assert await lane.run(lambda: "next") == "next"


async def test_closing_drops_what_waits_and_lets_what_runs_end(lane: Lane) -> None:
    gate, running = await busy(lane)
    waiting = asyncio.create_task(lane.run(lambda: "never"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(lane.close())
    with pytest.raises(EngineFailed, match="closed"):
        await waiting
    assert not closing.done()
    gate.opened.set()
    await closing
    assert await running
    await lane.close()
    with pytest.raises(EngineFailed, match="closed"):
        await lane.run(lambda: "late")


async def test_a_stream_gives_chunks_as_they_come(lane: Lane) -> None:
    go_on = threading.Event()

    def produce(emit: Emit) -> None:
        emit(b"1")
        assert go_on.wait(10)
        emit(b"2")

    heard = []
    async for chunk in lane.stream(produce):
        heard.append(chunk)
        go_on.set()  # without the first chunk here, the second would never be made
    assert heard == [b"1", b"2"]


async def test_a_stream_that_is_left_stops_the_work(lane: Lane) -> None:
    answers: list[bool] = []
    left = threading.Event()

    def produce(emit: Emit) -> None:
        answers.append(emit(b"1"))
        assert left.wait(10)
        answers.append(emit(b"2"))

    stream = lane.stream(produce)
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    left.set()
    await lane.run(lambda: None)
    assert answers == [True, False]


async def test_a_stream_that_is_left_before_its_turn_is_never_made(lane: Lane) -> None:
    gate, running = await busy(lane)
    made: list[int] = []
    stream = lane.stream(lambda emit: made.append(1))
    listening = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    gate.opened.set()
    await running
    await lane.run(lambda: None)
    assert made == []


async def test_a_stream_fails_after_what_it_said(lane: Lane) -> None:
    def produce(emit: Emit) -> None:
        emit(b"1")
        raise RuntimeError("no more")

    stream = lane.stream(produce)
    assert await anext(stream) == b"1"
    with pytest.raises(EngineFailed, match="no more"):
        await anext(stream)


async def test_the_loop_comes_first_on_a_busy_machine(lane: Lane) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await lane.run(niceness) > niceness()
