"""The tools for the history of a conversation: recall it, forget it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from appliance.tools.builtin.history import history_tools
from appliance.tools.registry import ToolRegistry
from tests.tools.conftest import Session

NOW = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


@dataclass
class Memory:
    said: list[str] = field(default_factory=list)
    wanted: list[tuple[str, float, float]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    guests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        async def asked(client_id: str, begin: float, end: float) -> Sequence[str]:
            self.wanted.append((client_id, begin, end))
            return self.said

        self.session = Session()
        tools = history_tools(lambda: NOW, asked, self.forgotten.append)
        self.registry = ToolRegistry(tools, is_guest=self.is_guest)

    async def is_guest(self, client_id: str) -> bool:
        return client_id in self.guests

    async def say(self, text: str) -> str:
        self.registry.user_turn(text, "s")
        match = self.registry.match(text, "s")
        assert match is not None
        answer = await self.registry.call(
            match.tool.name, match.arguments, self.session, "sentence"
        )
        if answer.question_id:
            self.registry.question_heard("s", answer.question_id)
        return answer.spoken


@pytest.mark.parametrize(
    ("sentence", "begin"),
    [
        ("what did I ask you yesterday", datetime(2026, 11, 20, tzinfo=UTC)),
        ("what did I ask", datetime(2026, 11, 20, tzinfo=UTC)),
        ("what have I said today", datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
async def test_a_day_begins_at_midnight(sentence: str, begin: datetime) -> None:
    memory = Memory()
    day = "today" if "today" in sentence else "yesterday"
    assert await memory.say(sentence) == f"You asked me nothing {day}."
    assert memory.wanted == [("k", begin.timestamp(), begin.timestamp() + 86_400)]


async def test_repeated_questions_are_told_once() -> None:
    memory = Memory(["what time is it", "What did I ask you?", "is it warm?", "what time is it"])
    told = await memory.say("what did I ask you yesterday")
    assert told == "Yesterday you said “what time is it” and “is it warm”."
    memory.said = [f"question {number}" for number in range(7)]
    told = await memory.say("what did I ask you yesterday")
    assert told.endswith("and “question 6”, and two other things before that.")


async def test_a_conversation_is_forgotten_after_a_yes() -> None:
    memory = Memory()
    assert (await memory.say("forget this conversation")).startswith("Shall I forget")
    assert memory.forgotten == []
    assert await memory.say("yes") == "I forget this conversation. Goodbye."
    assert memory.forgotten == ["c"]


async def test_a_guest_has_no_history_and_may_forget_the_conversation() -> None:
    memory = Memory(["what time is it"], guests=("k",))
    assert (await memory.say("what did I ask you today")).startswith(
        "Sorry, that is not for guests"
    )
    assert memory.wanted == []
    await memory.say("forget this conversation")
    assert await memory.say("yes") == "I forget this conversation. Goodbye."
