"""Loads the configuration: one frozen object, read once, with all faults reported together.

Three layers, of which later ones win: default.toml beside this file, the named files (or
/etc/voice-appliance/appliance.toml where it exists), and APPLIANCE__SECTION__KEY variables.
"""

import asyncio
import difflib
import json
import logging
import signal
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from appliance.config.schema import (
    AccessConfig,
    AgentsConfig,
    FallbackConfig,
    LimitsConfig,
    LLMConfig,
    ModelsConfig,
    RealtimeConfig,
    RecordingConfig,
    Section,
    ServerConfig,
    StoreConfig,
    STTConfig,
    ToolsConfig,
    TTSConfig,
    TurnConfig,
)
from appliance.errors import ConfigError

SYSTEM_FILE = Path("/etc/voice-appliance/appliance.toml")
DEFAULT_FILE = Path(__file__).with_name("default.toml")
PREFIX = "APPLIANCE__"


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
    models: ModelsConfig
    limits: LimitsConfig


def load(files: Sequence[Path], environ: Mapping[str, str]) -> Config:
    """Returns the configuration; without `files`, that of the system file where it exists.

    Raises ConfigError, which lists every fault: key, value, what was expected and, for a misspelt
    key, the key that was probably meant.
    """
    chosen = list(files) or ([SYSTEM_FILE] if SYSTEM_FILE.exists() else [])
    tree = _parse_file(DEFAULT_FILE)
    for file in chosen:
        tree = _merge(tree, _parse_file(file))
    tree = _merge(tree, _from_environment(environ))
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        faults = "\n".join(_explain(fault) for fault in error.errors())
        raise ConfigError(
            f"the configuration has {error.error_count()} fault(s):\n{faults}",
            advice="Correct them; `appliance config show` prints the settings in force.",
        ) from None


def _parse_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}",
            advice="Check the path and that the appliance may read the file.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} is not TOML: {error}", advice="Correct the file at that place."
        ) from None


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    # Sorted, so that a section which is set to a value itself comes before its keys. The value
    # stays, and validation reports it.
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        *sections, key = name.removeprefix(PREFIX).lower().split("__")
        place: Any = tree
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[key] = _parse_value(text)
    return tree


def _parse_value(text: str) -> Any:  # noqa: ANN401  any TOML-like scalar or list
    """Returns a number, boolean, list or quoted text that is JSON; else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | list | str) else text


def _explain(fault: Any) -> str:  # noqa: ANN401  pydantic's ErrorDetails
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"  {where} = {fault['input']!r}: {fault['msg']}"
    near = difflib.get_close_matches(str(fault["loc"][-1]), _known_keys(fault["loc"][:-1]), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"  {where} = {fault['input']!r}: unknown key{hint}"


def _known_keys(section: Sequence[int | str]) -> list[str]:
    model: type[BaseModel] = Config
    for name in section:
        field = model.model_fields.get(str(name))
        if field is None:  # a name of the user's own, as in tools.mcp.NAME; its model is found
            continue
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)),
            model,
        )
    return list(model.model_fields)


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
    settings: dict[str, Any] = _masked(config.model_dump(mode="json"))
    return settings


def _masked(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, str) and "@" in value and "://" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return value


log = logging.getLogger(__name__)

Reread = Callable[[], Config]


async def answer_reloads(in_force: Config, reread: Reread) -> None:
    """Compares the settings in force with `reread()` at every SIGHUP. Runs until cancelled."""
    requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, requested.set)
    while True:
        await requested.wait()
        requested.clear()
        _compare(in_force, reread)


def _compare(in_force: Config, reread: Reread) -> None:
    try:
        changed = differences(in_force, reread())
    except ConfigError as error:
        log.error("reload: %s The appliance goes on with the settings in force.", error.message)
        return
    if changed:
        log.warning("reload: a restart is needed for %s", ", ".join(changed))
    else:
        log.info("reload: the settings are those in force")
