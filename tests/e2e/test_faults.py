"""Whatever fails, somebody answers: every part, every way of failing, every policy.

The real appliance on its real libraries, which fail when the test says so; the models outside are
on real ports.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.client import Arrived, Call, calling
from appliance.conversation import MODEL_SILENT
from appliance.engines.apology import SPEECHLESS
from appliance.errors import SessionError
from appliance.voice.services.stt import NOT_HEARD
from tests.chat_server import ChatServer, Trouble, chat_server
from tests.chat_server import Reply as Written
from tests.daemon import MICRO_MODELS, Daemon, command, running
from tests.faulty import (
    DIES,
    FAULTS,
    GARBAGE,
    HANGS,
    PATIENCE_SECONDS,
    RAISES,
    break_engines,
    struck_file,
)
from tests.realtime_server import Drop, Fails, Mute, Nonsense, RealtimeServer, realtime_server
from tests.realtime_server import Reply as Spoken
from tests.stranger import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(120),
]

ANSWERED_SECONDS = 3.0  # after the fault, which a silence becomes when its time is over
FIRST_TOKEN_SECONDS = 1.0

NEAR = "The moon is far away. Nobody has ever gone there on foot."
FAR = "From outside it looks far away."
TIME = "It is"  # what the clock's tool begins with, which needs no model

MODEL_FAULTS: dict[str, Written] = {
    RAISES: Trouble(status=500),
    HANGS: Trouble(stall=True),
    GARBAGE: Trouble(garbage=True),
    DIES: Trouble(break_after=4),
}
REALTIME_FAULTS: dict[str, Spoken] = {
    RAISES: Fails(),
    HANGS: Mute(),
    GARBAGE: Nonsense(),
    DIES: Drop("Well"),
}
ENGINES = {
    "the best ear": ("whisper",),
    "every ear": ("whisper", "sphinx"),
    "the best voice": ("kokoro",),
    "every voice": ("kokoro", "espeak"),
}
PARTS = (*ENGINES, "the model", "realtime")


@dataclass
class Box:
    """An appliance under one policy, and everything that it may ask."""

    policy: str
    faults: Path
    chat: ChatServer
    realtime: RealtimeServer
    daemon: Daemon
    written: list[Written] = field(default_factory=lambda: [NEAR])
    spoken: list[Spoken] = field(default_factory=lambda: [FAR])

    def break_(self, part: str, fault: str) -> None:
        if part in ENGINES:
            break_engines(self.faults, dict.fromkeys(ENGINES[part], fault))
        elif part == "the model":
            self.written[0] = MODEL_FAULTS[fault]
        else:
            self.spoken[0] = REALTIME_FAULTS[fault]

    async def mend(self) -> None:
        """Everything works again, and is as it was."""
        self.faults.unlink(missing_ok=True)
        struck_file(self.faults).unlink(missing_ok=True)
        self.written[0], self.spoken[0] = NEAR, FAR

        async def is_whole() -> bool:
            _, health = await self.daemon.get("/health")
            return all(
                engine["ladder"][0]["state"] == "ready" for engine in health["engines"].values()
            )

        await until(is_whole, 60)

    def struck(self) -> float:
        """When a library last failed; 0: none did."""
        file = struck_file(self.faults)
        return float(file.read_text().split()[-1]) if file.exists() else 0.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["off", "on_failure", "always"])
async def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    state = tmp_path_factory.mktemp("appliance")
    written: list[Written] = [NEAR]
    spoken: list[Spoken] = [FAR]
    async with (
        chat_server(lambda _: written[0]) as chat,
        realtime_server(lambda _: spoken[0]) as realtime,
    ):
        settings = {
            **MICRO_MODELS,
            FAULTS: str(state / "faults"),
            "OPENAI_API_KEY": "nobody-s",
            "APPLIANCE__FALLBACK__POLICY": request.param,
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
            "APPLIANCE__LLM__FIRST_TOKEN_SECONDS": f"{FIRST_TOKEN_SECONDS}",
            # An address that is not known to be this machine's own.
            "APPLIANCE__REALTIME__BASE_URL": realtime.base_url.replace("127.0.0.1", "0.0.0.0"),
            "APPLIANCE__REALTIME__FIRST_TOKEN_SECONDS": f"{FIRST_TOKEN_SECONDS}",
        }
        async with running(state, settings, module="tests.faulty") as daemon:
            box = Box(request.param, state / "faults", chat, realtime, daemon, written, spoken)
            yield box
            # A thread that hangs would outlive the appliance.
            box.faults.unlink(missing_ok=True)


@pytest_asyncio.fixture(loop_scope="module")
async def box(started: Box) -> Box:
    await started.mend()
    started.chat.requests.clear()
    started.realtime.keys.clear()
    return started


def aloud(call: Call, since: float) -> str:
    words = " ".join(arrival.data["text"] for arrival in call.after(since, "bot-tts-text"))
    return " ".join(words.split())


def expected(box: Box, part: str, fault: str) -> str:
    """What is heard, or as much of it as tells who says it."""
    outside = box.policy != "off"
    if box.policy == "always":
        return FAR if part != "realtime" else NEAR
    if part in ("realtime", "the best voice"):
        return NEAR
    if part == "the best ear":
        return TIME
    # Of an answer that was half heard, nobody else says the rest.
    if outside and (part, fault) != ("every voice", DIES):
        return FAR
    return {"every ear": NOT_HEARD, "every voice": SPEECHLESS, "the model": MODEL_SILENT}[part]


def sounds(arrival: Arrived) -> bool:
    return arrival.kind == "audio" and any(getattr(arrival.frame, "pcm", b""))


def longest_silence(call: Call, begin: float, end: float) -> float:
    """In seconds; what is announced before the answer is no silence."""
    heard = [arrival.at for arrival in call.after(begin) if sounds(arrival) and arrival.at < end]
    return max(after - before for before, after in pairwise([begin, *heard, end]))


async def ask(call: Call, part: str) -> float:
    """Asks by voice where it is the ears that fail; the time at which it was asked."""
    if "ear" in part:
        return await call.say(command("what_time_is_it"))
    return await call.type("how far away is the moon")


async def kept(box: Box, call: Call, holds: Callable[[Any], bool]) -> dict[str, Any]:
    """The conversation as it was written down, as soon as that holds for it."""
    found: list[dict[str, Any]] = []

    async def is_kept() -> bool:
        _, conversation = await box.daemon.get(f"/api/conversations/{call.conversation_id}")
        found.append(conversation)
        return holds(conversation)

    await until(is_kept)
    return found[-1]


@pytest.mark.parametrize("fault", [RAISES, HANGS, GARBAGE, DIES])
@pytest.mark.parametrize("part", PARTS)
async def test_somebody_answers(box: Box, part: str, fault: str) -> None:
    wishes = {"route": "realtime"} if part == "realtime" else {}
    if part == "realtime" and box.policy == "off":
        with pytest.raises(SessionError, match="not open"):
            async with calling(box.daemon.base_url, wishes=wishes):
                pass
        return
    async with calling(box.daemon.base_url, wishes=wishes) as call:
        box.break_(part, fault)
        asked = await ask(call, part)
        words = " ".join(expected(box, part, fault).split()[:3])
        heard = await call.wait_for(lambda _: words in aloud(call, asked), since=asked)
        fell = box.struck() or asked
        await call.wait_for(sounds, since=fell)
        budget = max(FIRST_TOKEN_SECONDS, PATIENCE_SECONDS + 2.0) if fault == HANGS else 0.0
        assert longest_silence(call, fell, heard.at) < budget + ANSWERED_SECONDS

        await box.mend()
        again = await call.type("what day is it")
        await call.wait_for(sounds, since=again)
        conversation = await kept(
            box, call, lambda c: any(e["kind"] == "answer" for e in c["events"])
        )
    told = {event["kind"] for event in conversation["events"]}
    if box.policy != "always" or part == "realtime":
        assert told & {"error", "route_changed"}, told
    if box.policy == "off":
        assert not box.realtime.keys
        assert not any(turn["left_the_box"] for turn in conversation["turns"])
