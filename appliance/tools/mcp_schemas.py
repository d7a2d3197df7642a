"""Schemas of the arguments of tools of MCP servers: which can be used, and in which form. Pure."""

from collections.abc import Mapping
from typing import Any

MOST_REFERENCES = 8  # references within references; a recursive schema ends here
LONGEST_SCHEMA = 20_000  # characters, which every request to a model carries


def schema_fault(schema: object) -> str:
    """Why a tool with this schema cannot be offered; empty if it can.

    A model's server refuses every request with a schema that is none.
    """
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # has none
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]  # has none

    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        return "its arguments are no object"
    try:
        Draft202012Validator.check_schema(standalone_schema(schema))
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return f"its schema is none: {error.message[:200]}"
    except RecursionError:
        return "its schema is nested too deeply"
    if len(str(standalone_schema(schema))) > LONGEST_SCHEMA:
        return "its schema is too long"
    return ""


def standalone_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments with its internal references (`$ref`) written out."""
    inlined = _inline(schema, schema, MOST_REFERENCES)
    properties = inlined.get("properties") if isinstance(inlined, dict) else None
    required = inlined.get("required") if isinstance(inlined, dict) else None
    return {
        "type": "object",
        "properties": {
            str(name): rule if isinstance(rule, dict) else {}
            for name, rule in (properties.items() if isinstance(properties, dict) else ())
        },
        "required": [str(name) for name in required] if isinstance(required, list) else [],
    }


def _inline(part: Any, root: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(part, list):
        return [_inline(item, root, depth) for item in part]
    if not isinstance(part, Mapping):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str):
        if depth == 0:
            return {}
        return _inline(_resolve(reference, root), root, depth - 1)
    return {
        key: _inline(value, root, depth)
        for key, value in part.items()
        if key not in ("$defs", "definitions", "$schema")
    }


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:  # noqa: ANN401  any JSON value
    """The schema at `#/a/b`; an open schema if the reference leads nowhere."""
    if not reference.startswith("#/"):
        return {}
    value: Any = root
    for key in reference[2:].split("/"):
        key = key.replace("~1", "/").replace("~0", "~")
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if value is not None else {}
