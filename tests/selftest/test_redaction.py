"""The names and addresses that a report must not contain when it is handed on."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from appliance.config.loader import Config, load
from appliance.network.nginx_site import Site
from appliance.selftest import report_text, site_client
from appliance.selftest.report_text import identifying_names
from tests.install.shell import free_ports
from tests.selftest.conftest import MakeContext

CONFIGURED = """
[server]
public_url = "https://voice.smith.net"
[access]
origins = ["https://Dash.smith.net:8443"]
[llm]
provider = "custom"
base_url = "http://user:hush-hush@nas:11434/v1"
[[llm.alternatives]]
provider = "custom"
base_url = "http://[fd00::9]:8090/v1"
[realtime]
base_url = "wss://talk.smith.net/v1/realtime"
[tools.mcp.home]
url = "http://127.0.0.1:8123/mcp"
allow = ["*"]
[agents.team]
url = "ws://attic.lan:9000"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "appliance.toml"
    file.write_text(CONFIGURED)
    return load([file], {})


async def test_every_configured_host_and_the_machine_itself(
    make_context: MakeContext, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Kitchen.smith.net")
    made = replace(make_context(addresses=("192.0.2.2", "127.0.0.1")), config=config)
    names = await identifying_names(made)
    assert set(names) == {
        *("voice.smith.net", "dash.smith.net", "nas", "fd00::9", "talk.smith.net", "attic.lan"),
        *("kitchen", "kitchen.smith.net", "192.0.2.2"),
    }
    assert json.loads(json.dumps(names)) == list(names)
    assert "hush-hush" not in str(names)


async def test_the_names_of_the_certificate_and_its_authority(
    make_context: MakeContext, here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "localhost")
    names = await identifying_names(make_context(site=here))
    assert {"kitchen", "kitchen.local", "192.168.1.20"} < set(names)
    assert any("kitchen" in name and " " in name for name in names)  # the authority's
    assert not {"localhost", "127.0.0.1", "::1", ""} & set(names)


async def test_an_nginx_that_does_not_answer(make_context: MakeContext, here: Site) -> None:
    names = await identifying_names(make_context(site=replace(here, port=1)))
    assert "kitchen.local" in names


def test_an_unknown_issuer_is_identifying_and_a_public_one_is_not(here: Site) -> None:
    now = datetime.now(UTC)
    shown = site_client.ServedCertificate(("*.smith.net",), now, now, "Smith Family CA")
    own = replace(here, authority=None)
    assert list(report_text._certificate_names(shown, own)) == ["smith.net"]
    unknown = replace(shown, known_issuer=False)
    assert list(report_text._certificate_names(unknown, own)) == ["smith.net", "Smith Family CA"]


async def test_the_page_is_tested_with_the_real_message_of_aiohttp() -> None:
    """web/test/selftest.test.ts redacts this message."""
    (port,) = free_ports(1)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorError) as raised:
            await http.get(f"http://localhost:{port}/v1")
    said = str(raised.value)
    assert said.startswith(f"Cannot connect to host localhost:{port} ssl:default [")
    page = Path(__file__).parents[2] / "web" / "test" / "selftest.test.ts"
    assert "Cannot connect to host models.smith.net:11434 ssl:default [" in page.read_text()
