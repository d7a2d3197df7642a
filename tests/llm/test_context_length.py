"""Refusals of a context that is too long, as servers word them."""

import httpx2
import pytest
from openai import APIStatusError

from appliance.llm.context import estimated_tokens, shortened
from appliance.llm.context_length import context_window, is_context_too_long

REFUSALS = {
    "llama-server": (
        400,
        {
            "code": 400,
            "message": "the request exceeds the available context size, try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 5000,
            "n_ctx": 4096,
        },
        4096,
    ),
    "OpenAI": (
        400,
        {
            "message": "This model's maximum context length is 8192 tokens. However, your messages "
            "resulted in 9000 tokens. Please reduce the length of the messages.",
            "code": "context_length_exceeded",
        },
        8192,
    ),
    "vLLM": (
        400,
        {"message": "This model's maximum context length is 2048 tokens. However, you requested"},
        2048,
    ),
    "Groq": (413, {"message": "Request too large for model", "code": "rate_limit_exceeded"}, None),
    "Anthropic": (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, None),
    "Gemini": (400, {"message": "The input token count exceeds the maximum number"}, None),
}


def refusal(status: int, body: object) -> APIStatusError:
    request = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")
    return APIStatusError(
        f"Error code: {status}", response=httpx2.Response(status, request=request), body=body
    )


@pytest.mark.parametrize("server", REFUSALS)
def test_a_refusal_is_recognised_with_its_window(server: str) -> None:
    status, body, window = REFUSALS[server]
    error = refusal(status, body)
    assert is_context_too_long(error)
    assert context_window(error) == window


def test_other_refusals_are_not_taken_for_one() -> None:
    assert not is_context_too_long(refusal(400, {"message": "tools are not supported"}))
    assert not is_context_too_long(refusal(429, {"message": "too many tokens per minute"}))


def test_a_context_is_shortened_from_its_beginning_and_keeps_the_system_prompt() -> None:
    messages = [{"role": "system", "content": "Be brief."}]
    for number in range(20):
        messages.append({"role": "user", "content": f"{number} " * 40})
        messages.append({"role": "assistant", "content": "Yes."})
    messages.append({"role": "user", "content": "And now?"})
    kept = shortened(messages, 200)
    assert kept[0] == messages[0]
    assert kept[1]["role"] == "user"
    assert kept[-1] == messages[-1]
    assert estimated_tokens(kept) <= 200
    assert shortened(messages, None) == messages


def test_a_single_message_that_is_too_long_keeps_its_beginning() -> None:
    messages = [{"role": "user", "content": "x" * 10_000}]
    kept = shortened(messages, 100)
    assert 200 <= len(kept[0]["content"]) < 10_000
