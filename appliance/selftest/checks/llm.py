"""Checks that the language model answers, and how soon."""

from typing import ClassVar

from appliance.llm.probe import ProbeOutcome, ProbeResult, probe_llm
from appliance.llm.probe_words import explanation
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

SLOW_SHARE = 0.5  # of llm.first_token_seconds, after which a turn gives up


class LLMCheck(BaseCheck):
    name: ClassVar[str] = "llm"
    title: ClassVar[str] = "Language model"
    limit: ClassVar[float] = 90.0

    async def run(self, context: CheckContext) -> Finding:
        """Lets the daemon ask, where it runs: the key may be readable by the daemon alone."""
        deadline = context.config.llm.first_token_seconds
        if context.daemon is None:
            return self.judge(await probe_llm(context.config, context.secrets), deadline)
        finding = self.judge(await context.daemon.probe_llm(), deadline)
        model = await context.daemon.managed_model()
        return finding.with_figures(**model) if model else finding

    def judge(self, probe: ProbeResult, deadline: float) -> Finding:
        """`deadline` is llm.first_token_seconds."""
        if probe.outcome is ProbeOutcome.UNCONFIGURED:
            return self.skipped("no language model is configured; nothing leaves the box")
        finding = self._assess_speed(probe, deadline)
        if probe.outcome is not ProbeOutcome.TOKEN:
            finding = self.failure(*explanation(probe, deadline))
        return finding.with_figures(model=probe.model, first_token_seconds=round(probe.seconds, 3))

    def _assess_speed(self, probe: ProbeResult, deadline: float) -> Finding:
        summary = f"{probe.where} answers after {1000 * probe.seconds:.0f} ms"
        if probe.seconds <= SLOW_SHARE * deadline:
            return self.ok(summary)
        return self.warning(
            summary,
            "A smaller model, or one that stays in memory, begins sooner. After"
            f" {deadline:g} s (llm.first_token_seconds) a turn gives up.",
        )
