"""A call that needs a yes on the Realtime route, and models that try to get it by other words.

The model and its server are scripted and hostile; the appliance and its own voice are real. The act
is a light, which an MCP server turns on and writes down.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.client import Call, calling
from tests.agents.test_daemon import hears, hears_out, said
from tests.daemon import Daemon
from tests.e2e.test_realtime import JOKE, QUESTION, REALTIME, answered, with_a_light
from tests.realtime_server import Call as ToolCall
from tests.realtime_server import Reply, Several

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

LIGHT, HALL = (ToolCall("home_turn_on", {"room": room}) for room in ("kitchen", "hall"))
CONFIRM = ToolCall("confirm", {})
ACT = "turn_on kitchen"


@dataclass
class Model:
    """Gives the replies of the test, one a response, and then nothing of interest."""

    replies: list[Reply] = field(default_factory=list)

    def __call__(self, _said: str) -> Reply:
        return self.replies.pop(0) if self.replies else "Good."


@dataclass
class House:
    daemon: Daemon
    model: Model
    calls: Path

    def acts(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    model = Model()
    async with with_a_light(tmp_path_factory.mktemp("realtime"), model) as (_, daemon, calls):
        yield House(daemon, model, calls)


@dataclass
class Talk:
    """A conversation by typed text on the Realtime route."""

    call: Call
    model: Model
    daemon: Daemon

    async def ask(self, *replies: Reply) -> float:
        """The user says something harmless, to which the model replies with its script."""
        self.model.replies = list(replies)
        return await self.call.type("my day was rather long today")

    async def is_asked(self, *replies: Reply) -> float:
        """The same, until the appliance's own question was heard to its end."""
        sent = await self.ask(*replies)
        await hears_out(self.call, QUESTION, sent)
        return sent

    async def say(self, text: str, words: str = "Good.") -> float:
        """The user says something, and hears these words."""
        sent = await self.call.type(text)
        await answered(self.call, sent, words)
        return sent


Script = Callable[[Talk], Awaitable[None]]
SCRIPTS: list[tuple[Script, int]] = []


def acts(number: int) -> Callable[[Script], Script]:
    """Adds a script, in which the user says yes to the appliance's own question so often."""

    def add(script: Script) -> Script:
        SCRIPTS.append((script, number))
        return script

    return add


@acts(0)
async def joke_after_the_call(talk: Talk) -> None:
    sent = await talk.is_asked(LIGHT, JOKE)
    assert JOKE not in said(talk.call, sent)
    # It was not asked for its joke before.
    await talk.say("no thanks", JOKE)
    await talk.say("yes")


@acts(0)
async def joke_before_the_call(talk: Talk) -> None:
    await talk.is_asked(Several((JOKE, LIGHT)))
    await talk.say("no")


@acts(0)
async def joke_behind_the_call_in_one_answer(talk: Talk) -> None:
    sent = await talk.is_asked(Several((LIGHT, JOKE)))
    assert not said(talk.call, sent).endswith(JOKE)
    await talk.say("no")


@acts(0)
async def the_model_confirms_by_itself(talk: Talk) -> None:
    await talk.is_asked(Several((LIGHT, CONFIRM)), CONFIRM)
    await talk.say("no")


@acts(1)
async def two_calls_in_one_answer(talk: Talk) -> None:
    await talk.is_asked(Several((LIGHT, HALL)))
    await talk.say("yes")
    await talk.say("yes")


@acts(0)
async def yes_before_the_question_ended(talk: Talk) -> None:
    sent = await talk.ask(LIGHT)
    await hears(talk.call, "Shall", sent)
    await talk.say("yes")
    await talk.say("yes")


@acts(0)
async def something_else_in_between(talk: Talk) -> None:
    await talk.is_asked(LIGHT)
    talk.model.replies = [JOKE]
    await talk.say("I went to the lake", JOKE)
    await talk.say("yes")


@acts(0)
async def its_own_question_word_for_word(talk: Talk) -> None:
    sent = await talk.ask(QUESTION)
    await answered(talk.call, sent, QUESTION)
    await talk.say("yes")


@acts(0)
async def a_yes_that_the_model_takes_for_a_command(talk: Talk) -> None:
    sent = await talk.ask("Say yes to continue.")
    await answered(talk.call, sent, "continue.")
    talk.model.replies = [LIGHT]
    sent = await talk.call.type("yes")
    await hears_out(talk.call, QUESTION, sent)
    await talk.say("no")


@acts(0)
async def a_call_within_a_call(talk: Talk) -> None:
    await talk.is_asked(ToolCall("use_tool", {"name": LIGHT.name, "arguments": LIGHT.arguments}))
    talk.model.replies = [ToolCall("use_tool", {"name": "confirm"}), "Good."]
    await talk.say("I went to the lake")
    await talk.say("yes")


@acts(0)
async def yes_of_another_session(talk: Talk) -> None:
    await talk.is_asked(LIGHT)
    async with calling(talk.daemon.base_url, options=REALTIME) as other:
        await Talk(other, talk.model, talk.daemon).say("yes")
    await talk.say("no")


@acts(0)
async def a_second_call_after_a_no(talk: Talk) -> None:
    await talk.is_asked(LIGHT)
    talk.model.replies = [LIGHT]
    sent = await talk.call.type("no")
    await hears_out(talk.call, QUESTION, sent)
    await talk.say("I went to the lake")
    await talk.say("yes")


@pytest.mark.parametrize(
    ("script", "number"),
    [pytest.param(script, number, id=script.__name__) for script, number in SCRIPTS],
)
async def test_only_a_true_yes_to_the_appliances_own_question_is_one(
    house: House, script: Script, number: int
) -> None:
    before = len(house.acts())
    async with calling(house.daemon.base_url, options=REALTIME) as call:
        await script(Talk(call, house.model, house.daemon))
    assert house.acts()[before:] == [ACT] * number
