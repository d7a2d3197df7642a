"""Tests the connection to a language model with settings that are not saved yet."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from appliance.config.faults import faults_of
from appliance.config.loader import Config
from appliance.config.schema import LLMConfig
from appliance.errors import SettingsRefused
from appliance.llm.probe import ProbeOutcome, ProbeResult, probe_llm
from appliance.llm.probe_words import explanation
from appliance.llm.providers import address


async def check_connection(
    config: Config, secrets: Mapping[str, str], changes: Mapping[str, str], key: str
) -> dict[str, Any]:
    """Asks the model of the settings with `changes` (provider, base_url, model) for one token.

    Without `key`, the saved one is sent, but to no other server than that of the settings. Returns
    the probe for JSON, with what happened and what to do. Raises SettingsRefused.
    """
    try:
        llm = LLMConfig.model_validate(config.llm.model_dump() | dict(changes))
    except ValidationError as error:
        faults = faults_of(error, LLMConfig)
        described = [asdict(fault) | {"key": f"llm.{fault.key}"} for fault in faults]
        raise SettingsRefused("these settings cannot be tested", described) from None
    wanted = config.model_copy(update={"llm": llm})
    result = await probe_llm(wanted, _secrets_for(config, wanted, secrets, key))
    message, advice = _in_words(result, llm.first_token_seconds)
    return {
        **asdict(result),
        "ok": result.outcome is ProbeOutcome.TOKEN,
        "seconds": round(result.seconds, 3),
        "message": message,
        "advice": advice,
    }


def _secrets_for(
    saved: Config, wanted: Config, secrets: Mapping[str, str], key: str
) -> Mapping[str, str]:
    chosen = address(wanted.llm, {})
    if chosen is None or not chosen.secret:
        return secrets
    if key:
        return {chosen.secret: key}
    before = address(saved.llm, {})
    if before is not None and _server(before.base_url) == _server(chosen.base_url):
        return secrets
    # The address of a provider that we know is its own; any other one may be anybody's.
    return secrets if not wanted.llm.base_url and wanted.llm.provider != "custom" else {}


def _server(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _in_words(probe: ProbeResult, deadline: float) -> tuple[str, str]:
    match probe.outcome:
        case ProbeOutcome.TOKEN:
            return f"{probe.where} answers after {1000 * probe.seconds:.0f} ms", ""
        case ProbeOutcome.UNCONFIGURED:
            return "no language model is served", "Choose a provider, or fetch a model."
        case _:
            return explanation(probe, deadline)
