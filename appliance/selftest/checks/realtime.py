"""Has the Realtime route a key, and does it open the server's door?"""

from typing import ClassVar

from appliance.llm.probe import (
    REALTIME_SECONDS,
    REFUSALS,
    ProbeOutcome,
    ProbeResult,
    probe_realtime,
)
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

_REFUSALS = {
    **REFUSALS,
    404: "Correct realtime.base_url and realtime.model.",
}


class RealtimeCheck(BaseCheck):
    name: ClassVar[str] = "realtime"
    title: ClassVar[str] = "Realtime route"
    limit: ClassVar[float] = 30.0

    async def run(self, facts: CheckContext) -> Finding:
        """The appliance is let knock, where it runs: the key may be for it alone to see."""
        if facts.daemon:
            asked = await facts.daemon.knock()
        else:
            asked = await probe_realtime(facts.config, facts.secrets)
        return self.judge(asked, facts.config.fallback.policy)

    def judge(self, asked: ProbeResult, policy: str) -> Finding:
        """`policy` is fallback.policy."""
        match asked.outcome:
            case ProbeOutcome.SESSION_OPENED:
                shown = f"{asked.where} lets us in after {1000 * asked.seconds:.0f} ms"
                return self.ok(shown).with_figures(seconds=round(asked.seconds, 3))
            case ProbeOutcome.NOT_ASKED:
                return self.ok("the key looks right; fallback.policy is off, so nobody is asked")
            case ProbeOutcome.NO_KEY if policy != "always":
                return self.skipped(f"there is no {asked.secret}, so that route is never taken")
            case ProbeOutcome.NO_KEY:
                return self.warning(*_explained(asked))
            case _:
                return self.failure(*_explained(asked))


def _explained(asked: ProbeResult) -> tuple[str, str]:
    """What went wrong, and what to do about it."""
    at, secret = asked.where, asked.secret
    key = f"/etc/voice-appliance/credentials/{secret.lower()}"
    match asked.outcome:
        case ProbeOutcome.NO_KEY:
            return (
                f"there is no {secret}, though fallback.policy wants the Realtime route first",
                f"Put it into {key} and restart the appliance; or choose another policy.",
            )
        case ProbeOutcome.MALFORMED:
            return (
                f"what {secret} holds is no key",
                f"A key is one word, as the provider shows it, and OpenAI's begins with sk-."
                f" Put it into {key}, without quotes; then restart the appliance.",
            )
        case ProbeOutcome.REFUSED:
            usual = "The server is in trouble; see its log, and test again."
            return f"{at} answers {asked.status}", _REFUSALS.get(asked.status, usual).format(
                secret=secret
            )
        case ProbeOutcome.GARBAGE:
            return (
                f"what {at} answers is no Realtime session",
                "realtime.base_url must be that of an API like OpenAI's; it ends in /v1/realtime.",
            )
        case ProbeOutcome.SILENCE:
            return (
                f"{at} does not open within {REALTIME_SECONDS:g} s",
                "Is the connection to the internet slow? Test again.",
            )
        case _:
            return (
                f"{at} cannot be reached: {asked.detail}",
                "Is this machine connected to the internet, and realtime.base_url right?",
            )
