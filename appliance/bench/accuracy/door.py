"""Says clips to running servers, through the door that people use, in real time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.bench import contenders
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.bench.contenders import OURS, STOCK, BenchSetup, Contender
from appliance.bench.scripted_llm import TokenPace, scripted_llm
from appliance.client import Arrival, Call, calling
from appliance.errors import SessionError

if TYPE_CHECKING:
    from appliance.bench.accuracy.clips import Clip

SETTLE_SECONDS: Final = 20.0
"""After a clip, for words and an end of turn that are late because the processor is busy."""
QUIET_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.1
STARTED, STOPPED = "user-started-speaking", "user-stopped-speaking"
WORDS = "user-transcription"
_ANSWERS: Final = ("All right.",)
_SPEED: Final = 2.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HearingEngines:
    """The configured transcriber, or the model at `whisper`; the voice only takes time.

    Stock gets a transcriber that only takes time, too: its turn taking does not look at words.
    """

    whisper: Path | None = None

    def __str__(self) -> str:
        return "hearing"

    def appliance_settings(self) -> dict[str, str]:
        """Settings of the appliance, keys as in the environment without the prefix."""
        named = {"STT__ENGINE": "whisper", "STT__MODEL": str(self.whisper)} if self.whisper else {}
        return {
            **named,
            "TTS__ENGINE": "timed",
            "TTS__MODEL": "80ms",
            "TTS__SPEED": f"{_SPEED:g}",
        }

    def stock_arguments(self) -> list[str]:
        """Arguments of `stock_pipecat`."""
        return ["--stt", "0.09", "--tts", "0.08", "--speed", f"{_SPEED:g}"]


@asynccontextmanager
async def running_servers(
    engines: HearingEngines, setup: BenchSetup, *, with_stock: bool
) -> AsyncIterator[Mapping[str, Contender]]:
    """The appliance, and stock Pipecat beside it, by name. Raises ApplianceError."""
    async with AsyncExitStack() as stack:
        script = await stack.enter_async_context(scripted_llm(TokenPace(answers=_ANSWERS)))
        found = {
            OURS: await stack.enter_async_context(
                contenders.running_appliance(engines, script.url, setup)
            )
        }
        if with_stock:
            found[STOCK] = await stack.enter_async_context(
                contenders.running_stock(engines, script.url, setup)
            )
        yield found


async def hear_all(
    servers: Mapping[str, Contender],
    clips: Sequence["Clip"],
    sessions: int,
    progress: Progress,
) -> list[Mapping[str, Heard]]:
    """Says every clip to every server, each in a session of its own, so many clips at once.

    What each server heard, by its name, in the order of the clips.
    """
    limit = asyncio.Semaphore(sessions)
    done = 0

    async def hear_one(clip: "Clip") -> Mapping[str, Heard]:
        nonlocal done
        async with limit:
            heard = await asyncio.gather(*(_hear(server, clip) for server in servers.values()))
        done += 1
        progress(f"{done} of {len(clips)} clips")
        return dict(zip(servers, heard, strict=True))

    return list(await asyncio.gather(*(hear_one(clip) for clip in clips)))


async def _hear(server: Contender, clip: "Clip") -> Heard:
    try:
        return await _say(server, clip)
    except SessionError as error:  # one of hundreds: the others are worth their minutes
        return Heard(fault=error.message)


async def _say(server: Contender, clip: "Clip") -> Heard:
    async with _call(server, clip.language) as call:
        call.arrived.clear()
        with contextlib.suppress(SessionError):  # what came until then is what was heard
            await call.say(clip.pcm)
            if clip.text or call.after(0.0, STARTED):
                await _until_settled(call, call.sent_from + clip.end)
        return heard_from(call.arrived, call.sent_from)


async def _until_settled(call: Call, speech_end: float) -> None:
    """Waits for the end of the last turn, and for words that come after it."""
    limit = time.monotonic() + SETTLE_SECONDS
    while call.close_code is None and (now := time.monotonic()) < limit:
        if has_settled(call.arrived, speech_end, now):
            return
        await asyncio.sleep(POLL_SECONDS)


def _call(server: Contender, language: str) -> AbstractAsyncContextManager[Call]:
    if server.name == OURS:
        return calling(server.server.base_url, options={"language": language})
    return server.call()


def has_settled(arrived: Sequence[Arrival], speech_end: float, now: float) -> bool:
    """Whether every turn has ended, the last one about when speech did or later. Pure.

    The words of a part that waited for the transcriber may still follow, and begin another turn.
    """
    turns = [arrival for arrival in arrived if arrival.kind in (STARTED, STOPPED)]
    if not turns or turns[-1].kind != STOPPED or turns[-1].at < speech_end - 0.1:
        return False
    return now - max(a.at for a in arrived if a.kind in (STARTED, STOPPED, WORDS)) >= QUIET_SECONDS


def heard_from(arrived: Sequence[Arrival], begin: float) -> Heard:
    """What was heard, from everything that arrived; times count from `begin`. Pure."""

    def times(kind: str) -> tuple[float, ...]:
        return tuple(round(a.at - begin, 3) for a in arrived if a.kind == kind)

    finals = (a.data for a in arrived if a.kind == WORDS)
    text = " ".join(str(data.get("text", "")).strip() for data in finals if data.get("final"))
    return Heard(text, times(STARTED), times(STOPPED))
