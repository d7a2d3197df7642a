"""The apology: rendered ahead by whatever engine can, and kept."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from appliance.engines import Ticket, Voice
from appliance.engines.apology import Apology
from appliance.engines.simulated import SimulatedSynthesizer
from appliance.errors import EngineOverloaded


class OverloadedSynthesizer(SimulatedSynthesizer):
    """Fails every request for lack of processors until `is_overloaded` is cleared."""

    is_overloaded = True

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        if self.is_overloaded:
            raise EngineOverloaded("far too slow")
        async for chunk in super().synthesize(text, voice, ticket):
            yield chunk


async def test_it_is_tried_again_until_an_engine_can_speak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apology, engine = Apology(), OverloadedSynthesizer(0.0)
    assert not await apology.speak(engine, Voice())
    assert not apology.pcm
    monkeypatch.setattr("appliance.engines.apology.RETRY_SECONDS", 0.01)
    retrying = asyncio.create_task(apology.retry(lambda: engine, Voice()))
    await asyncio.wait({retrying}, timeout=0.1)
    assert not retrying.done()
    engine.is_overloaded = False
    async with asyncio.timeout(10):
        await retrying
    assert apology.pcm


async def test_the_audio_of_an_earlier_engine_stays_where_a_later_one_fails() -> None:
    apology = Apology()
    assert await apology.speak(SimulatedSynthesizer(0.0), Voice())
    before = apology.pcm
    assert not await apology.speak(OverloadedSynthesizer(0.0), Voice())
    assert apology.pcm == before
