"""Does it speak, on the processor or GPU of the plan, and in time?"""

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

    async def run(self, facts: CheckContext) -> Finding:
        if facts.daemon:
            planned = engine_probe.of_the_daemon(await facts.daemon.status(), "tts")
        else:
            planned = engine_probe.of_the_plan(facts, "tts")
        try:
            said = await engine_probe.say(facts, texts())
        except EngineError as error:
            return self.failure(error.message, error.advice)
        return self.judge(planned, said, facts)

    def judge(
        self, planned: engine_probe.Planned, said: SynthesisProbe, facts: CheckContext
    ) -> Finding:
        made = audio_level.measured(said.pcm)
        fault = made.fault(texts()[0])
        if fault:
            return self.failure(
                f"{said.engine}: {fault}",
                "Run `appliance models verify`; if all is good, choose another tts.voice.",
            ).with_figures(engine=said.engine, peak=made.peak, audio_seconds=made.seconds)
        used = expectations.used(planned, said.engine, said.share, facts, busy=facts.busy())
        shown = (
            f"{said.engine} took {1000 * said.seconds:.0f} ms for {made.seconds:.1f} s"
            f" ({said.share:.0%} of real time)"
        )
        return Finding(self.name, used.verdict, shown + used.message, used.advice).with_figures(
            engine=said.engine,
            seconds=round(said.seconds, 3),
            real_time_share=round(said.share, 3),
            audio_seconds=round(made.seconds, 2),
            peak=made.peak,
        )


def texts() -> list[str]:
    """Sentences that nobody has heard from it: what was said before may come from memory."""
    number = int(time.time()) % 100_000
    return [f"This is self test number {number} of part {part}." for part in range(1, TIMES + 1)]
