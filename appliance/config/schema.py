"""Declares the configuration section by section: the keys, their types and their bounds.

default.toml has the default and the meaning of every key.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from appliance.languages import table

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def _known_language(code: str) -> str:
    if not table.is_known(code):
        raise ValueError(f"should be auto, or one of {table.listed()}")
    return code


class Section(BaseModel):
    """A section of the configuration: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerConfig(Section):
    host: str
    port: Port
    listen: Annotated[str, Field(pattern=r"^(unix:/.+)?$")]
    public_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    drain_seconds: Annotated[float, Field(ge=0, le=60)]


class AccessConfig(Section):
    mode: Literal["paired", "open"]
    origins: tuple[str, ...]
    pairing_minutes: Positive
    sessions_per_minute: Annotated[int, Field(ge=1)]


class STTConfig(Section):
    engine: Literal["auto", "whisper", "sphinx", "timed"]
    model: str
    device: Literal["auto", "cuda", "cpu"]
    compute_type: Literal["auto", "float16", "int8_float16", "int8_float32", "int8", "float32"]
    language: Annotated[str, AfterValidator(_known_language)]
    threads: Annotated[int, Field(ge=0, le=256)]
    hot_words: bool


class TTSConfig(Section):
    engine: Literal["auto", "kokoro", "piper", "espeak", "timed"]
    prefer: Literal["quality", "speed"]
    model: str
    voices: str
    voice: str
    speed: Annotated[float, Field(ge=0.5, le=2)]
    phrase_cache_mb: Annotated[int, Field(ge=0, le=1024)]
    threads: Annotated[int, Field(ge=0, le=256)]

    @property
    def named_voice(self) -> str:
        """The voice that the owner chose; "" where the language chooses it."""
        return "" if self.voice == table.AUTO else self.voice


class TurnConfig(Section):
    confidence: Fraction
    start_seconds: Annotated[float, Field(ge=0.03, le=2)]
    stop_seconds: Annotated[float, Field(ge=0.1, le=3)]
    min_volume: Fraction
    incomplete_seconds: Annotated[float, Field(ge=0.2, le=10)]
    max_seconds: Annotated[float, Field(ge=5, le=600)]
    speculate: bool


class AlternativeLLMConfig(Section):
    """An entry of llm.alternatives: a language model that is asked when those before it fail."""

    provider: Literal["openai", "groq", "ollama", "llama_cpp", "custom"]
    base_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    model: str = ""
    first_token_seconds: Positive = 8.0

    @model_validator(mode="after")
    def _custom_needs_base_url(self) -> "AlternativeLLMConfig":
        if self.provider == "custom" and not self.base_url:
            raise ValueError("a custom provider needs a base_url")
        return self


class LLMConfig(Section):
    provider: Literal["auto", "none", "openai", "groq", "ollama", "llama_cpp", "custom"]
    base_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    model: str
    server: str
    port: Annotated[int, Field(ge=1, le=65535)]
    threads: Annotated[int, Field(ge=0, le=256)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Annotated[int, Field(ge=1)]
    first_token_seconds: Positive
    gap_seconds: Positive
    turn_seconds: Positive
    turn_tokens: Annotated[int, Field(ge=1)]
    tool_rounds: Annotated[int, Field(ge=0)]
    calls_per_answer: Annotated[int, Field(ge=1)]
    argument_bytes: Annotated[int, Field(ge=256)]
    line_bytes: Annotated[int, Field(ge=1024)]
    answer_bytes: Annotated[int, Field(ge=1024)]
    context_tokens: Annotated[int, Field(ge=200)]
    system_prompt: str
    alternatives: tuple[AlternativeLLMConfig, ...]


class RealtimeConfig(Section):
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


class FallbackConfig(Section):
    policy: Literal["off", "on_failure", "always"]


class MCPServerConfig(Section):
    """A server of tools (MCP): a program on standard input and output, or an address."""

    enabled: bool = True
    command: tuple[str, ...] = ()
    directory: Path | None = None
    url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    allow: tuple[str, ...]
    confirm: tuple[str, ...] = ("*",)
    realtime: bool = False
    seconds: Positive = 20.0
    sentences: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    answers: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_transport(self) -> "MCPServerConfig":
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command or url")
        return self


McpName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,19}$")]


class ToolsConfig(Section):
    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    model_tools: Annotated[int, Field(ge=1)]
    model_bytes: Annotated[int, Field(ge=1000)]
    model_first: tuple[str, ...]
    mcp: Mapping[McpName, MCPServerConfig]


class TeamConfig(Section):
    enabled: bool
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
    def _json_object(cls, text: str) -> str:
        if text and not isinstance(_json_or_none(text), dict):
            raise ValueError("should be a JSON object, as text")
        return text


class ClaudeConfig(Section):
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


class AgentsConfig(Section):
    team: TeamConfig
    claude: ClaudeConfig


class StoreConfig(Section):
    path: Path


class RecordingConfig(Section):
    allowed: bool
    minutes: Annotated[float, Field(gt=0, le=24 * 60)]
    megabytes: Annotated[int, Field(ge=1)]


class RetentionConfig(Section):
    enabled: bool
    conversation_days: Days
    recording_days: Days
    task_days: Days
    audit_days: Days
    megabytes: Annotated[int, Field(ge=0, le=10_000_000)]
    hour: Annotated[int, Field(ge=0, le=23)]


class ModelsConfig(Section):
    directory: Path
    mirror: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    sources: Annotated[
        tuple[Literal["mirror", "upstream", "packages"], ...], Field(min_length=1, max_length=3)
    ]


class LimitsConfig(Section):
    sessions: Annotated[int, Field(ge=0)]
    idle_seconds: Positive
    session_seconds: Positive
    engine_seconds: Positive


def _json_or_none(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
