"""The connection test with settings that are not saved: what it says, and where keys go."""

from typing import Any

import pytest

from appliance.config.loader import Config, load
from appliance.errors import SettingsRefused
from appliance.llm.connection_test import check_connection
from tests.chat_server import Trouble, chat_server

SAVED = {"OPENAI_API_KEY": "saved-key", "GROQ_API_KEY": "groq-key"}


def config(**settings: str) -> Config:
    return load([], {f"APPLIANCE__LLM__{name.upper()}": value for name, value in settings.items()})


async def tried(url: str, key: str = "", **saved: str) -> dict[str, Any]:
    return await check_connection(
        config(**saved), SAVED, {"provider": "custom", "base_url": url}, key
    )


async def test_a_model_that_answers_is_told_with_its_time() -> None:
    async with chat_server(lambda _messages: "yes") as server:
        result = await tried(server.base_url, "mine")
    assert result["ok"]
    assert "answers after" in result["message"]
    assert server.keys == ["Bearer mine"]


async def test_a_saved_key_goes_to_the_saved_server_alone() -> None:
    async with chat_server(lambda _messages: "yes") as server:
        await tried(server.base_url)
        await tried(server.base_url, provider="custom", base_url=server.base_url)
        # What was sent over TLS is not sent without.
        encrypted = server.base_url.replace("http:", "https:")
        await tried(server.base_url, provider="custom", base_url=encrypted)
    assert server.keys == ["Bearer none", "Bearer saved-key", "Bearer none"]


async def test_a_known_provider_at_another_address_gets_no_saved_key() -> None:
    async with chat_server(lambda _messages: "yes") as server:
        await check_connection(config(provider="openai"), SAVED, {"base_url": server.base_url}, "")
    assert server.keys == ["Bearer none"]


async def test_a_refusal_comes_with_advice_and_without_the_key() -> None:
    async with chat_server(lambda _messages: Trouble(status=401)) as server:
        result = await tried(server.base_url, "wrong-key")
    assert (result["ok"], result["status"]) == (False, 401)
    assert "wrong or expired" in result["advice"]
    assert "wrong-key" not in str(result)


async def test_nothing_at_the_address_is_told() -> None:
    result = await tried("http://127.0.0.1:9/v1")
    assert (result["ok"], result["outcome"]) == (False, "unreachable")
    assert result["advice"]


async def test_without_a_provider_there_is_nothing_to_ask() -> None:
    result = await check_connection(config(), {}, {"provider": "none"}, "")
    assert (result["ok"], result["outcome"]) == (False, "unconfigured")


async def test_settings_that_cannot_be_are_refused_at_their_fields() -> None:
    with pytest.raises(SettingsRefused) as raised:
        await check_connection(config(), {}, {"provider": "opanai", "base_url": "ftp://x"}, "")
    assert {fault["key"] for fault in raised.value.faults} == {"llm.provider", "llm.base_url"}
