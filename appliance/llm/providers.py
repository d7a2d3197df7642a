"""Providers of language models by name, and the addresses that the configuration gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.config.schema import AlternativeLLMConfig, LLMConfig, RealtimeConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider: its base URL, its default model, and the name of the secret it needs."""

    base_url: str
    model: str
    secret: str = ""


PRESETS: Mapping[str, Preset] = {
    "openai": Preset("https://api.openai.com/v1", "gpt-4.1-mini", "OPENAI_API_KEY"),
    "groq": Preset("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", "GROQ_API_KEY"),
    "ollama": Preset("http://127.0.0.1:11434/v1", "llama3.2"),
    # llama.cpp's own default port is the appliance's in development.
    "llama_cpp": Preset("http://127.0.0.1:8090/v1", "default"),
    "custom": Preset("", "default", "OPENAI_API_KEY"),
}

OPENAI_REALTIME: Final = "wss://api.openai.com/v1/realtime"


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint of a model. `secret` names the key; `key` is empty if there is none."""

    base_url: str
    model: str
    secret: str
    key: str = field(repr=False)


def address(config: LLMConfig | AlternativeLLMConfig, secrets: Mapping[str, str]) -> Address | None:
    """The configured endpoint; None if no model is configured, or the managed one is meant."""
    if config.provider in ("none", "auto"):
        return None
    preset = PRESETS[config.provider]
    if isinstance(config, AlternativeLLMConfig) and config.provider == "custom":
        # The key belongs to `llm.provider`; no other server may see it.
        preset = replace(preset, secret="")
    return Address(
        config.base_url or preset.base_url,
        config.model or preset.model,
        preset.secret,
        secrets.get(preset.secret, ""),
    )


def realtime(config: RealtimeConfig, secrets: Mapping[str, str]) -> Address:
    """The configured Realtime endpoint, whether or not `fallback.policy` allows asking it."""
    return Address(
        config.base_url or OPENAI_REALTIME,
        config.model,
        PRESETS["openai"].secret,
        secrets.get(PRESETS["openai"].secret, ""),
    )
