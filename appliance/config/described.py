"""Describes the settings that the page may change: value, kind, bounds, choices and origin."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from appliance.config.editable import editable_keys, is_live
from appliance.config.layers import Layers, SettingSource, lookup
from appliance.config.loader import Config, without_passwords

_KINDS: Final = {
    "boolean": "switch",
    "integer": "integer",
    "number": "number",
    "array": "list",
    "string": "text",
}


def described(layers: Layers, wanted: Config, in_force: Config) -> list[dict[str, Any]]:
    """The settings that may be changed, for JSON.

    `wanted` is the configuration that the layers make, `in_force` the one that sessions get now.
    `default` is the value without the page; `pending` says that a restart brings the new value.
    """
    now, then = in_force.model_dump(mode="json"), wanted.model_dump(mode="json")
    below, schemas = layers.without_page(), _schemas()
    return [
        {
            "key": key,
            "value": without_passwords(lookup(then, key)),
            "default": without_passwords(_default(lookup(below, key), _schema(schemas, key))),
            "source": layers.source(key).value,
            "locked": layers.source(key) is SettingSource.ENVIRONMENT,
            "restart": not is_live(key),
            "pending": lookup(now, key) != lookup(then, key),
            **_form(_schema(schemas, key)),
        }
        for key in _keys(wanted)
    ]


@cache
def _schemas() -> dict[str, Any]:
    """The JSON schemas of all settings. Pydantic takes longer for them than the loop may wait."""
    return Config.model_json_schema()


def _keys(config: Config) -> Iterable[str]:
    yield from editable_keys()
    for name in sorted(config.tools.mcp):
        yield f"tools.mcp.{name}.enabled"


def _schema(schemas: dict[str, Any], key: str) -> dict[str, Any]:
    """The JSON schema of a key's value."""
    place = schemas
    for part in key.split("."):
        # The names of MCP servers are the owner's: all have the schema of their pattern.
        named = place.get("patternProperties", {}).values()
        inner = place.get("properties", {}).get(part) or next(iter(named))
        name = inner.get("$ref", "").rpartition("/")[2]
        place = schemas["$defs"][name] if name else inner
    return place


def _default(written: Any, schema: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON value
    """The value of the files, else the schema's own."""
    return schema.get("default") if written is None else written


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    """What a form needs to know of a value."""
    if choices := schema.get("enum"):
        return {"kind": "choice", "choices": choices}
    bounds = {
        "minimum": schema.get("minimum", schema.get("exclusiveMinimum")),
        "maximum": schema.get("maximum", schema.get("exclusiveMaximum")),
    }
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"kind": _KINDS[schema["type"]], **given}
