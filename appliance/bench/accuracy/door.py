"""Says clips to running servers, through the door that people use, in real time."""

import asyncio
import contextlib
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

SETTLE_SECONDS: Final = 12.0
"""After a clip, for words and an end of turn that are late because the processor is busy."""
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
            if clip.text or call.after(0.0, "user-started-speaking"):
                await call.wait_for(
                    lambda _: has_settled(call.arrived, call.sent_from + clip.end),
                    seconds=SETTLE_SECONDS,
                )
        return heard_from(call.arrived, call.sent_from)


def _call(server: Contender, language: str) -> AbstractAsyncContextManager[Call]:
    if server.name == OURS:
        return calling(server.server.base_url, options={"language": language})
    return server.call()


def has_settled(arrived: Sequence[Arrival], speech_end: float) -> bool:
    """Whether every turn has ended, the last one about when speech did or later. Pure."""
    kinds = ("user-started-speaking", "user-stopped-speaking")
    turns = [arrival for arrival in arrived if arrival.kind in kinds]
    return bool(turns) and turns[-1].kind == kinds[1] and turns[-1].at > speech_end - 0.1


def heard_from(arrived: Sequence[Arrival], begin: float) -> Heard:
    """What was heard, from everything that arrived; times count from `begin`. Pure."""

    def times(kind: str) -> tuple[float, ...]:
        return tuple(round(a.at - begin, 3) for a in arrived if a.kind == kind)

    finals = (a.data for a in arrived if a.kind == "user-transcription")
    text = " ".join(str(data.get("text", "")).strip() for data in finals if data.get("final"))
    return Heard(text, times("user-started-speaking"), times("user-stopped-speaking"))
