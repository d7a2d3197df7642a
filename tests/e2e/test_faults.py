"""Every part fails in every way under every policy, and the user is answered in time.

It is the real appliance with its real libraries, which fail on the test's command; the models
outside listen on real ports.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.client import Arrival, Call, calling
from appliance.engines.apology import SPEECHLESS
from appliance.errors import SessionError
from appliance.languages.phrases import phrases
from tests.chat_server import ChatServer, Trouble, chat_server
from tests.chat_server import Reply as Written
from tests.daemon import MICRO_MODELS, Daemon, command, running
from tests.faulty import (
    DIES,
    FAULTS,
    GARBAGE,
    HANGS,
    RAISES,
    STALL_SECONDS,
    break_engines,
    struck_file,
)
from tests.realtime_server import Drop, Fails, Mute, Nonsense, RealtimeServer, realtime_server
from tests.realtime_server import Reply as Spoken
from tests.stranger import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.waits,
    pytest.mark.timeout(120),
]

ANSWERED_SECONDS = 3.0  # after the fault; a silence is one after its time-out
FIRST_TOKEN_SECONDS = 1.0

NEAR = "The moon is far away. Nobody has ever gone there on foot."
FAR = "From outside it looks far away."
TIME = "It is"  # the beginning of the clock tool's answer, which needs no model

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
    "best stt": ("whisper",),
    "all stt": ("whisper", "sphinx"),
    "best tts": ("kokoro",),
    "all tts": ("kokoro", "espeak"),
}
PARTS = (*ENGINES, "llm", "realtime")


@dataclass
class Box:
    """An appliance under one policy, and the models that it may use."""

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
        elif part == "llm":
            self.written[0] = MODEL_FAULTS[fault]
        else:
            self.spoken[0] = REALTIME_FAULTS[fault]

    async def mend(self) -> None:
        """Removes all faults, and waits until the best engines answer again."""
        self.faults.unlink(missing_ok=True)
        struck_file(self.faults).unlink(missing_ok=True)
        self.written[0], self.spoken[0] = NEAR, FAR

        async def is_mended() -> bool:
            _, health = await self.daemon.get("/health")
            return all(
                engine["ladder"][0]["state"] == "ready" for engine in health["engines"].values()
            )

        await until(is_mended, 60)

    def struck(self) -> float:
        """Returns the time at which a library last failed; 0 where none did."""
        file = struck_file(self.faults)
        return float(file.read_text().split()[-1]) if file.exists() else 0.0


# One daemon for each policy, and a process of the test for each daemon.
POLICIES = [
    pytest.param(policy, marks=pytest.mark.xdist_group(policy))
    for policy in ("off", "on_failure", "always")
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=POLICIES)
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
            # An address that counts as another machine's.
            "APPLIANCE__REALTIME__BASE_URL": realtime.base_url.replace("127.0.0.1", "0.0.0.0"),
            "APPLIANCE__REALTIME__FIRST_TOKEN_SECONDS": f"{FIRST_TOKEN_SECONDS}",
        }
        async with running(state, settings, module="tests.faulty") as daemon:
            box = Box(request.param, state / "faults", chat, realtime, daemon, written, spoken)
            yield box
            # Otherwise a hanging thread would outlive the appliance.
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
    """Returns the beginning of the answer, by which its speaker is recognised."""
    outside = box.policy != "off"
    if box.policy == "always":
        return FAR if part != "realtime" else NEAR
    if part in ("realtime", "best tts"):
        return NEAR
    if part == "best stt":
        return TIME
    # The rest of an answer that was half spoken is not spoken by another route.
    if outside and (part, fault) != ("all tts", DIES):
        return FAR
    said = phrases("en")
    return {
        "all stt": said.say("not_heard"),
        "all tts": SPEECHLESS,
        "llm": said.say("model_silent"),
    }[part]


def sounds(arrival: Arrival) -> bool:
    return arrival.kind == "audio" and any(getattr(arrival.frame, "pcm", b""))


def longest_silence(call: Call, begin: float, end: float) -> float:
    """Returns the longest silence in seconds; notices before the answer are no silence."""
    heard = [arrival.at for arrival in call.after(begin) if sounds(arrival) and arrival.at < end]
    return max(after - before for before, after in pairwise([begin, *heard, end]))


async def ask(call: Call, part: str) -> float:
    """Asks, by voice where the STT fails, and returns the time of the question."""
    if "stt" in part:
        return await call.say(command("what_time_is_it"))
    return await call.type("how far away is the moon")


async def kept(box: Box, call: Call, holds: Callable[[Any], bool]) -> dict[str, Any]:
    """Returns the stored conversation, once the predicate holds for it."""
    found: list[dict[str, Any]] = []

    async def is_kept() -> bool:
        _, conversation = await box.daemon.get(f"/api/conversations/{call.conversation_id}")
        found.append(conversation)
        return holds(conversation)

    await until(is_kept)
    return found[-1]


@pytest.mark.parametrize("fault", [RAISES, HANGS, GARBAGE, DIES])
@pytest.mark.parametrize("part", PARTS)
async def test_the_user_is_answered(box: Box, part: str, fault: str) -> None:
    options = {"route": "realtime"} if part == "realtime" else {}
    if part == "realtime" and box.policy == "off":
        with pytest.raises(SessionError, match="not open"):
            async with calling(box.daemon.base_url, options=options):
                pass
        return
    async with calling(box.daemon.base_url, options=options) as call:
        box.break_(part, fault)
        asked = await ask(call, part)
        words = " ".join(expected(box, part, fault).split()[:3])
        heard = await call.wait_for(lambda _: words in aloud(call, asked), since=asked)
        fell = box.struck() or asked
        await call.wait_for(sounds, since=fell)
        budget = max(FIRST_TOKEN_SECONDS, STALL_SECONDS + 2.0) if fault == HANGS else 0.0
        assert longest_silence(call, fell, heard.at) < budget + ANSWERED_SECONDS

        await box.mend()
        again = await call.type("what day is it")
        await call.wait_for(sounds, since=again)
        conversation = await kept(
            box, call, lambda c: any(e["kind"] == "answer" for e in c["events"])
        )
    kinds = {event["kind"] for event in conversation["events"]}
    if box.policy != "always" or part == "realtime":
        assert kinds & {"error", "route_changed"}, kinds
    if box.policy == "off":
        assert not box.realtime.keys
        assert not any(turn["left_the_box"] for turn in conversation["turns"])
