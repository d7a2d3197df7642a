"""The settings that the page may change, and which of them hold without a restart.

What names a program, a file, a port or who may come in is not among them: whoever holds the page
cannot have a program run, and a daemon that was taken over cannot write that down for its next
start.
"""

import re
from typing import Final

_LIVE: Final = frozenset(
    {
        *("stt.model", "stt.language"),
        *("tts.prefer", "tts.model", "tts.voice", "tts.speed"),
        *("turn.confidence", "turn.start_seconds", "turn.stop_seconds", "turn.min_volume"),
        *("turn.incomplete_seconds", "turn.max_seconds", "turn.speculate"),
        *("llm.provider", "llm.base_url", "llm.model", "llm.temperature", "llm.max_tokens"),
        *("llm.first_token_seconds", "llm.context_tokens", "llm.system_prompt"),
        "fallback.policy",
        *("realtime.model", "realtime.voice", "realtime.instructions"),
        *("realtime.turn_detection", "realtime.noise_reduction"),
        "tools.disabled",
        *("limits.idle_seconds", "limits.session_seconds"),
        *("retention.enabled", "retention.conversation_days", "retention.recording_days"),
        *("retention.task_days", "retention.audit_days", "retention.megabytes", "retention.hour"),
    }
)
_AFTER_RESTART: Final = frozenset(
    {
        *("stt.hot_words", "limits.sessions", "access.sessions_per_minute"),
        *("agents.team.enabled", "agents.claude.enabled"),
    }
)
_MCP_SWITCH: Final = re.compile(r"tools\.mcp\.[a-z][a-z0-9]{0,19}\.enabled")


def is_editable(key: str) -> bool:
    """Whether the page may set a key (section.key)."""
    return key in _LIVE or key in _AFTER_RESTART or _MCP_SWITCH.fullmatch(key) is not None


def is_live(key: str) -> bool:
    """Whether a changed key holds from the next session on; any other waits for a restart."""
    return key in _LIVE or _MCP_SWITCH.fullmatch(key) is not None


def editable_keys() -> list[str]:
    """The keys that every appliance has; the switches of its MCP servers are more."""
    return sorted(_LIVE | _AFTER_RESTART)
