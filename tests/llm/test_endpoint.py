"""Which endpoint answers, and whether asking it leaves the box."""

import subprocess
import sys

import pytest

from appliance.config.loader import load
from appliance.llm.endpoint import configured_endpoint
from appliance.llm.providers import PRESETS
from appliance.network.addresses import is_on_this_machine

SECRETS = {"OPENAI_API_KEY": "openai-secret", "GROQ_API_KEY": "groq-secret"}


def _endpoint(**llm: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    environ = {f"APPLIANCE__LLM__{key.upper()}": value for key, value in llm.items()}
    return configured_endpoint(load([], environ).llm, SECRETS)


@pytest.mark.parametrize(
    ("provider", "host", "secret", "leaves"),
    [
        ("openai", "api.openai.com", "openai-secret", True),
        ("groq", "api.groq.com", "groq-secret", True),
        ("ollama", "127.0.0.1:11434", "none", False),
        ("llama_cpp", "127.0.0.1:8090", "none", False),
    ],
)
async def test_a_provider_by_name_is_enough(
    provider: str, host: str, secret: str, leaves: bool
) -> None:
    chosen = _endpoint(provider=provider)
    assert chosen is not None
    assert chosen.name == f"{PRESETS[provider].model} at {host}"
    assert chosen.client.api_key == secret
    assert chosen.left_the_box is leaves
    await chosen.client.close()


async def test_what_is_configured_comes_before_the_preset() -> None:
    chosen = _endpoint(provider="ollama", base_url="http://10.0.0.5:1234/v1", model="mine")
    assert chosen is not None
    assert chosen.name == "mine at 10.0.0.5:1234"
    assert chosen.left_the_box
    assert chosen.client.max_retries == 0
    await chosen.client.close()


def test_without_a_provider_there_is_none() -> None:
    assert _endpoint(provider="none") is None


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.8.8.8/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost/v1", True),
        ("http://localhost.evil.example/v1", False),
        ("http://192.168.1.5/v1", False),
        ("https://api.openai.com/v1", False),
        ("", False),
    ],
)
def test_only_this_machine_is_local(url: str, local: bool) -> None:
    assert is_on_this_machine(url) is local


def test_the_first_request_imports_nothing_on_the_event_loop() -> None:
    """In a fresh interpreter, against a port where nobody listens."""
    probe = """
import asyncio, sys
from appliance.config.loader import load
import appliance.voice.services.llm
from appliance.llm.endpoint import configured_endpoint, warm_up
model = configured_endpoint(load([], {
    "APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": "http://127.0.0.1:1/v1"
}).llm, {})
warm_up(model)
async def ask():
    before = set(sys.modules)
    try:
        await model.client.chat.completions.create(model="x", messages=[], stream=True)
    except Exception as error:
        print(type(error).__name__, sorted(set(sys.modules) - before))
asyncio.run(ask())
"""
    ran = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "APIConnectionError []"
