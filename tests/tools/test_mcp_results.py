"""Results of MCP servers are said in words, never as JSON."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tools.mcp_results import DONE, result_texts, spoken_result


def spoken(*texts: str, structured: object = None, template: str = "", **arguments: str) -> str:
    return spoken_result(texts, structured, template, arguments)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("The **light** is on.",), "The light is on."),
        (("", ""), DONE),
        (('{"level": 40, "room": "kitchen"}',), "The level is forty and the room is kitchen."),
        (('{"isOn": true, "note": null}',), "The is on is yes."),
        (('{"lamp": {"level": 40}}',), "The lamp level is forty."),
        (('["red", "green"]',), "Red and green"),
        (("{}",), DONE),
        (('It is so: {"level": 40}',), 'It is so: "level": forty'),
        (('{"level": 40}', "The lamp is on."), "The lamp is on."),
    ],
)
def test_without_a_template(texts: tuple[str, ...], said: str) -> None:
    assert spoken(*texts) == said


def test_a_template_takes_fields_of_the_result_and_of_the_arguments() -> None:
    template = "The {room} is at {lamp.level} percent."
    assert (
        spoken('{"lamp": {"level": 40}}', template=template, room="kitchen")
        == "The kitchen is at forty percent."
    )
    assert spoken(structured={"lamp": {"level": 7}}, template=template, room="hall") == (
        "The hall is at seven percent."
    )
    assert spoken("40", template="It says {text}.") == "It says forty."


def test_a_template_whose_field_is_missing_is_not_said() -> None:
    assert spoken('{"level": 40}', template="At {colour}.") == "The level is forty."


def test_texts_are_those_of_all_parts() -> None:
    parts = [
        SimpleNamespace(text="One."),
        SimpleNamespace(resource=SimpleNamespace(text="Two.", uri="file:///x")),
        SimpleNamespace(name="report.pdf", uri="file:///y"),
        SimpleNamespace(data="AAAA", mimeType="image/png"),
    ]
    assert result_texts(parts) == ["One.", "Two.", "report.pdf"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4) | st.lists(JSON, max_size=4))
def test_whatever_json_comes_no_bracket_is_said(value: object) -> None:
    said = spoken(json.dumps(value))
    assert said
    assert not {"{", "}", "[", "]"} & set(said)
