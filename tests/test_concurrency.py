"""What nobody waits for is done all the same, and what goes wrong with it is told."""

import asyncio
import logging

import pytest

from appliance.concurrency import Errands
from appliance.errors import StoreError


async def _fails(error: Exception) -> None:
    raise error


async def test_what_fails_is_told_with_its_advice(caplog: pytest.LogCaptureFixture) -> None:
    errands = Errands()
    full = StoreError("the disk is full", advice="Make room.")
    with caplog.at_level(logging.ERROR):
        errands.run(_fails(full), "forget c1")
        errands.run(_fails(ZeroDivisionError()), "ring a timer")
        await errands.finish(10)
    assert "could not forget c1: the disk is full Make room." in caplog.text
    assert "could not ring a timer" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_under_way_at_the_end_is_finished() -> None:
    errands, go, done = Errands(), asyncio.Event(), list[str]()

    async def forget() -> None:
        await go.wait()
        done.append("forgotten")

    errands.run(forget(), "forget")
    finishing = asyncio.create_task(errands.finish(10))
    await asyncio.sleep(0)
    go.set()
    await finishing
    assert done == ["forgotten"]


async def test_what_does_not_end_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    errands, ended = Errands(), list[str]()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    errands.run(endless(), "wait")
    await asyncio.sleep(0)
    await errands.finish(0)
    assert ended == ["ended"]
    assert caplog.text == ""
