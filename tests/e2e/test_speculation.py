"""Speculative answers come sooner, and never change what is said or done."""

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.client import Call, calling
from tests.chat_server import Call as ToolCall
from tests.chat_server import Reply, chat_server
from tests.daemon import LEAD_IN, LEAD_OUT, MICRO_MODELS, command, running

pytestmark = [pytest.mark.slow, pytest.mark.alone]

LONG_ANSWER = "what_is_the_weather_in_paris"
SENTENCES = (LONG_ANSWER, LONG_ANSWER, "turn_on_the_kitchen_light", "good_morning", "repeat_that")


@dataclass(frozen=True)
class Step:
    """A sentence with a pause inside, said after the answer before, or as an interruption of it."""

    name: str
    pause_seconds: float
    interrupts_after: float

    @property
    def pcm(self) -> bytes:
        said = command(self.name)
        middle = _quietest(said, 0.35, 0.65)
        return said[:middle] + bytes(2 * int(16_000 * self.pause_seconds)) + said[middle:]


def _quietest(pcm: bytes, begin: float, end: float) -> int:
    samples = memoryview(pcm).cast("h")
    places = range(int(len(samples) * begin), int(len(samples) * end), 160)
    return 2 * min(places, key=lambda at: sum(abs(s) for s in samples[at : at + 160]))


def _script(seed: int) -> list[Step]:
    chance = random.Random(seed)
    steps = [Step(LONG_ANSWER, 0.08, 0.0)]
    for _ in range(5):
        # Interrupts only the long answer, which is certainly still being spoken.
        interrupts = chance.choice([0.0, 0.5, 1.5]) if steps[-1].name == LONG_ANSWER else 0.0
        # Too short to end a turn, long enough to begin a speculative answer.
        pause = chance.choice([0.0, 0.04, 0.08])
        steps.append(Step(chance.choice(SENTENCES), pause, interrupts))
    return steps


def _reply(messages: list[dict[str, Any]]) -> Reply:
    asked = messages[-1]
    if asked["role"] == "tool":
        return "It is done, as you wished. The timer runs."
    if "light" in str(asked["content"]).lower():
        return ToolCall("set_timer", {"minutes": 3, "name": "light"})
    return (
        f"You said {asked['content']}, and I have heard it. There is more to say of it than one "
        "would think at first. It changes with the day, and with the season, and with the place. "
        "People have talked about it ever since they could, and they will go on to do so."
    )


async def _perform(steps: list[Step], state: Path, *, speculate: bool) -> list[tuple[str, str]]:
    """Returns what was said and done, from the stored conversation."""
    async with chat_server(_reply) as chat:
        overrides = {
            **MICRO_MODELS,
            "APPLIANCE__TURN__SPECULATE": str(speculate).lower(),
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
        }
        async with running(state, overrides) as daemon, calling(daemon.base_url) as call:
            began = 0.0
            for step in steps:
                began = await _say(call, step, began)
            await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=began, seconds=60)
            _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
    return [entry for event in kept["events"] if (entry := _comparable(event))]


async def _say(call: Call, step: Step, began: float) -> float:
    """Says a sentence, and returns when its answer began."""
    if began and step.interrupts_after:
        await asyncio.sleep(step.interrupts_after)
    elif began:
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=began, seconds=60)
    # An interruption has no silence before and after it.
    pcm = step.pcm if not step.interrupts_after else step.pcm[len(LEAD_IN) : -len(LEAD_OUT)]
    end = await call.say(pcm)
    answered = await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=end)
    return answered.at


def _comparable(event: dict[str, Any]) -> tuple[str, str] | None:
    """Returns what must be equal with and without speculation.

    Interrupted answers are left out: how much of one is heard is a matter of milliseconds.
    """
    kind, data = event["kind"], event["data"]
    if kind == "tool_call":
        return kind, f"{data['tool']} {data['arguments']}"
    if kind == "user_transcript" or (kind == "answer" and not data["interrupted"]):
        return kind, data["text"]
    return None


@pytest.mark.parametrize("seed", range(2))
async def test_speculation_changes_nothing_that_is_said_or_done(seed: int, tmp_path: Path) -> None:
    steps = _script(seed)
    ahead, in_order = await asyncio.gather(
        _perform(steps, tmp_path / "ahead", speculate=True),
        _perform(steps, tmp_path / "in_order", speculate=False),
    )
    assert ahead == in_order
    assert sum(kind == "user_transcript" for kind, _ in ahead) == len(steps)
