"""Checks the arguments of a call against a tool's schema. Pure."""

from collections.abc import Mapping
from typing import Any

from appliance.errors import ToolError


def validate(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a tool can rely on: known names, right types, within bounds.

    Language models send null for a missing argument and "5" or 5.0 for 5; both are corrected.
    Raises ToolError with one sentence that a model or a person can act on.
    """
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    given = {name: value for name, value in arguments.items() if value is not None}
    if unknown := sorted(set(given) - set(properties)):
        raise _error(f"there is no argument called {unknown[0]}", properties)
    if missing := [name for name in schema.get("required", ()) if name not in given]:
        raise _error(f"the argument {missing[0]} is missing", properties)
    return {name: _validate_value(name, properties[name], value) for name, value in given.items()}


def _validate_value(name: str, rule: Mapping[str, Any], value: Any) -> Any:  # noqa: ANN401  JSON
    value = _convert(name, rule.get("type"), value)
    if "enum" in rule and value not in rule["enum"]:
        allowed = ", ".join(str(choice) for choice in rule["enum"])
        raise _error(f"{name} must be one of {allowed}", rule)
    if "minimum" in rule and value < rule["minimum"]:
        raise _error(f"{name} must be at least {rule['minimum']}", rule)
    if "maximum" in rule and value > rule["maximum"]:
        raise _error(f"{name} must be at most {rule['maximum']}", rule)
    if "maxLength" in rule and len(value) > rule["maxLength"]:
        raise _error(f"{name} must be at most {rule['maxLength']} letters long", rule)
    return value


def _convert(name: str, kind: Any, value: Any) -> Any:  # noqa: ANN401  JSON
    if kind in ("integer", "number"):
        return _number(name, kind, value)
    if kind == "boolean" and not isinstance(value, bool):
        raise _error(f"{name} must be true or false", value)
    if kind == "string" and not isinstance(value, str):
        raise _error(f"{name} must be text", value)
    return value


def _number(name: str, kind: str, value: Any) -> int | float:  # noqa: ANN401  JSON
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _error(f"{name} must be a number", value)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _error(f"{name} must be a number", value) from None
    if not number - number == 0:  # NaN and infinity are not JSON
        raise _error(f"{name} must be a number", value)
    if number.is_integer():
        return int(number)
    if kind == "integer":
        raise _error(f"{name} must be a whole number", value)
    return number


def _error(message: str, context: object) -> ToolError:
    return ToolError(message, advice=f"Given or allowed: {context!r:.300}")
