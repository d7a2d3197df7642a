from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ToolError
from appliance.tools.arguments import validate

SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 0, "maximum": 10},
        "share": {"type": "number"},
        "name": {"type": "string", "maxLength": 5},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "all": {"type": "boolean"},
        "anything": {"anyOf": [{"type": "object"}, {"type": "array"}]},
    },
}


@pytest.mark.parametrize(
    ("given_", "taken"),
    [
        ({}, {}),
        ({"count": "7", "share": 1}, {"count": 7, "share": 1}),
        ({"share": "0.5"}, {"share": 0.5}),
        ({"name": None, "all": False}, {"all": False}),
        ({"anything": {"deep": [1]}}, {"anything": {"deep": [1]}}),
    ],
)
def test_valid_arguments(given_: dict[str, Any], taken: dict[str, Any]) -> None:
    assert validate(SCHEMA, given_) == taken


@pytest.mark.parametrize(
    ("given_", "fault"),
    [
        ({"count": 11}, "count must be at most 10"),
        ({"count": -1}, "count must be at least 0"),
        ({"count": 1.5}, "count must be a whole number"),
        ({"count": True}, "count must be a number"),
        ({"count": float("nan")}, "count must be a number"),
        ({"share": float("inf")}, "share must be a number"),
        ({"share": []}, "share must be a number"),
        ({"name": 5}, "name must be text"),
        ({"name": "longer"}, "name must be at most 5 letters long"),
        ({"colour": "green"}, "colour must be one of red, blue"),
        ({"all": "yes"}, "all must be true or false"),
        ({"other": 1}, "there is no argument called other"),
    ],
)
def test_invalid_arguments(given_: dict[str, Any], fault: str) -> None:
    with pytest.raises(ToolError, match=fault):
        validate(SCHEMA, given_)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "x"]), anything))
def test_validation_raises_nothing_but_tool_errors(arguments: dict[str, Any]) -> None:
    try:
        taken = validate(SCHEMA, arguments)
    except ToolError:
        return
    assert set(taken) <= set(SCHEMA["properties"])
    assert isinstance(taken.get("count", 0), int)
