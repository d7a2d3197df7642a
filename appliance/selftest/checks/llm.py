"""Checks that the language model answers, and how soon."""

from typing import ClassVar

from appliance.llm.probe import REFUSALS, TIMEOUT_FACTOR, ProbeOutcome, ProbeResult, probe_llm
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

SLOW_SHARE = 0.5  # of llm.first_token_seconds, after which a turn gives up

_REFUSALS = {
    **REFUSALS,
    503: "It may still be loading its model; test again in a minute.",
    404: "Correct llm.base_url (it ends in /v1) and llm.model; on Ollama, `ollama pull {model}`.",
}


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
            finding = self.failure(*_explanation(probe, deadline))
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


def _explanation(probe: ProbeResult, deadline: float) -> tuple[str, str]:
    """Message and advice for a probe that got no token."""
    where, secret = probe.where, probe.secret
    match probe.outcome:
        case ProbeOutcome.NO_KEY:
            return (
                f"there is no {secret} for {where}",
                f"Set {secret} in the environment of the appliance, or put it into"
                f" /etc/voice-appliance/credentials/{secret.lower()}; then restart it.",
            )
        case ProbeOutcome.REFUSED:
            usual = "The server is in trouble; see its log, and test again."
            advice = _REFUSALS.get(probe.status, usual)
            formatted = advice.format(secret=secret or "the key", model=probe.model)
            return f"{where} answers {probe.status}", formatted
        case ProbeOutcome.GARBAGE:
            return (
                f"what {where} answers is no chat completion",
                "llm.base_url must be that of an API like OpenAI's; it ends in /v1.",
            )
        case ProbeOutcome.SILENCE:
            return (
                f"{where} gave no answer within {TIMEOUT_FACTOR * deadline:g} s",
                "Is the model loaded, and the server not overloaded? A first question may load"
                " it: test again. Else choose a smaller model or raise llm.first_token_seconds.",
            )
        case _:
            return (
                f"{where} cannot be reached: {probe.detail}",
                "Is its server running, and llm.base_url right? From this machine, `curl` of that"
                " address with /models behind it must answer.",
            )
