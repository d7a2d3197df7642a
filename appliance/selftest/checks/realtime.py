"""Checks that the Realtime route has a key and that the server accepts it."""

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

    async def run(self, context: CheckContext) -> Finding:
        """Lets the daemon connect, where it runs: the key may be readable by the daemon alone."""
        if context.daemon:
            probe = await context.daemon.probe_realtime()
        else:
            probe = await probe_realtime(context.config, context.secrets)
        return self.judge(probe, context.config.fallback.policy)

    def judge(self, probe: ProbeResult, policy: str) -> Finding:
        """`policy` is fallback.policy."""
        match probe.outcome:
            case ProbeOutcome.SESSION_OPENED:
                summary = f"{probe.where} opens a session after {1000 * probe.seconds:.0f} ms"
                return self.ok(summary).with_figures(seconds=round(probe.seconds, 3))
            case ProbeOutcome.NOT_ASKED:
                return self.ok(
                    "the key looks right; fallback.policy is off, so the server was not asked"
                )
            case ProbeOutcome.NO_KEY if policy != "always":
                return self.skipped(f"there is no {probe.secret}, so that route is never taken")
            case ProbeOutcome.NO_KEY:
                return self.warning(*_explanation(probe))
            case _:
                return self.failure(*_explanation(probe))


def _explanation(probe: ProbeResult) -> tuple[str, str]:
    """Message and advice for a probe that opened no session."""
    at, secret = probe.where, probe.secret
    key = f"/etc/voice-appliance/credentials/{secret.lower()}"
    match probe.outcome:
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
            return f"{at} answers {probe.status}", _REFUSALS.get(probe.status, usual).format(
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
                f"{at} cannot be reached: {probe.detail}",
                "Is this machine connected to the internet, and realtime.base_url right?",
            )
