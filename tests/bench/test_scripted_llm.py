"""The scripted language model, over a real port."""

import json
import re
import time

import aiohttp

from appliance.bench.answers import LONG_ANSWERS, VARIED_ANSWERS
from appliance.bench.scripted_llm import TokenPace, scripted_llm

ANSWER = VARIED_ANSWERS[0]
BODY = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}


async def test_a_stream_is_no_faster_than_its_pace() -> None:
    pace = TokenPace(first_token_seconds=0.05, tokens_per_second=1000)
    begin, first, text = time.monotonic(), 0.0, ""
    async with (
        scripted_llm(pace) as endpoint,
        aiohttp.ClientSession() as http,
        http.post(f"{endpoint.url}/chat/completions", json={**BODY, "stream": True}) as answer,
    ):
        assert answer.content_type == "text/event-stream"
        lines = [line async for line in answer.content]
    for line in lines:
        data = line.decode().strip().removeprefix("data: ")
        if data and data != "[DONE]":
            [choice] = json.loads(data)["choices"]
            text += choice["delta"].get("content", "")
            first = first or time.monotonic() - begin
    assert text == ANSWER
    assert first >= pace.first_token_seconds + (len(ANSWER.split()) - 1) / 1000
    assert lines[-2].decode().strip() == "data: [DONE]"


async def test_an_answer_that_is_not_streamed() -> None:
    async with (
        scripted_llm(TokenPace(0, 1000)) as endpoint,
        aiohttp.ClientSession() as http,
        http.post(f"{endpoint.url}/chat/completions", json=BODY) as answer,
    ):
        body = await answer.json()
    assert body["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}


def test_a_pace_in_words() -> None:
    assert str(TokenPace()) == "scripted, first token after 220 ms, then 50 tokens/s"


def test_answers_rotate_within_a_conversation() -> None:
    pace = TokenPace(answers=("one", "two"))
    question, answer = {"role": "user"}, {"role": "assistant"}
    system = {"role": "system"}
    assert pace.answer([system, question]) == "one"
    assert pace.answer([system, question, answer, question]) == "two"
    assert pace.answer([question, answer, question, answer, question]) == "one"


def test_long_answers_begin_with_a_clause_and_end_with_a_second_sentence() -> None:
    for answer in LONG_ANSWERS:
        first, _, second = answer.partition(". ")
        assert 17 <= len(first.split()) <= 21
        assert second.endswith(".")


def test_varied_answers_are_two_sentences_and_repeat_nothing() -> None:
    sentences = [re.split(r"(?<=[.!?]) ", answer) for answer in VARIED_ANSWERS]
    assert len(VARIED_ANSWERS) >= 40
    assert {len(parts) for parts in sentences} == {2}
    openings = [tuple(part.lower().split()[:4]) for parts in sentences for part in parts]
    assert len(set(openings)) == len(openings)


def test_without_other_answers_a_conversation_hears_each_varied_answer_once() -> None:
    question, answer = {"role": "user"}, {"role": "assistant"}
    pace, messages, given = TokenPace(), [question], []
    for _ in VARIED_ANSWERS:
        given.append(pace.answer(messages))
        messages += [answer, question]
    assert tuple(given) == VARIED_ANSWERS
