"""Probes the STT and TTS engines: the daemon's, or the plan's loaded for the test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from appliance.bench.engine_bench import grammar
from appliance.engines import probe
from appliance.engines.factory import first_voice, synthesizer_loaders, transcriber_loaders
from appliance.engines.probe import SynthesisProbe, TranscriptionProbe
from appliance.hardware.plan import Plan
from appliance.selftest.context import CheckContext

Kind = Literal["stt", "tts"]


@dataclass(frozen=True, slots=True)
class PlannedEngine:
    """The plan's first choice of an engine, and its state in the daemon.

    `error` and `advice` say why another engine answers in its place; both are empty where it
    answers itself. `accelerator` and `better` are the plan's words on the GPU and on the next
    better choice.
    """

    engine: str
    model: str
    device: str
    accelerator: str
    better: str
    loading: bool = False
    error: str = ""
    advice: str = ""

    @classmethod
    def from_status(cls, status: Mapping[str, Any], kind: Kind) -> "PlannedEngine":
        """The first choice of the running daemon, from the body of its /status."""
        plan, state = status["plan"], status["engines"].get(kind, {})
        planned = plan[kind]["rungs"][0]
        ladder = state.get("ladder", [])
        slot = ladder[0] if ladder else {}
        failed = slot.get("state") == "failed"
        return cls(
            planned["engine"],
            planned["model"],
            planned["device"],
            plan["accelerator"],
            plan[kind]["better"],
            state.get("state") != "ready",
            str(slot.get("error", "it failed")) if failed else "",
            str(slot.get("advice", "")) if failed else "",
        )

    @classmethod
    def from_plan(cls, plan: Plan, kind: Kind) -> "PlannedEngine":
        """The first choice of a plan made for this test, without a daemon."""
        ladder = plan.stt if kind == "stt" else plan.tts
        first = ladder.options[0]
        return cls(first.engine, first.model, first.device, plan.accelerator, ladder.better)


async def planned_engine(context: CheckContext, kind: Kind) -> PlannedEngine:
    """The first choice of the daemon's plan; of the plan for this machine without a daemon."""
    if context.daemon:
        return PlannedEngine.from_status(await context.daemon.status(), kind)
    return PlannedEngine.from_plan(context.plan, kind)


async def transcribe(context: CheckContext, pcm: bytes, times: int) -> TranscriptionProbe:
    """The fastest of `times` transcriptions, by the daemon or by the plan's engine.

    Raises EngineError where the engine cannot be loaded, ApplianceError where the daemon is gone.
    """
    if context.daemon:
        probes = [await context.daemon.transcribe(pcm) for _ in range(times)]
    else:
        loaders = transcriber_loaders(context.plan, context.config, await grammar(context.config))
        engine = await loaders[0].load()
        try:
            probes = [await probe.transcribe(engine, pcm, "en") for _ in range(times)]
        finally:
            await engine.close()
    return min(probes, key=lambda one: one.seconds)


async def synthesize(context: CheckContext, texts: list[str]) -> SynthesisProbe:
    """The fastest of several syntheses. The texts must differ: engines cache repeated phrases.

    Raises as `transcribe`.
    """
    if context.daemon:
        probes = [await context.daemon.synthesize(text) for text in texts]
    else:
        engine = await synthesizer_loaders(context.plan, context.config)[0].load()
        voice = first_voice(context.config)
        try:
            probes = [await probe.synthesize(engine, text, voice) for text in texts]
        finally:
            await engine.close()
    return min(probes, key=lambda one: one.real_time_factor)
