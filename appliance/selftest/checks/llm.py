"""Does the language model answer, and how soon?"""

from typing import ClassVar

from appliance.llm.probe import REFUSALS, TIMEOUT_FACTOR, ProbeOutcome, ProbeResult, probe_llm
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

SLOW = 0.5  # of llm.first_token_seconds, at which a turn gives up

_REFUSALS = {
    **REFUSALS,
    404: "Correct llm.base_url (it ends in /v1) and llm.model; on Ollama, `ollama pull {model}`.",
}


class LLMCheck(BaseCheck):
    name: ClassVar[str] = "llm"
    title: ClassVar[str] = "Language model"
    limit: ClassVar[float] = 90.0

    async def run(self, facts: CheckContext) -> Finding:
        """The appliance is let ask, where it runs: the key may be for it alone to see."""
        if facts.daemon:
            asked = await facts.daemon.ask()
        else:
            asked = await probe_llm(facts.config.llm, facts.secrets)
        return self.judge(asked, facts.config.llm.first_token_seconds)

    def judge(self, asked: ProbeResult, patience: float) -> Finding:
        """`patience` is llm.first_token_seconds."""
        if asked.outcome is ProbeOutcome.UNCONFIGURED:
            return self.skipped("no language model is configured; nothing leaves the box")
        finding = self._timed(asked, patience)
        if asked.outcome is not ProbeOutcome.TOKEN:
            finding = self.failure(*_explained(asked, patience))
        return finding.with_figures(model=asked.model, first_token_seconds=round(asked.seconds, 3))

    def _timed(self, asked: ProbeResult, patience: float) -> Finding:
        shown = f"{asked.where} answers after {1000 * asked.seconds:.0f} ms"
        if asked.seconds <= SLOW * patience:
            return self.ok(shown)
        return self.warning(
            shown,
            "A smaller model, or one that stays in memory, begins sooner. After"
            f" {patience:g} s (llm.first_token_seconds) a turn gives up.",
        )


def _explained(asked: ProbeResult, patience: float) -> tuple[str, str]:
    """What went wrong, and what to do about it."""
    where, secret = asked.where, asked.secret
    match asked.outcome:
        case ProbeOutcome.NO_KEY:
            return (
                f"there is no {secret} for {where}",
                f"Set {secret} in the environment of the appliance, or put it into"
                f" /etc/voice-appliance/credentials/{secret.lower()}; then restart it.",
            )
        case ProbeOutcome.REFUSED:
            usual = "The server is in trouble; see its log, and test again."
            advice = _REFUSALS.get(asked.status, usual)
            told = advice.format(secret=secret or "the key", model=asked.model)
            return f"{where} answers {asked.status}", told
        case ProbeOutcome.GARBAGE:
            return (
                f"what {where} answers is no chat completion",
                "llm.base_url must be that of an API like OpenAI's; it ends in /v1.",
            )
        case ProbeOutcome.SILENCE:
            return (
                f"{where} gave no answer within {TIMEOUT_FACTOR * patience:g} s",
                "Is the model loaded, and the server not overloaded? A first question may load"
                " it: test again. Else choose a smaller model or raise llm.first_token_seconds.",
            )
        case _:
            return (
                f"{where} cannot be reached: {asked.detail}",
                "Is its server running, and llm.base_url right? From this machine, `curl` of that"
                " address with /models behind it must answer.",
            )
