"""The check of the language model, against a real endpoint on a real port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.llm.probe import ProbeOutcome, ProbeResult
from appliance.selftest.check import Finding, Verdict
from appliance.selftest.checks.llm import LLMCheck
from tests.chat_server import Reply, Trouble, chat_server
from tests.install.shell import free_ports
from tests.selftest.conftest import MakeContext, bad, good, skipped

FAILURE = Verdict.FAILURE
SECRETS = {"OPENAI_API_KEY": "sk-not-for-anybody"}


@asynccontextmanager
async def finding_with(
    make_context: MakeContext, reply: Reply, **settings: str
) -> AsyncIterator[Finding]:
    """The finding with a server that gives `reply`."""
    async with chat_server(lambda _: reply) as server:
        named = {
            "LLM__PROVIDER": "custom",
            "LLM__BASE_URL": server.base_url,
            "LLM__MODEL": "llama",
            **settings,
        }
        yield await LLMCheck().run(make_context(settings=named, secrets=SECRETS))


async def test_without_a_model_the_check_is_skipped(make_context: MakeContext) -> None:
    assert "nothing leaves" in skipped(await LLMCheck().run(make_context()))


async def test_one_token_is_requested_and_timed(make_context: MakeContext) -> None:
    async with chat_server(lambda _: "Yes.") as server:
        settings = {"LLM__PROVIDER": "custom", "LLM__BASE_URL": server.base_url}
        finding = await LLMCheck().run(make_context(settings=settings, secrets=SECRETS))
    assert "default at 127.0.0.1:" in good(finding)
    assert finding.figures["first_token_seconds"] > 0
    (asked,) = server.requests
    assert (asked["max_tokens"], asked["stream"]) == (1, True)


async def test_a_slow_model_is_a_warning(make_context: MakeContext) -> None:
    async with chat_server(lambda _: "Yes.", first_token_seconds=0.03) as server:
        settings = {
            "LLM__PROVIDER": "ollama",
            "LLM__BASE_URL": server.base_url,
            # Half of it is less than what the server takes, whatever the machine does meanwhile;
            # twice of it may not be enough, and then it is a failure.
            "LLM__FIRST_TOKEN_SECONDS": "0.05",
        }
        finding = await LLMCheck().run(make_context(settings=settings))
    assert finding.verdict in (Verdict.WARNING, FAILURE)
    assert "smaller model" in finding.advice


@pytest.mark.parametrize(
    ("trouble", "message", "advice"),
    [
        (Trouble(401), "answers 401", "OPENAI_API_KEY"),
        (Trouble(403), "answers 403", "account"),
        (Trouble(404), "answers 404", "ollama pull llama"),
        (Trouble(429), "answers 429", "credit"),
        (Trouble(500), "answers 500", "its log"),
        (Trouble(garbage=True), "no chat completion", "/v1"),
        (Trouble(break_after=0), "cannot be reached", "server running"),
    ],
)
async def test_faulty_answers(
    make_context: MakeContext, trouble: Trouble, message: str, advice: str
) -> None:
    async with finding_with(make_context, trouble) as finding:
        message_and_advice = bad(finding, FAILURE)
    assert message in message_and_advice[0]
    assert advice in message_and_advice[1]
    assert SECRETS["OPENAI_API_KEY"] not in str(finding)


async def test_a_model_without_a_first_token(make_context: MakeContext) -> None:
    async with finding_with(
        make_context, Trouble(stall=True), LLM__FIRST_TOKEN_SECONDS="0.1"
    ) as finding:
        message, advice = bad(finding, FAILURE)
    assert "no answer within 0.2 s" in message
    assert "overloaded" in advice


async def test_an_unreachable_server(make_context: MakeContext) -> None:
    url = f"http://user:password@127.0.0.1:{free_ports(1)[0]}/v1"
    settings = {"LLM__PROVIDER": "custom", "LLM__BASE_URL": url}
    finding = await LLMCheck().run(make_context(settings=settings, secrets=SECRETS))
    message, advice = bad(finding, FAILURE)
    assert "cannot be reached" in message
    assert "llm.base_url" in advice
    assert "password" not in message + advice


async def test_a_password_in_the_url_is_not_shown(make_context: MakeContext) -> None:
    settings = {"LLM__PROVIDER": "custom", "LLM__BASE_URL": "http://user:hush-hush@a b/v1"}
    finding = await LLMCheck().run(make_context(settings=settings, secrets=SECRETS))
    assert "cannot be reached" in bad(finding, FAILURE)[0]
    assert "hush-hush" not in str(finding)


@pytest.mark.parametrize(
    ("provider", "secret"), [("openai", "OPENAI_API_KEY"), ("groq", "GROQ_API_KEY")]
)
async def test_a_provider_without_its_key_is_a_failure(
    make_context: MakeContext, provider: str, secret: str
) -> None:
    finding = await LLMCheck().run(make_context(settings={"LLM__PROVIDER": provider}))
    message, advice = bad(finding, FAILURE)
    assert f"there is no {secret}" in message
    assert secret.lower() in advice


async def test_the_figures_of_its_own_model_are_kept(make_context: MakeContext) -> None:
    figures = {"device": "cpu", "tokens_per_second": 12.5}

    class Daemon:
        async def probe_llm(self) -> ProbeResult:
            return ProbeResult(ProbeOutcome.TOKEN, "one", "one at 127.0.0.1", seconds=0.2)

        async def managed_model(self) -> dict[str, object]:
            return figures

    finding = await LLMCheck().run(make_context(daemon=Daemon()))
    assert finding.figures == {"model": "one", "first_token_seconds": 0.2, **figures}
