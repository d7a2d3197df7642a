"""Calls that need a yes: they run once, after a yes to a question that was heard to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ToolError
from appliance.text.normalize import speakable
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.confirmation import ANSWER_SECONDS
from appliance.tools.registry import ToolRegistry
from tests.tools.conftest import Session


@dataclass
class House:
    """A tool that asks, a tool that does not, two sessions, and a clock that the test sets.

    Questions are heard to their end unless `interrupted` is set.
    """

    seconds: float = 0.0
    interrupted: bool = False
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
        """The answer to a text of the user; empty if no tool matches."""
        self.registry.user_turn(text, session)
        match = self.registry.match(text, session)
        if match is None:
            return ""
        return await self.call(match.tool.name, match.arguments, session, "sentence")

    async def model(self, name: str, session: str = "a", **arguments: object) -> str:
        """The answer to a call by a language model."""
        return await self.call(name, arguments, session, "model")

    async def call(self, name: str, arguments: Mapping[str, Any], session: str, via: str) -> str:
        result = await self.registry.call(name, arguments, self.sessions[session], via)
        if via == "sentence":
            self.registry.assistant_spoke(session)
        if result.question_id and not self.interrupted:
            self.registry.question_heard(session, result.question_id)
        return result.spoken


@pytest.fixture
def house() -> House:
    return House()


ASKED = "Shall I use launch, with count 5?"


async def test_the_call_runs_once_after_a_yes(house: House) -> None:
    assert await house.say("launch five") == ASKED
    assert house.done == []
    assert await house.say("yes") == "5 launched."
    assert await house.say("yes") == ""
    assert house.done == [("a", 5)]


async def test_a_no_declines_the_call(house: House) -> None:
    await house.say("launch five")
    assert await house.say("no") == "Okay, I won't."
    assert await house.say("yes") == ""
    assert house.done == []


async def test_a_model_can_ask_and_never_answer(house: House) -> None:
    assert await house.model("launch", count=5) == ASKED
    assert await house.model("confirm") == "Sorry, only the user can answer that."
    assert house.done == []
    assert house.registry.offer().names() == {"launch", "wave"}
    assert await house.say("yes please") == "5 launched."


@pytest.mark.parametrize("other", ["wave", "what would that do", "launch seven", "hm", ""])
async def test_anything_else_withdraws_the_question(house: House, other: str) -> None:
    await house.say("launch five")
    await house.say(other)
    await house.say("yes")
    assert ("a", 5) not in house.done


async def test_a_late_yes_does_not_count(house: House) -> None:
    await house.say("launch five")
    house.seconds = ANSWER_SECONDS
    assert await house.say("yes") == ""
    assert house.done == []


async def test_a_yes_counts_in_its_own_session(house: House) -> None:
    await house.say("launch five")
    assert await house.say("yes", "b") == ""
    assert await house.say("yes", "a") == "5 launched."


async def test_a_failure_after_the_yes_is_spoken(house: House) -> None:
    await house.say("launch three")
    assert await house.say("yes") == "Sorry, three is not allowed."


async def test_an_invalid_call_asks_no_question(house: House) -> None:
    assert await house.model("launch", count=50) == "Sorry, count must be at most 9."
    assert await house.say("yes") == ""


async def test_a_yes_over_the_question_has_it_asked_again(house: House) -> None:
    house.interrupted = True
    assert await house.model("launch", count=5) == ASKED
    assert await house.say("yes") == ASKED
    assert await house.say("yes please") == ASKED
    assert house.done == []
    house.interrupted = False
    assert await house.say("yes") == ASKED
    assert await house.say("yes") == "5 launched."
    assert house.done == [("a", 5)]


async def test_a_no_over_the_question_counts(house: House) -> None:
    house.interrupted = True
    await house.model("launch", count=5)
    assert await house.say("no") == "Okay, I won't."
    assert await house.say("yes") == ""


async def test_speech_of_the_assistant_after_the_question_withdraws_it(house: House) -> None:
    await house.model("launch", count=5)
    house.registry.assistant_spoke("b")
    house.registry.assistant_spoke("a")
    assert await house.say("yes") == ""
    assert house.done == []


async def test_a_withdrawn_question_cannot_be_heard_any_more(house: House) -> None:
    first = await house.registry.call("launch", {"count": 5}, house.sessions["a"])
    house.registry.interrupted("a")
    house.registry.question_heard("a", first.question_id)
    assert await house.say("yes") == ""
    second = await house.registry.call("launch", {"count": 6}, house.sessions["a"])
    house.registry.question_heard("a", first.question_id)
    house.registry.question_heard("b", second.question_id)
    assert await house.say("yes") == "Shall I use launch, with count 6?"


async def test_a_question_is_not_replaced_before_it_is_heard(house: House) -> None:
    house.interrupted = True
    assert await house.model("launch", count=5) == ASKED
    refused = await house.registry.call("launch", {"count": 6}, house.sessions["a"])
    assert refused.spoken == "Sorry, the user has to answer another question first."
    assert not refused.question_id
    assert await house.say("yes") == ASKED


async def test_the_time_to_answer_begins_when_the_question_was_heard(house: House) -> None:
    result = await house.registry.call("launch", {"count": 5}, house.sessions["a"])
    house.seconds = ANSWER_SECONDS - 1
    house.registry.question_heard("a", result.question_id)
    house.seconds += ANSWER_SECONDS - 1
    assert await house.say("yes") == "5 launched."


@pytest.mark.parametrize("value", ["```", "<think> it", "a|b *c* `d` ~~~ #e", "[x](y)\\_"])
async def test_no_argument_hides_a_part_of_the_question(value: str) -> None:
    """Markup would make the voice leave out what follows it."""

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        raise AssertionError

    text = {"type": "object", "properties": {"text": {"type": "string"}, "to": {"type": "string"}}}
    registry = ToolRegistry((Tool("send", "", run, text, confirm=True),))
    asked = await registry.call("send", {"text": value, "to": "everybody"}, Session())
    assert speakable(asked.spoken) == asked.spoken
    assert asked.spoken.endswith("and to everybody?")


async def test_a_long_argument_is_cut_audibly() -> None:
    async def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        raise AssertionError

    text = {"type": "object", "properties": {"text": {"type": "string"}}}
    registry = ToolRegistry((Tool("send", "", run, text, confirm=True),))
    asked = await registry.call("send", {"text": "word " * 100}, Session())
    assert asked.spoken.endswith("and more?")


SAID = st.sampled_from(["launch one", "launch two", "yes", "no", "wave", "and the moon"])
MODEL = st.sampled_from(["launch", "confirm", "wave"])
STEP = st.tuples(st.sampled_from("ab"), SAID | MODEL.map(lambda name: f"model {name}"))


@given(st.lists(STEP, max_size=10))
@settings(max_examples=40, deadline=None)
async def test_nothing_runs_without_a_yes_to_it(
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


async def test_groups_of_tools_are_replaced_and_earlier_groups_match_first(house: House) -> None:
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
