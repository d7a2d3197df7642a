import os
from pathlib import Path

import pytest

from appliance.models.package_clients import npm_settings, parse_pip_config, pip_settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither client has any configuration but what a test gives it."""
    for name in os.environ:
        if name.upper().startswith(("PIP_", "NPM_CONFIG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def test_the_environment_wins_over_the_command_and_the_command_over_all() -> None:
    text = """
:env:.find-links='/here /there'
download.proxy='http://proxy:1'
global.proxy='http://proxy:2'
global.index-url="https://o'hara@index/simple"
install.index-url='https://other/simple'
global.find-links='/nowhere'
Something else
"""
    assert parse_pip_config(text) == {
        "find-links": "/here /there",
        "proxy": "http://proxy:1",
        "index-url": "https://o'hara@index/simple",
    }


async def test_the_index_of_pip_itself_counts_where_none_is_configured() -> None:
    [index] = (await pip_settings()).indexes
    assert index.startswith("https://")
    assert index.endswith("/simple")


async def test_settings_of_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://one/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://two/simple http://three/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.setenv("PIP_PROXY", "http://proxy")
    monkeypatch.setenv("PIP_CERT", "/ca.pem")
    monkeypatch.setenv("PIP_CLIENT_CERT", "/me.pem")
    settings = await pip_settings()
    assert settings.indexes == ("http://one/simple", "http://two/simple", "http://three/simple")
    assert settings.find_links == ("/wheels",)
    http = settings.http
    assert (http.proxy, http.ca_file, http.client_certificate) == (
        *("http://proxy", "/ca.pem", "/me.pem"),
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert (await pip_settings()).indexes == ()


async def test_the_registry_of_npm_itself_counts_where_none_is_configured() -> None:
    settings = await npm_settings(os.environ)
    assert settings.registry.startswith("https://")


async def test_settings_of_npm(tmp_path: Path) -> None:
    npmrc = tmp_path / "npmrc"
    npmrc.write_text(
        "; a comment=1\nregistry=http://mine/npm/\ncafile = /ca.pem\nproxy=http://proxy\n"
        "//mine/npm/:_authToken=${NPM_TEST_TOKEN}\n//other/:_authToken=no\n"
    )
    environment = {"PATH": "", "npm_config_userconfig": str(npmrc), "NPM_TEST_TOKEN": "t"}
    settings = await npm_settings(environment)
    assert settings.registry == "http://mine/npm/"
    assert (settings.http.proxy, settings.http.ca_file) == ("http://proxy", "/ca.pem")
    assert settings.http.authorization == {"http://mine": "Bearer t"}
    environment["NPM_CONFIG_REGISTRY"] = "http://theirs/"
    settings = await npm_settings(environment)
    assert (settings.registry, settings.http.authorization) == ("http://theirs/", {})
