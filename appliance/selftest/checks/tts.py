"""Checks that the TTS engine speaks audibly, on the planned device and in time."""

import time
from typing import ClassVar

from appliance.engines.probe import SynthesisProbe
from appliance.errors import EngineError
from appliance.selftest import audio_level, engine_probe, expectations
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

TIMES = 2


class TTSCheck(BaseCheck):
    name: ClassVar[str] = "speaking"
    title: ClassVar[str] = "Speaking"
    limit: ClassVar[float] = 300.0

    async def run(self, context: CheckContext) -> Finding:
        planned = await engine_probe.planned_engine(context, "tts")
        try:
            probe = await engine_probe.synthesize(context, texts())
        except EngineError as error:
            return self.failure(error.message, error.advice)
        return self.judge(planned, probe, context)

    def judge(
        self, planned: engine_probe.PlannedEngine, probe: SynthesisProbe, context: CheckContext
    ) -> Finding:
        level = audio_level.measure(probe.pcm)
        fault = level.fault(texts()[0])
        if fault:
            return self.failure(
                f"{probe.engine}: {fault}",
                "Run `appliance models verify`; if all is good, choose another tts.voice.",
            ).with_figures(engine=probe.engine, peak=level.peak, audio_seconds=level.seconds)
        assessment = expectations.assess_engine(
            planned, probe.engine, probe.real_time_factor, context, busy=context.is_busy()
        )
        summary = (
            f"{probe.engine} took {1000 * probe.seconds:.0f} ms for {level.seconds:.1f} s"
            f" ({probe.real_time_factor:.0%} of real time)"
        )
        return Finding(
            self.name, assessment.verdict, summary + assessment.message, assessment.advice
        ).with_figures(
            engine=probe.engine,
            seconds=round(probe.seconds, 3),
            real_time_share=round(probe.real_time_factor, 3),
            audio_seconds=round(level.seconds, 2),
            peak=level.peak,
        )


def texts() -> list[str]:
    """Sentences that the engine has not spoken before, so that none comes out of its cache."""
    number = int(time.time()) % 100_000
    return [f"This is self test number {number} of part {part}." for part in range(1, TIMES + 1)]
