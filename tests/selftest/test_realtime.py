"""The check of the Realtime route, against a real server on a real port."""

import pytest

from appliance.llm import probe
from appliance.llm.probe import looks_like_a_key
from appliance.selftest.check import Finding, Verdict
from appliance.selftest.checks.realtime import RealtimeCheck
from tests.install.shell import free_ports
from tests.realtime_server import RealtimeServer, realtime_server
from tests.selftest.conftest import MakeContext, bad, good, skipped

KEY = "sk-not-for-anybody-else"
WARNING, FAILURE = Verdict.WARNING, Verdict.FAILURE


async def finding(
    make_context: MakeContext,
    policy: str,
    key: str = KEY,
    base_url: str = "",
    model: str = "gpt-realtime",
) -> Finding:
    settings = {
        "FALLBACK__POLICY": policy,
        "REALTIME__BASE_URL": base_url,
        "REALTIME__MODEL": model,
    }
    secrets = {"OPENAI_API_KEY": key} if key else {}
    found = await RealtimeCheck().run(make_context(settings=settings, secrets=secrets))
    assert not key or key not in str(found)
    return found


async def test_a_valid_key_opens_a_session(make_context: MakeContext) -> None:
    async with realtime_server(lambda _: "Hello.") as server:
        found = await finding(make_context, "on_failure", base_url=server.base_url)
    assert "gpt-realtime at 127.0.0.1:" in good(found)
    assert found.figures["seconds"] > 0
    assert (server.keys, server.models) == ([f"Bearer {KEY}"], ["gpt-realtime"])
    # No event was sent, so nothing is paid for.
    assert not server.events


async def test_the_server_is_not_asked_where_the_policy_is_off(make_context: MakeContext) -> None:
    async with realtime_server(lambda _: "Hello.") as server:
        assert "looks right" in good(await finding(make_context, "off", base_url=server.base_url))
    assert not server.keys


async def test_without_a_key_the_check_is_skipped_unless_the_policy_is_always(
    make_context: MakeContext,
) -> None:
    for policy in ("off", "on_failure"):
        assert "OPENAI_API_KEY" in skipped(await finding(make_context, policy, key=""))
    message, advice = bad(await finding(make_context, "always", key=""), WARNING)
    assert "OPENAI_API_KEY" in message
    assert "credentials/openai_api_key" in advice


@pytest.mark.parametrize("key", ["sk-short", "paste your key here", '"sk-not-for-anybody-else"'])
async def test_a_malformed_key_is_a_failure_without_asking_the_server(
    make_context: MakeContext, key: str
) -> None:
    message, advice = bad(await finding(make_context, "off", key=key), FAILURE)
    assert "no key" in message
    assert "quotes" in advice


@pytest.mark.parametrize(
    ("key", "of_openai", "fits"),
    [
        (KEY, True, True),
        ("0123456789abcdef0123456789abcdef", True, False),
        ("0123456789abcdef0123456789abcdef", False, True),  # Azure's
        ("sk-not-for-\u00e4nybody", False, False),
        ("sk-not-for\nanybody", False, False),
    ],
)
def test_the_shape_of_a_key(key: str, of_openai: bool, fits: bool) -> None:
    assert looks_like_a_key(key, of_openai=of_openai) is fits


@pytest.mark.parametrize(
    ("trouble", "message", "advice"),
    [
        ({"refuse": 401}, "answers 401", "OPENAI_API_KEY"),
        ({"refuse": 404}, "answers 404", "realtime.model"),
        ({"refuse": 500}, "answers 500", "its log"),
        ({"greeting": "hello"}, "no Realtime session", "/v1/realtime"),
        ({"greeting": ""}, "does not open", "internet"),
    ],
    ids=str,
)
async def test_faulty_servers(
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    trouble: dict[str, int | str],
    message: str,
    advice: str,
) -> None:
    if trouble == {"greeting": ""}:  # all others answer, however long that may take them
        monkeypatch.setattr(probe, "REALTIME_SECONDS", 0.3)
    async with realtime_server(lambda _: "Hello.") as server:
        _spoil(server, trouble)
        message_and_advice = bad(
            await finding(make_context, "always", base_url=server.base_url), FAILURE
        )
    assert message in message_and_advice[0]
    assert advice in message_and_advice[1]


def _spoil(server: RealtimeServer, trouble: dict[str, int | str]) -> None:
    for name, value in trouble.items():
        setattr(server, name, value)


async def test_an_unreachable_server(make_context: MakeContext) -> None:
    url = f"ws://user:password@127.0.0.1:{free_ports(1)[0]}/v1/realtime"
    message, advice = bad(await finding(make_context, "always", base_url=url), FAILURE)
    assert "cannot be reached" in message
    assert "realtime.base_url" in advice
    assert "password" not in message + advice
