import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from appliance.engines import Priority, Ticket
from appliance.engines.worker import NICENESS, Emit, WorkerPool
from appliance.errors import EngineBusy, EngineFailed, ModelBroken


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    workers = WorkerPool("test")
    yield workers
    await workers.close()


class Gate:
    """Work that sets `started` and ends once `opened` is set."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.opened.wait(10)
        return threading.current_thread().name


async def busy(workers: WorkerPool) -> tuple[Gate, "asyncio.Task[str]"]:
    gate = Gate()
    task = asyncio.create_task(workers.run(gate))
    assert await asyncio.to_thread(gate.started.wait, 10)
    return gate, task


async def test_the_event_loop_runs_while_a_thread_works(workers: WorkerPool) -> None:
    gate, task = await busy(workers)
    gate.opened.set()  # by the loop, which the work would otherwise block
    assert (await task).startswith("test")


async def test_as_many_run_at_once_as_there_are_threads() -> None:
    workers = WorkerPool("wide", threads=2)
    gates = [await busy(workers), await busy(workers)]
    for gate, task in gates:
        gate.opened.set()
        await task
    await workers.close()


async def test_foreign_errors_become_engine_failed(workers: WorkerPool) -> None:
    with pytest.raises(EngineFailed, match="test failed: invalid literal") as raised:
        await workers.run(int, "x")
    assert isinstance(raised.value.__cause__, ValueError)


async def test_own_errors_pass_unchanged(workers: WorkerPool) -> None:
    def broken() -> None:
        raise ModelBroken("the file")

    with pytest.raises(ModelBroken):
        await workers.run(broken)


async def test_cancelling_drops_work_that_has_not_started(workers: WorkerPool) -> None:
    gate, first = await busy(workers)
    done: list[int] = []
    second = asyncio.create_task(workers.run(done.append, 2))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.opened.set()
    await first
    await workers.run(done.append, 3)
    assert done == [3]


async def test_the_result_of_cancelled_work_is_dropped(workers: WorkerPool) -> None:
    gate, task = await busy(workers)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.opened.set()
    assert await workers.run(lambda: "next") == "next"


@pytest.mark.parametrize("cancelled", [True, False])
async def test_work_that_has_started_can_tell_that_its_caller_was_cancelled(
    workers: WorkerPool, cancelled: bool
) -> None:
    gate = Gate()
    seen: list[bool] = []

    def steps() -> None:
        gate()
        seen.append(workers.is_abandoned())

    task = asyncio.create_task(workers.run(steps))
    assert await asyncio.to_thread(gate.started.wait, 10)
    if cancelled:
        task.cancel()
        await asyncio.wait({task})
    gate.opened.set()
    await workers.run(str)  # on the same thread, after it
    assert seen == [cancelled]


async def test_a_batch_is_abandoned_when_all_its_callers_were_cancelled(
    workers: WorkerPool,
) -> None:
    gate, _ = await busy(workers)
    batch = Gate()
    seen: list[bool] = []

    def steps(items: Sequence[int]) -> Sequence[int]:
        batch()
        seen.append(workers.is_abandoned())
        return items

    tasks = [asyncio.create_task(workers.run_batched(steps, item, "group")) for item in (1, 2)]
    await asyncio.sleep(0)
    gate.opened.set()
    assert await asyncio.to_thread(batch.started.wait, 10)
    tasks[0].cancel()
    await asyncio.wait({tasks[0]})
    batch.opened.set()
    assert (await tasks[1], seen) == (2, [False])


async def test_closing_drops_waiting_work_and_lets_running_work_end(workers: WorkerPool) -> None:
    gate, running = await busy(workers)
    waiting = asyncio.create_task(workers.run(lambda: "never"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(workers.close())
    with pytest.raises(EngineFailed, match="closed"):
        await waiting
    assert not closing.done()
    gate.opened.set()
    await closing
    assert await running
    await workers.close()
    with pytest.raises(EngineFailed, match="closed"):
        await workers.run(lambda: "late")


async def test_a_stream_yields_chunks_as_they_come(workers: WorkerPool) -> None:
    go_on = threading.Event()

    def produce(emit: Emit) -> None:
        emit(b"1")
        assert go_on.wait(10)
        emit(b"2")

    heard = []
    async for chunk in workers.stream(produce):
        heard.append(chunk)
        go_on.set()  # without the first chunk here, the second would never be made
    assert heard == [b"1", b"2"]


async def test_closing_a_stream_stops_its_work(workers: WorkerPool) -> None:
    answers: list[bool] = []
    left = threading.Event()

    def produce(emit: Emit) -> None:
        answers.append(emit(b"1"))
        assert left.wait(10)
        answers.append(emit(b"2"))

    stream = workers.stream(produce)
    async for _ in stream:
        break
    await stream.aclose()
    left.set()
    await workers.run(lambda: None)
    assert answers == [True, False]


async def test_a_stream_closed_before_its_turn_is_never_started(workers: WorkerPool) -> None:
    gate, running = await busy(workers)
    made: list[int] = []
    stream = workers.stream(lambda emit: made.append(1))
    listening = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    gate.opened.set()
    await running
    await workers.run(lambda: None)
    assert made == []


async def test_a_stream_raises_after_its_chunks(workers: WorkerPool) -> None:
    def produce(emit: Emit) -> None:
        emit(b"1")
        raise RuntimeError("no more")

    stream = workers.stream(produce)
    assert await anext(stream) == b"1"
    with pytest.raises(EngineFailed, match="no more"):
        await anext(stream)


async def test_requests_are_served_by_priority(workers: WorkerPool) -> None:
    gate, running = await busy(workers)
    done: list[str] = []
    waiting = [
        asyncio.create_task(workers.run(done.append, name, ticket=Ticket(priority)))
        for name, priority in [
            ("later", Priority.LATER),
            ("ahead", Priority.AHEAD),
            ("now", Priority.NOW),
            ("now too", Priority.NOW),
        ]
    ]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(running, *waiting)
    assert done == ["now", "now too", "ahead", "later"]


async def test_the_priority_of_a_waiting_request_may_change(workers: WorkerPool) -> None:
    gate, running = await busy(workers)
    done: list[str] = []
    ahead, other = Ticket(Priority.AHEAD), Ticket(Priority.AHEAD)
    waiting = [
        asyncio.create_task(workers.run(done.append, "other", ticket=other)),
        asyncio.create_task(workers.run(done.append, "mine", ticket=ahead)),
    ]
    await asyncio.sleep(0)
    ahead.priority = Priority.NOW
    gate.opened.set()
    await asyncio.gather(running, *waiting)
    assert done == ["mine", "other"]


async def test_a_request_fails_at_its_deadline_while_the_thread_is_busy(
    workers: WorkerPool,
) -> None:
    gate, running = await busy(workers)
    done: list[int] = []
    with pytest.raises(EngineBusy, match="test was too busy") as raised:
        await workers.run(done.append, 1, ticket=Ticket(deadline=time.monotonic() + 0.01))
    assert raised.value.advice
    gate.opened.set()
    await running
    await workers.run(lambda: None)
    assert done == []


async def test_a_request_before_its_deadline_is_served(workers: WorkerPool) -> None:
    ticket = Ticket(deadline=time.monotonic() + 60)
    assert await workers.run(lambda: "done", ticket=ticket) == "done"


class BatchRecorder:
    """Computes with each item, and records the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        return [10 // item * item for item in items]


async def test_equal_requests_are_served_in_one_batch(workers: WorkerPool) -> None:
    add = BatchRecorder()
    gate, running = await busy(workers)
    waiting = [
        asyncio.create_task(workers.run_batched(add, item, group, Ticket(priority)))
        for item, group, priority in [
            (1, "a", Priority.AHEAD),
            (2, "a", Priority.NOW),
            (3, "b", Priority.NOW),
            (5, "a", Priority.NOW),
            (10, "a", Priority.NOW),
        ]
    ]
    await asyncio.sleep(0)
    gate.opened.set()
    await running
    assert await asyncio.gather(*waiting) == [10, 10, 9, 10, 10]
    assert add.batches == [[2, 5, 10], [3], [1]]


async def test_no_request_fails_for_another_in_its_batch(workers: WorkerPool) -> None:
    add = BatchRecorder()
    gate, running = await busy(workers)
    items = (1, 0, 2)
    waiting = [asyncio.create_task(workers.run_batched(add, item, "a")) for item in items]
    await asyncio.sleep(0)
    gate.opened.set()
    await running
    first, second, third = await asyncio.gather(*waiting, return_exceptions=True)
    assert (first, third) == (10, 10)
    assert isinstance(second, EngineFailed)
    assert "by zero" in second.message
    assert add.batches == [[1, 0, 2], [1], [0], [2]]


async def test_a_cancelled_request_is_not_in_the_batch(workers: WorkerPool) -> None:
    add = BatchRecorder()
    gate, running = await busy(workers)
    first, second = [asyncio.create_task(workers.run_batched(add, item, "a")) for item in (1, 2)]
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.opened.set()
    await running
    assert await second == 10
    assert add.batches == [[2]]


async def test_worker_threads_have_a_lower_priority(workers: WorkerPool) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await workers.run(niceness) >= min(19, niceness() + NICENESS)


async def until_idle(workers: WorkerPool) -> None:
    """Waits until the threads are idle, which is a moment after a result is there."""
    async with asyncio.timeout(10):
        while not workers.is_idle:  # noqa: ASYNC110  it happens on a thread
            await asyncio.sleep(0)


async def stuck_longer_than(workers: WorkerPool, seconds: float) -> float:
    async with asyncio.timeout(10):
        while (stuck := workers.stuck_seconds) <= seconds:  # noqa: ASYNC110  it happens on a thread
            await asyncio.sleep(0.01)
    return stuck


async def test_a_thread_without_progress_is_noticed(workers: WorkerPool) -> None:
    assert (workers.stuck_seconds, workers.is_idle) == (0, True)
    gate, running = await busy(workers)
    assert not workers.is_idle
    for before in (0.0, 0.05):
        assert await stuck_longer_than(workers, before) > before
    gate.opened.set()
    await running
    await until_idle(workers)


async def test_every_chunk_is_progress(workers: WorkerPool) -> None:
    resume, end = threading.Event(), threading.Event()

    def produce(emit: Emit) -> None:
        emit(b"first")
        assert resume.wait(10)
        emit(b"second")
        assert end.wait(10)

    chunks = workers.stream(produce)
    assert await anext(chunks) == b"first"
    resumed = time.monotonic()
    resume.set()
    assert await anext(chunks) == b"second"
    assert 0 < await stuck_longer_than(workers, 0.0) <= time.monotonic() - resumed
    end.set()
    assert [chunk async for chunk in chunks] == []
    await until_idle(workers)


async def test_a_ticket_tells_when_work_on_it_began(workers: WorkerPool) -> None:
    gate, running = await busy(workers)
    ticket, dropped = Ticket(), Ticket(deadline=time.monotonic())
    waiting = asyncio.create_task(workers.run(int, ticket=ticket))
    with pytest.raises(EngineBusy):
        await workers.run(int, ticket=dropped)
    before, opened = ticket.started_at, time.monotonic()
    assert before is None
    gate.opened.set()
    await asyncio.gather(running, waiting)
    assert ticket.started_at is not None
    first = ticket.started_at
    assert opened <= first <= time.monotonic()
    await workers.run(int, ticket=ticket)
    assert (ticket.started_at, dropped.started_at) == (first, None)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no measures")
async def test_computing_counts_a_quarter(workers: WorkerPool) -> None:
    end = threading.Event()

    def compute() -> None:
        while not end.is_set():
            pass

    running = asyncio.create_task(workers.run(compute))
    await stuck_longer_than(workers, 0.05)  # the first reading is lenient
    begin, before = time.monotonic(), workers.stuck_seconds
    await asyncio.sleep(0.5)
    counted, passed = workers.stuck_seconds - before, time.monotonic() - begin
    end.set()
    await running
    # The thread also waits for the interpreter's lock now and then, which is blocked time.
    assert 0 < counted < 0.6 * passed
