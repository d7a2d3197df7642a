"""A sender beyond its rate waits, in proportion, and is given up; others get their turn."""

import asyncio

import pytest

from appliance.access.back_pressure import UNITS_A_TURN, BackPressure, Flooded


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def pressure(clock: Clock) -> BackPressure:
    return BackPressure(10, 20, 5, lambda: clock.now, clock.sleep)


async def test_within_the_burst_nobody_waits() -> None:
    clock = Clock()
    reading = pressure(clock)
    assert [await reading.spend(1) for _ in range(20)] == [0.0] * 20
    assert not any(clock.slept)


async def test_beyond_it_each_unit_takes_its_time() -> None:
    clock = Clock()
    reading = pressure(clock)
    await reading.spend(20)
    waits = [await reading.spend(1) for _ in range(10)]
    assert waits == pytest.approx([0.1] * 10)
    assert clock.now == pytest.approx(101.0)


async def test_a_sender_that_is_behind_for_too_long_is_given_up() -> None:
    clock = Clock()
    reading = pressure(clock)
    for _ in range(69):  # the burst, and what five seconds let pass
        await reading.spend(1)
    with pytest.raises(Flooded):
        await reading.spend(2)
    assert 104.5 < clock.now <= 105.0


async def test_a_sender_that_pauses_is_forgiven() -> None:
    clock = Clock()
    reading = pressure(clock)
    for _ in range(10):
        await reading.spend(60)  # four seconds behind each time
        clock.now += 2
        assert await reading.spend(1) == 0.0


async def test_one_thing_that_costs_more_than_the_patience_is_refused_at_once() -> None:
    clock = Clock()
    with pytest.raises(Flooded):
        await pressure(clock).spend(1000)
    assert clock.slept == []


async def test_other_tasks_run_between_the_things_that_are_read() -> None:
    reading = BackPressure(1e6, 1e6, 5)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(2_000):
        await reading.spend(1)
    task.cancel()
    assert turns >= 2_000 / UNITS_A_TURN - 1
