"""The history that a new Realtime session is given."""

import json
from typing import Any

from pipecat.services.openai.realtime import events

from appliance.voice.realtime.route import HISTORY_INTRODUCTION, history

USER = {"role": "user", "content": "how far away is the moon"}
ANSWER = {"role": "assistant", "content": "It is far away."}
CALL = {"role": "assistant", "tool_calls": [{"id": "1"}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "{}"}


def _messages(event: events.ConversationItemCreateEvent | None) -> list[dict[str, Any]]:
    assert event is not None
    assert event.item.content is not None
    text = event.item.content[0].text
    assert text is not None
    assert text.startswith(HISTORY_INTRODUCTION)
    found: list[dict[str, Any]] = json.loads(text.removeprefix(HISTORY_INTRODUCTION))
    return found


def test_the_history_is_what_was_said_without_calls_of_tools() -> None:
    assert _messages(history([USER, CALL, RESULT, ANSWER], "")) == [USER, ANSWER]


def test_a_question_that_is_still_to_be_asked_is_left_out() -> None:
    again = {"role": "user", "content": "really"}
    assert _messages(history([USER, ANSWER, again], "really")) == [USER, ANSWER]
    assert _messages(history([USER, ANSWER, again], "what")) == [USER, ANSWER, again]


def test_without_anything_said_there_is_no_history() -> None:
    assert history([], "") is None
    assert history([USER], "how far away is the moon") is None
