"""The configuration: one frozen object, read once, every fault told at once.

Layers, later ones win: default.toml beside this file, the files named (or
/etc/voice-appliance/appliance.toml where it exists), then APPLIANCE__SECTION__KEY.
"""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ConfigError

SYSTEM_FILE = Path("/etc/voice-appliance/appliance.toml")
DEFAULT_FILE = Path(__file__).with_name("default.toml")
PREFIX = "APPLIANCE__"

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    host: str
    port: Port
    listen: Annotated[str, Field(pattern=r"^(unix:/.+)?$")]
    public_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    drain_seconds: Annotated[float, Field(ge=0, le=60)]


class Access(_Section):
    mode: Literal["paired", "open"]
    origins: tuple[str, ...]
    pairing_minutes: Positive
    sessions_per_minute: Annotated[int, Field(ge=1)]


class Stt(_Section):
    engine: Literal["auto", "whisper", "sphinx"]
    model: str
    device: Literal["auto", "cuda", "cpu"]
    compute_type: Literal["auto", "float16", "int8_float16", "int8_float32", "int8", "float32"]
    language: Annotated[str, Field(pattern=r"^(auto|[a-z]{2,3})$")]
    threads: Annotated[int, Field(ge=0, le=256)]


class Tts(_Section):
    engine: Literal["auto", "kokoro", "espeak"]
    model: str
    voices: str
    voice: str
    speed: Annotated[float, Field(ge=0.5, le=2)]
    phrase_cache_mb: Annotated[int, Field(ge=0, le=1024)]
    threads: Annotated[int, Field(ge=0, le=256)]


class Turn(_Section):
    confidence: Share
    start_seconds: Annotated[float, Field(ge=0.03, le=2)]
    stop_seconds: Annotated[float, Field(ge=0.1, le=3)]
    min_volume: Share
    incomplete_seconds: Annotated[float, Field(ge=0.2, le=10)]
    max_seconds: Annotated[float, Field(ge=5, le=600)]
    speculate: bool


class Llm(_Section):
    provider: Literal["none", "openai", "groq", "ollama", "llama_cpp", "custom"]
    base_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    model: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Annotated[int, Field(ge=1)]
    first_token_seconds: Positive
    context_tokens: Annotated[int, Field(ge=200)]
    system_prompt: str


class Tools(_Section):
    enabled: tuple[str, ...]


class Store(_Section):
    path: Path


class Models(_Section):
    directory: Path
    mirror: Annotated[str, Field(pattern=r"^(https?://.+)?$")]


class Limits(_Section):
    sessions: Annotated[int, Field(ge=0)]
    idle_seconds: Positive
    session_seconds: Positive


class Config(_Section):
    """Everything a person may set. default.toml holds the defaults and says what each key means."""

    server: Server
    access: Access
    stt: Stt
    tts: Tts
    turn: Turn
    llm: Llm
    tools: Tools
    store: Store
    models: Models
    limits: Limits


def load(files: Sequence[Path], environ: Mapping[str, str]) -> Config:
    """The configuration from its layers; no `files` means the system's, where there is one.

    Raises ConfigError whose message lists every fault: key, value, what was expected and, for a
    misspelt key, what was probably meant.
    """
    chosen = list(files) or ([SYSTEM_FILE] if SYSTEM_FILE.exists() else [])
    tree = _read(DEFAULT_FILE)
    for file in chosen:
        tree = _merge(tree, _read(file))
    tree = _merge(tree, _from_environment(environ))
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        faults = "\n".join(_explain(fault) for fault in error.errors())
        raise ConfigError(
            f"the configuration has {error.error_count()} fault(s):\n{faults}",
            advice="Correct them; `appliance config show` prints what is in force.",
        ) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


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
    # Sorted, a section that was given a value comes before its keys, and stays: a fault to tell.
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        *sections, key = name.removeprefix(PREFIX).lower().split("__")
        place: Any = tree
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[key] = _value(text)
    return tree


def _value(text: str) -> Any:  # noqa: ANN401  any TOML-like scalar or list
    """JSON where it parses as a number, boolean, list or quoted text; else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | list | str) else text


def _explain(fault: Any) -> str:  # noqa: ANN401  pydantic's ErrorDetails
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"  {where} = {fault['input']!r}: {fault['msg']}"
    near = difflib.get_close_matches(str(fault["loc"][-1]), _keys(fault["loc"][:-1]), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"  {where} = {fault['input']!r}: unknown key{hint}"


def _keys(section: Sequence[int | str]) -> list[str]:
    model: type[BaseModel] = Config
    for name in section:
        annotation = model.model_fields[str(name)].annotation
        kinds = [annotation, *get_args(annotation)]
        model = next(
            kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return list(model.model_fields)


def masked(config: Config) -> dict[str, Any]:
    """The configuration as JSON, without the user and password an address may carry."""
    return {
        section: {key: _masked(value) for key, value in values.items()}
        for section, values in config.model_dump(mode="json").items()
    }


def _masked(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, str) and "@" in value and "://" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return value
