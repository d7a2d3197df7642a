"""Loads the configuration: one frozen object, validated as a whole, with all faults together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from appliance.config.editable import is_editable
from appliance.config.faults import Fault, InvalidConfig, faults_of
from appliance.config.layers import Layers, keys_of, lookup, read_layers
from appliance.config.schema import (
    AccessConfig,
    AgentsConfig,
    FallbackConfig,
    LimitsConfig,
    LLMConfig,
    ModelsConfig,
    RealtimeConfig,
    RecordingConfig,
    RetentionConfig,
    Section,
    ServerConfig,
    StoreConfig,
    STTConfig,
    ToolsConfig,
    TTSConfig,
    TurnConfig,
)


class Config(Section):
    """All settings, by section. default.toml holds the defaults and explains every key."""

    server: ServerConfig
    access: AccessConfig
    stt: STTConfig
    tts: TTSConfig
    turn: TurnConfig
    llm: LLMConfig
    fallback: FallbackConfig
    realtime: RealtimeConfig
    tools: ToolsConfig
    agents: AgentsConfig
    store: StoreConfig
    recording: RecordingConfig
    retention: RetentionConfig
    models: ModelsConfig
    limits: LimitsConfig


def load(files: Sequence[Path], environ: Mapping[str, str]) -> Config:
    """Returns the configuration; without `files`, that of the system file where it exists.

    Raises ConfigError, which lists every fault: key, value, what was expected and, for a misspelt
    key, the key that was probably meant.
    """
    return validated(read_layers(files, environ))


def validated(layers: Layers) -> Config:
    """The configuration that the layers make. Raises InvalidConfig with every fault."""
    foreign = [
        Fault(key, lookup(layers.page, key), f"cannot be set in {layers.page_file}")
        for key in keys_of(layers.page)
        if not is_editable(key)
    ]
    try:
        config = Config.model_validate(layers.merged())
    except ValidationError as error:
        raise InvalidConfig([*foreign, *faults_of(error, Config)]) from None
    if foreign:
        raise InvalidConfig(foreign)
    return config


def differences(one: Config, other: Config) -> list[str]:
    """Returns the settings, as section.key, that differ between two configurations."""
    before, after = one.model_dump(), other.model_dump()
    return [
        f"{section}.{key}"
        for section, values in before.items()
        for key, value in values.items()
        if after[section][key] != value
    ]


def masked(config: Config) -> dict[str, Any]:
    """Returns the configuration as JSON, without users and passwords in addresses."""
    settings: dict[str, Any] = without_passwords(config.model_dump(mode="json"))
    return settings


def without_passwords(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A JSON value with "***" in place of users and passwords in addresses."""
    if isinstance(value, dict):
        return {key: without_passwords(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_passwords(inner) for inner in value]
    if isinstance(value, str) and "@" in value and "://" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return value
