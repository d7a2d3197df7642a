"""Random sentences of the templates, with the arguments that they must yield."""

from dataclasses import dataclass
from typing import Any

from hassil import expression as kinds
from hassil import parse_sentence
from hypothesis import strategies as st
from num2words import num2words

from appliance.tools import Tool
from appliance.tools.intents.recognizer import Command, FreeWords, Numbers, PhraseList, command_of
from appliance.tools.registry import ToolRegistry


@dataclass
class Sample:
    tool: str
    text: str
    arguments: dict[str, Any]


def tools_of(registry: ToolRegistry) -> list[Tool]:
    return list(registry._tools.values())


@st.composite
def sampled(draw: st.DrawFn, registry: ToolRegistry) -> Sample:
    """One sentence of one template, in which each argument occurs once."""
    commands = [command_of(tool) for tool in tools_of(registry)]
    command = draw(st.sampled_from([command for command in commands if command.templates]))
    template = draw(st.sampled_from(command.templates))
    arguments: dict[str, Any] = {}
    text = _draw(draw, command, parse_sentence(template).expression, arguments)
    return Sample(command.name, " ".join(text.split()), arguments)


def _draw(draw: st.DrawFn, command: Command, part: kinds.Expression, taken: dict[str, Any]) -> str:
    if isinstance(part, kinds.TextChunk):
        return part.text
    if isinstance(part, kinds.Alternative):
        free = [item for item in part.items if not _repeats(command, item, taken)]
        return _draw(draw, command, draw(st.sampled_from(free or part.items)), taken)
    if isinstance(part, kinds.Sequence):
        return "".join([_draw(draw, command, item, taken) for item in part.items])
    if isinstance(part, kinds.RuleReference):
        body = parse_sentence(command.rules[part.rule_name]).expression
        return _draw(draw, command, body, taken)
    assert isinstance(part, kinds.ListReference)
    said, taken[part.slot_name] = _value(draw, command, part.list_name)
    return said


def _repeats(command: Command, part: kinds.Expression, taken: dict[str, Any]) -> bool:
    """Whether a part repeats an argument ("an hour and a half and ten minutes")."""
    rules = {name: parse_sentence(body) for name, body in command.rules.items()}
    group = part if isinstance(part, kinds.Group) else kinds.Sequence(items=[part])
    slots = {reference.slot_name for reference in group.list_references(rules)}
    return bool(slots & set(taken))


def _value(draw: st.DrawFn, command: Command, name: str) -> tuple[str, Any]:
    spoken = command.lists[name]
    match spoken:
        case Numbers(start, stop):
            number = draw(st.integers(start, stop))
            return num2words(number).replace("-", draw(st.sampled_from("- "))), number
        case PhraseList(values):
            phrase = draw(st.sampled_from(sorted(values)))
            return phrase, values[phrase]
        case FreeWords(examples):
            word = draw(st.sampled_from(examples))
            return word, word
