"""Local servers are reached directly, whatever proxy the environment names; others through it.

Each client of the appliance is tried with a real server and a real proxy that counts.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from openai import APIError

from appliance.agents.claude import ClaudeCode
from appliance.agents.team import Team
from appliance.config.loader import load
from appliance.config.schema import ClaudeConfig, MCPServerConfig, TeamConfig
from appliance.llm.endpoint import configured_endpoint
from appliance.llm.probe import ProbeOutcome, probe_llm, probe_realtime
from appliance.network.proxies import ProxyRules, child_environment
from appliance.tools.mcp import MCPServer
from tests.agents.conftest import claude_config as claude_config
from tests.agents.conftest import environment, task
from tests.agents.conftest import team_config as team_config
from tests.agents.team_server import team_server
from tests.chat_server import chat_server
from tests.models.conftest import Downloads, model
from tests.models.conftest import downloads as downloads
from tests.network.counting_proxy import VARIABLES, CountingProxy, counting_proxy
from tests.realtime_server import realtime_server
from tests.tools.test_mcp import served

MakeClaude = Callable[..., ClaudeConfig]
MakeTeam = Callable[..., TeamConfig]
REMOTE = "model.invalid"  # a name that does not resolve here


@pytest.fixture
async def proxy() -> AsyncIterator[CountingProxy]:
    async with counting_proxy() as proxy:
        yield proxy


async def ask_model(base_url: str) -> str:
    """The answer of a model at that address, asked as in a turn."""
    settings = {"APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": base_url}
    endpoint = configured_endpoint(load([], settings).llm, {})
    assert endpoint is not None
    hello: Any = [{"role": "user", "content": "Hello"}]
    try:
        made = await endpoint.client.chat.completions.create(model="x", messages=hello)
    finally:
        await endpoint.client.close()
    return made.choices[0].message.content or ""


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_words_for_a_model_on_this_machine_pass_no_proxy(
    variable: str, host: str, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_server(lambda _messages: "Here I am.") as model:
        proxy.set_in(monkeypatch, variable)
        url = model.base_url.replace("127.0.0.1", host)
        assert await ask_model(url) == "Here I am."
        settings = {"APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": url}
        assert (await probe_llm(load([], settings), {})).outcome is ProbeOutcome.TOKEN
        assert len(model.requests) == 2
    assert proxy.requests == []


async def test_words_for_a_model_in_the_network_pass_no_proxy(
    proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of the network is looked up, and the model there is reached at its address."""
    proxy.set_in(monkeypatch, *VARIABLES)
    resolve = socket.getaddrinfo
    asked: list[str] = []

    def private(host: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  socket's types
        if host in ("nas.home.arpa", b"nas.home.arpa"):
            asked.append(str(host))
            return resolve("10.255.255.1" if len(asked) == 1 else "127.0.0.1", *args, **kwargs)
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", private)
    rules = ProxyRules()
    assert await rules.proxy_for("http://nas.home.arpa:11434/v1") is None
    assert await rules.proxy_for("https://nas.home.arpa/v1") is None
    assert len(asked) == 1  # known for a minute
    asked.clear()
    async with chat_server(lambda _messages: "Here I am.") as model:
        url = model.base_url.replace("127.0.0.1", "nas.home.arpa")
        assert await ask_model(url) == "Here I am."
    assert proxy.requests == []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_words_for_a_model_elsewhere_pass_the_proxy(
    variable: str, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.set_in(monkeypatch, variable)
    with pytest.raises(APIError):
        await ask_model(f"http://{REMOTE}/v1")
    assert proxy.requests == [f"POST http://{REMOTE}/v1/chat/completions"]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
async def test_encrypted_words_for_a_model_elsewhere_pass_the_proxy(
    variable: str, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.set_in(monkeypatch, variable)
    with pytest.raises(APIError):
        await ask_model(f"https://{REMOTE}/v1")
    assert proxy.requests == [f"CONNECT {REMOTE}:443"]


async def test_no_proxy_is_respected(proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.set_in(monkeypatch, *VARIABLES)
    monkeypatch.setenv("NO_PROXY", f"other.invalid,.{REMOTE}")
    rules = ProxyRules()
    assert await rules.proxy_for(f"https://api.{REMOTE}/v1") is None
    assert await rules.proxy_for("https://third.invalid/v1") == proxy.url


async def test_a_socks_proxy_that_cannot_be_used_is_an_error_of_the_endpoint(
    monkeypatch: pytest.MonkeyPatch, proxy: CountingProxy
) -> None:
    proxy.set_in(monkeypatch)
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(APIError):
        await ask_model(f"http://{REMOTE}/v1")


async def test_the_probe_of_a_model_elsewhere_passes_the_proxy(
    proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.set_in(monkeypatch, "HTTP_PROXY")
    base_url = f"http://{REMOTE}/v1"
    settings = {"APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": base_url}
    found = await probe_llm(load([], settings), {"OPENAI_API_KEY": "secret"})
    assert (found.outcome, found.status) == (ProbeOutcome.REFUSED, 502)
    assert len(proxy.requests) == 1


async def test_a_realtime_server_on_this_machine_is_probed_without_a_proxy(
    proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with realtime_server(lambda _: "Hello.") as server:
        proxy.set_in(monkeypatch, *VARIABLES, "WS_PROXY", "ws_proxy")
        settings = {
            "APPLIANCE__FALLBACK__POLICY": "on_failure",
            "APPLIANCE__REALTIME__BASE_URL": server.base_url,
        }
        secrets = {"OPENAI_API_KEY": "sk-not-for-anybody-else"}
        found = await probe_realtime(load([], settings), secrets)
        assert found.outcome is ProbeOutcome.SESSION_OPENED
    assert proxy.requests == []


async def test_a_team_on_this_machine_is_reached_without_a_proxy(
    proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch, team_config: MakeTeam
) -> None:
    async with team_server() as server:
        proxy.set_in(monkeypatch, *VARIABLES, "WS_PROXY", "ws_proxy")
        team = Team(team_config(url=server.url), "", lambda _: None)
        running = asyncio.create_task(team.run())
        try:
            async with asyncio.timeout(20):
                assert (await team.work(task("paint it"), lambda _: None)).ok
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    assert proxy.requests == []


@pytest.mark.slow
async def test_an_mcp_server_on_this_machine_is_reached_without_a_proxy(
    proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unused_tcp_port: int
) -> None:
    proxy.set_in(monkeypatch, *VARIABLES)
    offered = asyncio.Event()
    config = MCPServerConfig(url=f"http://127.0.0.1:{unused_tcp_port}/mcp", allow=("*",))
    async with served(unused_tcp_port, tmp_path / "calls"):
        server = MCPServer("home", config, "", lambda _name, _tools: offered.set())
        running = asyncio.create_task(server.run())
        try:
            async with asyncio.timeout(60):
                await offered.wait()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    assert proxy.requests == []


async def test_models_come_from_a_mirror_on_this_machine_without_a_proxy(
    proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch, downloads: Downloads
) -> None:
    proxy.set_in(monkeypatch, *VARIABLES)
    big = model("big", {"model.bin": b"12345"})
    downloads.serve({"model.bin": b"12345"})
    assert len(await downloads.pull(big)) == 1
    assert proxy.requests == []


LOCAL_URL, REMOTE_URL = "http://10.0.0.9:8000", f"https://{REMOTE}"


async def test_a_child_process_reaches_local_servers_without_a_proxy() -> None:
    environ = {
        "HTTPS_PROXY": "http://p:1",
        "NO_PROXY": "a.example",
        "ANTHROPIC_BASE_URL": LOCAL_URL,
    }
    made = await child_environment({**environ, "OTHER_URL": REMOTE_URL}, ProxyRules())
    hosts = made["NO_PROXY"].split(",")
    assert {"a.example", "localhost", "127.0.0.1", "::1", ".local", "10.0.0.9"} <= set(hosts)
    assert {"10.0.0.0/8", "192.168.0.0/16"} <= set(hosts)
    assert REMOTE not in hosts
    assert made["no_proxy"] == made["NO_PROXY"]
    assert made["HTTPS_PROXY"] == "http://p:1"


async def test_a_child_process_without_a_proxy_keeps_its_environment() -> None:
    environ = {"PATH": "/bin", "ANTHROPIC_BASE_URL": LOCAL_URL, "http_proxy": ""}
    assert await child_environment(environ, ProxyRules()) == environ


async def test_claude_code_gets_that_environment(claude_config: MakeClaude, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    environ = environment(HTTP_PROXY="http://p:1", CLAUDE_LOG=str(log))
    await ClaudeCode(claude_config(), environ).work(task("do it"), lambda _: None)
    (call,) = map(json.loads, log.read_text().splitlines())
    assert "localhost" in call["environ"]["NO_PROXY"].split(",")
