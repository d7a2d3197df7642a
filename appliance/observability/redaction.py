"""Removes from a text what must not leave the machine: keys, tokens, passwords, codes. Pure."""

import re
from collections.abc import Iterable

HIDDEN = "***"
SHORTEST_SECRET = 6  # a shorter value is no key, and would be hidden wherever it occurs

_PATTERNS = (
    re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]+"),
    re.compile(r"(?i)(\b(?:token|api_?key|key|password|secret)=)[^\s&\"',;]+"),
    re.compile(r"(#pair=)\d+"),
    re.compile(r"(://)[^\s/@:]+:[^\s/@]+(?=@)"),
    re.compile(r"(\bsk-)[A-Za-z0-9_-]{8,}"),
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Returns the text without the `secrets`, and without whatever has the form of one."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text
