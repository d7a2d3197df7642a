"""What asks before it is done: no yes, no deed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ToolError
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.confirmation import PATIENCE
from appliance.tools.registry import ToolRegistry
from tests.tools.conftest import Session


@dataclass
class House:
    """A tool that asks, a tool that does not, two sessions, and a clock that a test turns."""

    seconds: float = 0.0
    done: list[tuple[str, int]] = field(default_factory=list)
    sessions: dict[str, Session] = field(
        default_factory=lambda: {name: Session(session_id=name) for name in ("a", "b")}
    )

    def __post_init__(self) -> None:
        async def launch(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
            if arguments["count"] == 3:
                raise ToolError("three is not allowed")
            self.done.append((context.session_id, arguments["count"]))
            return ToolResult(f"{arguments['count']} launched.")

        async def wave(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
            return ToolResult("Waved.")

        count = {"type": "integer", "minimum": 1, "maximum": 9}
        schema = {"type": "object", "properties": {"count": count}, "required": ["count"]}
        self.registry = ToolRegistry(
            (
                Tool("launch", "Launches.", launch, schema, ("launch {count}",), confirm=True),
                Tool("wave", "Waves.", wave, sentences=("wave",)),
            ),
            lambda: self.seconds,
        )

    async def say(self, text: str, session: str = "a") -> str:
        """What is answered to what the user says; empty where no tool is asked for."""
        self.registry.user_turn(text, session)
        match = self.registry.match(text, session)
        if match is None:
            return ""
        answer = await self.registry.call(
            match.tool.name, match.arguments, self.sessions[session], "sentence"
        )
        return answer.spoken

    async def model(self, name: str, session: str = "a", **arguments: object) -> str:
        """What is answered to a call of a language model's."""
        return (await self.registry.call(name, arguments, self.sessions[session])).spoken


@pytest.fixture
def house() -> House:
    return House()


ASKED = "Shall I use launch, with count 5?"


async def test_it_asks_and_a_yes_does_it_once(house: House) -> None:
    assert await house.say("launch five") == ASKED
    assert house.done == []
    assert await house.say("yes") == "5 launched."
    assert await house.say("yes") == ""
    assert house.done == [("a", 5)]


async def test_a_no_leaves_it(house: House) -> None:
    await house.say("launch five")
    assert await house.say("no") == "Okay, I won't."
    assert await house.say("yes") == ""
    assert house.done == []


async def test_a_model_can_ask_and_never_answer(house: House) -> None:
    assert await house.model("launch", count=5) == ASKED
    assert await house.model("confirm") == "Sorry, only the user can answer that."
    assert house.done == []
    assert {schema["function"]["name"] for schema in house.registry.schemas()} == {"launch", "wave"}
    assert await house.say("yes please") == "5 launched."


@pytest.mark.parametrize("other", ["wave", "what would that do", "launch seven", "hm", ""])
async def test_anything_else_withdraws_the_question(house: House, other: str) -> None:
    await house.say("launch five")
    await house.say(other)
    await house.say("yes")
    assert ("a", 5) not in house.done


async def test_a_yes_that_comes_too_late_is_a_yes_to_something_else(house: House) -> None:
    await house.say("launch five")
    house.seconds = PATIENCE
    assert await house.say("yes") == ""
    assert house.done == []


async def test_a_yes_counts_in_its_own_session(house: House) -> None:
    await house.say("launch five")
    assert await house.say("yes", "b") == ""
    assert await house.say("yes", "a") == "5 launched."


async def test_what_goes_wrong_after_the_yes_is_said(house: House) -> None:
    await house.say("launch three")
    assert await house.say("yes") == "Sorry, three is not allowed."


async def test_a_call_that_makes_no_sense_is_not_asked_about(house: House) -> None:
    assert await house.model("launch", count=50) == "Sorry, count must be at most 9."
    assert await house.say("yes") == ""


SAID = st.sampled_from(["launch one", "launch two", "yes", "no", "wave", "and the moon"])
MODEL = st.sampled_from(["launch", "confirm", "wave"])
STEP = st.tuples(st.sampled_from("ab"), SAID | MODEL.map(lambda name: f"model {name}"))


@given(st.lists(STEP, max_size=10))
@settings(max_examples=40, deadline=None)
async def test_whatever_happens_nothing_is_done_without_a_yes_to_it(
    steps: list[tuple[str, str]],
) -> None:
    house = House()
    asked: dict[str, int] = {}
    for session, step in steps:
        before = list(house.done)
        if step == "model launch":
            await house.model("launch", session, count=9)
            asked[session] = 9
        elif step.startswith("model "):
            await house.model(step.removeprefix("model "), session)
        else:
            await house.say(step, session)
            expected = asked.pop(session, None) if step == "yes" else None
            assert house.done == before + ([(session, expected)] if expected else [])
            asked.pop(session, None)
            if step.startswith("launch"):
                asked[session] = {"launch one": 1, "launch two": 2}[step]
            continue
        assert house.done == before


async def test_tools_come_and_go_and_those_before_them_are_heard_first(house: House) -> None:
    async def hijack(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        raise AssertionError

    more = Tool("other", "Waves too.", hijack, sentences=("wave", "wave back"))
    house.registry.put("late", (more,))
    assert await house.say("wave") == "Waved."
    match = house.registry.match("wave back")
    assert match is not None
    assert match.tool is more
    with pytest.raises(ToolError, match="two tools"):
        house.registry.put("later", (more,))
    house.registry.put("late", ())
    assert house.registry.match("wave back") is None
