"""Recognises a server's refusal of a context that is too long for its model. Pure."""

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import APIStatusError

_STATUSES = (400, 413, 422, 500)
"""llama.cpp's older servers answer with 500."""
_TOO_LONG = re.compile(
    r"context[_ ](?:length|size|window)|exceed_context|maximum context|context the overflow|"
    r"prompt is too long|too many tokens|input is too long|tokens? limit|token count|"
    r"max_model_len|exceeds? the (?:available|maximum|model|limit)|reduce the length|"
    r"input length|larger than the maximum|n_ctx|request too large",
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"(?:n_ctx\"?\s*[:=]\s*|maximum context length (?:is|of) |context (?:size|window|length)"
    r"(?: of| is)? \(?)(\d{3,7})",
    re.IGNORECASE,
)


def is_context_too_long(error: "APIStatusError") -> bool:
    """Whether a request was refused because its context is too long."""
    return error.status_code in _STATUSES and bool(_TOO_LONG.search(_message_of(error)))


def context_window(error: "APIStatusError") -> int | None:
    """The tokens that the server says its context has."""
    found = _WINDOW.search(_message_of(error))
    return int(found[1]) if found else None


def _message_of(error: "APIStatusError") -> str:
    body = error.body
    return f"{error.message} {json.dumps(body, default=str) if body is not None else ''}"[:4_000]
