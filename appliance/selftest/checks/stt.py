"""Checks that the STT engine understands a recording, on the planned device and in time."""

from typing import ClassVar

from appliance.bench.recordings import shipped_command
from appliance.engines.probe import TranscriptionProbe
from appliance.errors import EngineError
from appliance.selftest import engine_probe, expectations
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext
from appliance.text.word_error_rate import error_rate

SENTENCE = "what is the date today"
TIMES = 2  # the faster counts: the first may find cold caches
MAX_ERROR_RATE = 0.4  # of the words; above it, the engine does not understand


class STTCheck(BaseCheck):
    name: ClassVar[str] = "hearing"
    title: ClassVar[str] = "Hearing"
    limit: ClassVar[float] = 300.0  # without a daemon, a large model is loaded first

    async def run(self, context: CheckContext) -> Finding:
        recording = shipped_command(SENTENCE)
        planned = await engine_probe.planned_engine(context, "stt")
        try:
            heard = await engine_probe.transcribe(context, recording.pcm, TIMES)
        except EngineError as error:
            return self.failure(error.message, error.advice)
        return self.judge(planned, heard, context)

    def judge(
        self, planned: engine_probe.PlannedEngine, heard: TranscriptionProbe, context: CheckContext
    ) -> Finding:
        wrong = error_rate(SENTENCE, heard.text)
        assessment = expectations.assess_engine(
            planned, heard.engine, heard.real_time_factor, context, busy=context.is_busy()
        )
        summary = (
            f"{heard.engine} took {1000 * heard.seconds:.0f} ms"
            f" ({heard.real_time_factor:.0%} of real time)"
        )
        finding = Finding(
            self.name, assessment.verdict, summary + assessment.message, assessment.advice
        )
        if wrong > MAX_ERROR_RATE and not assessment.is_problem:
            finding = self.warning(
                f"{heard.engine} heard {heard.text!r} instead of {SENTENCE!r}",
                "Fetch a better model (`appliance plan` names the next one) or, if it used to"
                " understand, run `appliance models verify`.",
            )
        return finding.with_figures(
            engine=heard.engine,
            seconds=round(heard.seconds, 3),
            real_time_share=round(heard.real_time_factor, 3),
            word_error_rate=round(wrong, 2),
        )
