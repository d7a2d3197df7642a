"""Does it understand a recording, on the processor or GPU of the plan, and in time?"""

from typing import ClassVar

from appliance.bench.recordings import COMMANDS, sentences
from appliance.engines.probe import TranscriptionProbe
from appliance.errors import EngineError
from appliance.selftest import engine_probe, expectations
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext
from appliance.text.word_error_rate import error_rate

SENTENCE = "what is the date today"
TIMES = 2  # the faster counts: the first may find the caches cold
WRONG = 0.4  # of the words; beyond it, it does not understand


class STTCheck(BaseCheck):
    name: ClassVar[str] = "hearing"
    title: ClassVar[str] = "Hearing"
    limit: ClassVar[float] = 300.0  # a large model is loaded, where no daemon has it

    async def run(self, facts: CheckContext) -> Finding:
        recording = next(one for one in sentences(COMMANDS) if one.text == SENTENCE)
        if facts.daemon:
            planned = engine_probe.of_the_daemon(await facts.daemon.status(), "stt")
        else:
            planned = engine_probe.of_the_plan(facts, "stt")
        try:
            heard = await engine_probe.hear(facts, recording.pcm, TIMES)
        except EngineError as error:
            return self.failure(error.message, error.advice)
        return self.judge(planned, heard, facts)

    def judge(
        self, planned: engine_probe.Planned, heard: TranscriptionProbe, facts: CheckContext
    ) -> Finding:
        wrong = error_rate(SENTENCE, heard.text)
        used = expectations.used(planned, heard.engine, heard.share, facts, busy=facts.busy())
        shown = (
            f"{heard.engine} took {1000 * heard.seconds:.0f} ms ({heard.share:.0%} of real time)"
        )
        finding = Finding(self.name, used.verdict, shown + used.message, used.advice)
        if wrong > WRONG and not used.problem:
            finding = self.warning(
                f"{heard.engine} heard {heard.text!r} instead of {SENTENCE!r}",
                "Fetch a better model (`appliance plan` names the next one) or, if it used to"
                " understand, run `appliance models verify`.",
            )
        return finding.with_figures(
            engine=heard.engine,
            seconds=round(heard.seconds, 3),
            real_time_share=round(heard.share, 3),
            word_error_rate=round(wrong, 2),
        )
