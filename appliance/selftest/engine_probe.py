"""The engines as the checks see them: the daemon's own, or the plan's, loaded for the test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from appliance.bench.engine_bench import grammar
from appliance.engines import Voice, probe
from appliance.engines.factory import synthesizers, transcribers
from appliance.engines.probe import SynthesisProbe, TranscriptionProbe
from appliance.selftest.context import CheckContext

Kind = Literal["stt", "tts"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What the plan put first, and what became of it.

    `trouble` and `advice` are why something else answers in its place, empty where nothing does.
    """

    engine: str
    model: str
    device: str
    accelerator: str
    better: str
    loading: bool = False
    trouble: str = ""
    advice: str = ""


def of_the_daemon(status: Mapping[str, Any], kind: Kind) -> Planned:
    """The first choice of the running appliance, and whether it is what answers."""
    plan, state = status["plan"], status["engines"].get(kind, {})
    rung = plan[kind]["rungs"][0]
    ladder = state.get("ladder", [])
    first = ladder[0] if ladder else {}
    failed = first.get("state") == "failed"
    return Planned(
        rung["engine"],
        rung["model"],
        rung["device"],
        plan["accelerator"],
        plan[kind]["better"],
        state.get("state") != "ready",
        str(first.get("error", "it failed")) if failed else "",
        str(first.get("advice", "")) if failed else "",
    )


def of_the_plan(facts: CheckContext, kind: Kind) -> Planned:
    """The first choice of the plan that was made for this test."""
    ladder = facts.plan.stt if kind == "stt" else facts.plan.tts
    rung = ladder.rungs[0]
    return Planned(rung.engine, rung.model, rung.device, facts.plan.accelerator, ladder.better)


async def hear(facts: CheckContext, pcm: bytes, times: int) -> TranscriptionProbe:
    """The fastest of several transcriptions, by the daemon or by the plan's own engine.

    Raises EngineError where the engine cannot be loaded, ApplianceError where the daemon is gone.
    """
    if facts.daemon:
        heard = [await facts.daemon.hear(pcm) for _ in range(times)]
    else:
        candidates = transcribers(facts.plan, facts.config, await grammar(facts.config))
        engine = await candidates[0].load()
        try:
            heard = [await probe.hear(engine, pcm, "en") for _ in range(times)]
        finally:
            await engine.close()
    return min(heard, key=lambda one: one.seconds)


async def say(facts: CheckContext, texts: list[str]) -> SynthesisProbe:
    """The fastest of several syntheses; the texts differ, for what was said before is kept."""
    if facts.daemon:
        said = [await facts.daemon.say(text) for text in texts]
    else:
        engine = await synthesizers(facts.plan, facts.config)[0].load()
        voice = Voice(facts.config.tts.voice, "en", facts.config.tts.speed)
        try:
            said = [await probe.say(engine, text, voice) for text in texts]
        finally:
            await engine.close()
    return min(said, key=lambda one: one.share)
