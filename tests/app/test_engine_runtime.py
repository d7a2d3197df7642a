"""An engine is stuck once its thread has worked at one request for too long."""

import asyncio
import threading

import pytest

from appliance.app import engine_runtime
from appliance.engines import Ticket, Transcript
from appliance.engines.worker import WorkerPool


class BlockingTranscriber:
    """A Transcriber on a real worker pool, which works until `enough` is set."""

    supports_interim = False
    is_idle = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun, self.enough = threading.Event(), threading.Event()
        self._pool = WorkerPool(name)

    @property
    def stuck_seconds(self) -> float:
        return self._pool.stuck_seconds

    def _transcribe(self) -> Transcript:
        self.begun.set()
        assert self.enough.wait(10)
        return Transcript("")

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        return await self._pool.run(self._transcribe)

    async def close(self) -> None:
        await self._pool.close()


async def test_an_engine_is_stuck_when_its_thread_has_worked_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle, busy = BlockingTranscriber("idle"), BlockingTranscriber("busy")
    working = asyncio.create_task(busy.transcribe(b""))
    assert await asyncio.to_thread(busy.begun.wait, 10)
    assert engine_runtime.stuck_engine([idle, busy]) == ""
    monkeypatch.setattr(engine_runtime, "STUCK_SECONDS", 0.0)
    async with asyncio.timeout(10):
        while engine_runtime.stuck_engine([idle, busy]) != "busy":  # noqa: ASYNC110  the clock has to move on
            await asyncio.sleep(0)
    busy.enough.set()
    await working
    await busy.close()
    await idle.close()
