"""What an MCP server says of its tools, made into what ours need. Pure."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

DEEPEST = 8  # references within references; a schema that describes itself ends here
LONGEST_NAME = 64  # characters, as models accept them
LONGEST_DESCRIPTION = 1_000  # characters that every request to a model carries


def tool_name(server: str, name: str) -> str:
    """What a tool of a server is called here: the server's name before its own."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", f"{server}_{name}")[:LONGEST_NAME]


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a tool's own name fits one of the patterns (* and ? as in file names)."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def parameters(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments' schema on its own: what it refers to inside itself is written out."""
    written = _inlined(schema, schema, DEEPEST)
    properties = written.get("properties") if isinstance(written, dict) else None
    required = written.get("required") if isinstance(written, dict) else None
    return {
        "type": "object",
        "properties": {
            str(name): rule if isinstance(rule, dict) else {}
            for name, rule in (properties.items() if isinstance(properties, dict) else ())
        },
        "required": [str(name) for name in required] if isinstance(required, list) else [],
    }


def _inlined(part: Any, root: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(part, list):
        return [_inlined(item, root, depth) for item in part]
    if not isinstance(part, Mapping):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str):
        if depth == 0:
            return {}
        return _inlined(_referred(reference, root), root, depth - 1)
    return {
        key: _inlined(value, root, depth)
        for key, value in part.items()
        if key not in ("$defs", "definitions", "$schema")
    }


def _referred(reference: str, root: Mapping[str, Any]) -> Any:  # noqa: ANN401  any JSON value
    """What `#/a/b` points to; an open schema where it points to nothing here."""
    if not reference.startswith("#/"):
        return {}
    place: Any = root
    for key in reference[2:].split("/"):
        key = key.replace("~1", "/").replace("~0", "~")
        place = place.get(key) if isinstance(place, Mapping) else None
    return place if place is not None else {}
