"""Talks with an appliance that is being ill-treated, and remembers what was acknowledged."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from appliance.client import Call, calling
from appliance.errors import ApplianceError
from tests.daemon import Daemon

QUESTION = "what day is it"
ANSWER_SECONDS = 30.0


async def answered(call: Call, question: str = QUESTION) -> str:
    """Types a question, and returns the first sentence of the answer. Raises SessionError."""
    sent = await call.type(question)
    said = await call.wait_for(
        lambda a: a.kind == "bot-llm-text", since=sent, seconds=ANSWER_SECONDS
    )
    return str(said.data["text"])


async def is_served(daemon: Daemon, conversation: str = "") -> Call:
    """Opens a session, has a question answered, and hangs up."""
    options = {"conversation_id": conversation} if conversation else {}
    async with calling(daemon.base_url, options=options, microphone=False) as call:
        await answered(call)
    return call


@dataclass
class Witness:
    """Reads a conversation again and again, as a page does: what it was shown is acknowledged."""

    conversation: str = ""
    seen: list[str] = field(default_factory=list)

    async def read(self, daemon: Daemon) -> list[str]:
        """Returns the events that are kept now, each as a text that is the same every time."""
        _, kept = await daemon.get(f"/api/conversations/{self.conversation}")
        return [json.dumps(event, sort_keys=True) for event in kept.get("events", [])]

    async def watch(self, daemon: Daemon) -> None:
        """Reads until the appliance is gone."""
        while True:
            if self.conversation:
                self.seen = await self.read(daemon) or self.seen
            await asyncio.sleep(0.02)

    async def check(self, daemon: Daemon) -> None:
        """Asserts that everything seen is still there, in its order and once."""
        now = await self.read(daemon)
        missing = [event for event in self.seen if event not in now]
        assert not missing, f"{len(missing)} acknowledged events are gone: {missing[0]}"
        assert len(set(now)) == len(now), "an event is there twice"
        order = [now.index(event) for event in self.seen]
        assert order == sorted(order), "events have changed their order"


async def talk(daemon: Daemon, witness: Witness) -> None:
    """Asks on and on in the witness's conversation, until the appliance is gone."""
    options: dict[str, Any] = {}
    if witness.conversation:
        options["conversation_id"] = witness.conversation
    try:
        async with calling(daemon.base_url, options=options, microphone=False) as call:
            witness.conversation = call.conversation_id
            while True:
                await answered(call)
    except (ApplianceError, aiohttp.ClientError, OSError):
        return  # as intended: it was killed
