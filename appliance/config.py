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

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

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
    engine: Literal["auto", "whisper", "sphinx", "timed"]
    model: str
    device: Literal["auto", "cuda", "cpu"]
    compute_type: Literal["auto", "float16", "int8_float16", "int8_float32", "int8", "float32"]
    language: Annotated[str, Field(pattern=r"^(auto|[a-z]{2,3})$")]
    threads: Annotated[int, Field(ge=0, le=256)]


class Tts(_Section):
    engine: Literal["auto", "kokoro", "espeak", "timed"]
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


class Alternative(_Section):
    """A language model that is asked when those before it fail."""

    provider: Literal["openai", "groq", "ollama", "llama_cpp", "custom"]
    base_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    model: str = ""
    first_token_seconds: Positive = 8.0

    @model_validator(mode="after")
    def _somewhere(self) -> "Alternative":
        if self.provider == "custom" and not self.base_url:
            raise ValueError("a custom provider needs a base_url")
        return self


class Llm(_Section):
    provider: Literal["none", "openai", "groq", "ollama", "llama_cpp", "custom"]
    base_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    model: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Annotated[int, Field(ge=1)]
    first_token_seconds: Positive
    context_tokens: Annotated[int, Field(ge=200)]
    system_prompt: str
    alternatives: tuple[Alternative, ...]


class Realtime(_Section):
    base_url: Annotated[str, Field(pattern=r"^(wss?://.+)?$")]
    model: str
    voice: str
    instructions: str
    turn_detection: Literal["server_vad", "semantic_vad", "local"]
    noise_reduction: Literal["off", "near_field", "far_field"]
    transcription_model: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Annotated[int, Field(ge=0)]
    first_token_seconds: Positive


class Fallback(_Section):
    policy: Literal["off", "on_failure", "always"]


class Mcp(_Section):
    """A server of tools: a program spoken to over its standard input and output, or an address."""

    command: tuple[str, ...] = ()
    directory: Path | None = None
    url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    allow: tuple[str, ...]
    confirm: tuple[str, ...] = ("*",)
    realtime: bool = False
    seconds: Positive = 20.0
    sentences: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> "Mcp":
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command or url")
        return self


McpName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,19}$")]


class Tools(_Section):
    enabled: tuple[str, ...]
    mcp: Mapping[McpName, Mcp]


class Team(_Section):
    url: Annotated[str, Field(pattern=r"^(wss?://.+)?$")]
    hello: str
    message: str
    pause: str
    reset: str
    cancel: str
    kind_key: str
    text_key: str
    id_key: str
    cost_key: str
    done: tuple[str, ...]
    failed: tuple[str, ...]
    ignored: tuple[str, ...]
    patience_seconds: Positive
    task_minutes: Positive

    @field_validator("hello", "message", "pause", "reset", "cancel")
    @classmethod
    def _json(cls, text: str) -> str:
        if text and not isinstance(_json_or_none(text), dict):
            raise ValueError("should be a JSON object, as text")
        return text


class Claude(_Section):
    enabled: bool
    command: str
    directory: Path
    permission_mode: Literal["default", "plan", "acceptEdits", "dontAsk", "bypassPermissions"]
    allowed_tools: tuple[str, ...]
    model: str
    task_minutes: Positive
    cpu_minutes: Positive
    memory_mb: Annotated[int, Field(ge=64)]
    open_files: Annotated[int, Field(ge=64)]


class Agents(_Section):
    team: Team
    claude: Claude


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
    fallback: Fallback
    realtime: Realtime
    tools: Tools
    agents: Agents
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


def _json_or_none(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


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
        field = model.model_fields.get(str(name))
        if field is None:  # a name that people give: what it names is of the model found already
            continue
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)),
            model,
        )
    return list(model.model_fields)


def differences(one: Config, other: Config) -> list[str]:
    """The settings, as section.key, that are not the same in both."""
    before, after = one.model_dump(), other.model_dump()
    return [
        f"{section}.{key}"
        for section, values in before.items()
        for key, value in values.items()
        if after[section][key] != value
    ]


def masked(config: Config) -> dict[str, Any]:
    """The configuration as JSON, without the user and password an address may carry."""
    shown: dict[str, Any] = _masked(config.model_dump(mode="json"))
    return shown


def _masked(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, str) and "@" in value and "://" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return value
