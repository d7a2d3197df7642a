"""Reads the events of GET /api/events as a page does."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class LiveStream:
    """One connection; `events` grows as it is read, `comments` counts the signs of life."""

    answer: aiohttp.ClientResponse
    events: list[tuple[str, Any]] = field(default_factory=list)
    comments: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for(self, topic: str, seconds: float = 20.0, **values: Any) -> Any:  # noqa: ANN401
        """Returns the data of the first event of a topic in which these values stand."""
        async with asyncio.timeout(seconds):
            while True:
                for name, data in self.events:
                    if name == topic and values.items() <= data.items():
                        return data
                assert not self.ended.is_set(), self.events
                await asyncio.sleep(0.02)

    async def read(self) -> None:
        name = ""
        try:
            async for line in self.answer.content:
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    self.events.append((name, json.loads(text.removeprefix("data: "))))
        except aiohttp.ClientError:
            pass
        finally:
            self.ended.set()


@asynccontextmanager
async def listening(
    base_url: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[LiveStream]:
    """Connects, and returns once the appliance has said hello."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.get(f"{base_url}/api/events", headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        live = LiveStream(answer)
        reading = asyncio.create_task(live.read())
        try:
            await live.wait_for("hello")
            yield live
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
