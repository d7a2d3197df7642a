"""The result of a probe of a language model, in words: what happened, and what to do."""

from typing import Final

from appliance.llm.probe import REFUSALS, TIMEOUT_FACTOR, ProbeOutcome, ProbeResult

_REFUSALS: Final = {
    **REFUSALS,
    503: "It may still be loading its model; test again in a minute.",
    404: "Correct llm.base_url (it ends in /v1) and llm.model; on Ollama, `ollama pull {model}`.",
}


def explanation(probe: ProbeResult, deadline: float) -> tuple[str, str]:
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
