"""The page's settings among the layers: above the files, below the environment, and limited."""

import os
from pathlib import Path

import pytest

from appliance.config.described import described
from appliance.config.editable import editable_keys, is_editable, is_live
from appliance.config.layers import Layers, SettingSource, lookup, read_layers
from appliance.config.loader import load, validated
from appliance.errors import ConfigError

MCP = '[tools.mcp.home]\ncommand = ["x"]\nallow = ["*"]\n'


def layers(tmp_path: Path, page: str = "", owner: str = "", **environ: str) -> Layers:
    (tmp_path / "settings.toml").write_text(page)
    file = tmp_path / "appliance.toml"
    file.write_text(f'{owner}\n[store]\npath = "{tmp_path}/voice.db"\n')
    return read_layers([file], environ)


def test_the_page_wins_over_the_file_and_the_environment_over_both(tmp_path: Path) -> None:
    read = layers(
        tmp_path,
        '[tts]\nvoice = "af_sky"\nspeed = 1.2\n',
        '[tts]\nvoice = "af_bella"\nspeed = 0.8\n[stt]\nlanguage = "de"\n',
        APPLIANCE__TTS__SPEED="1.5",
    )
    made = validated(read)
    assert (made.tts.voice, made.tts.speed, made.stt.language) == ("af_sky", 1.5, "de")
    assert [
        read.source(key) for key in ("tts.voice", "tts.speed", "stt.language", "stt.model")
    ] == [
        SettingSource.PAGE,
        SettingSource.ENVIRONMENT,
        SettingSource.FILE,
        SettingSource.DEFAULT,
    ]
    assert lookup(read.without_page(), "tts.voice") == "af_bella"


def test_the_page_file_is_beside_the_database_that_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[tts]\nvoice = "af_sky"\n')
    environ = {"APPLIANCE__STORE__PATH": str(tmp_path / "voice.db")}
    assert load([], environ).tts.voice == "af_sky"


@pytest.mark.parametrize(
    "page",
    [
        '[llm]\nserver = "/bin/sh"\n',
        '[access]\nmode = "open"\n',
        '[agents.claude]\ncommand = "sh"\n',
        '[tools.mcp.home]\ncommand = ["sh"]\n',
        '[models]\ndirectory = "/tmp"\n',
        'store = "x"\n',
    ],
)
def test_what_could_take_the_machine_over_cannot_be_set_there(tmp_path: Path, page: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be set in .*settings\.toml"):
        validated(layers(tmp_path, page, MCP))


def test_a_server_of_tools_can_be_switched_there(tmp_path: Path) -> None:
    made = validated(layers(tmp_path, "[tools.mcp.home]\nenabled = false\n", MCP))
    assert (made.tools.mcp["home"].enabled, made.tools.mcp["home"].command) == (False, ("x",))


def test_every_fault_of_all_layers_is_told_at_once(tmp_path: Path) -> None:
    page = '[tts]\nspeed = 9\n[fallback]\npolicy = "allways"\n[server]\nport = 1\n'
    with pytest.raises(ConfigError) as raised:
        validated(layers(tmp_path, page, "[stt]\nlanguag = 1\n"))
    told = raised.value.message
    assert "4 fault(s)" in told
    assert "did you mean 'always'?" in told
    assert "did you mean 'language'?" in told


def test_a_page_file_that_is_no_file_of_its_own_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("[tts]\nspeed = 2\n")
    read = layers(tmp_path)
    read.page_file.unlink()
    read.page_file.symlink_to(secret)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_layers([tmp_path / "appliance.toml"], {})
    read.page_file.unlink()
    os.mkfifo(read.page_file)  # nobody writes, and nobody is waited for
    assert read_layers([tmp_path / "appliance.toml"], {}).page == {}


def test_the_settings_are_described_for_a_form(tmp_path: Path) -> None:
    read = layers(tmp_path, "[tts]\nspeed = 1.2\n", MCP, APPLIANCE__LLM__MODEL="tiny")
    wanted, started = validated(read), load([], {})
    found = {entry["key"]: entry for entry in described(read, wanted, started)}
    assert set(editable_keys()) < set(found)
    assert found["tts.speed"] == {
        **{"key": "tts.speed", "value": 1.2, "default": 1.0, "source": "page", "locked": False},
        **{"restart": False, "pending": True, "kind": "number", "minimum": 0.5, "maximum": 2},
    }
    assert found["llm.model"]["locked"]
    assert found["fallback.policy"]["choices"] == ["off", "on_failure", "always"]
    assert found["tools.mcp.home.enabled"]["kind"] == "switch"
    assert found["tools.mcp.home.enabled"]["default"] is True
    assert not found["tools.mcp.home.enabled"]["restart"]
    assert found["limits.sessions"]["restart"]


def test_passwords_are_not_described(tmp_path: Path) -> None:
    read = layers(tmp_path, owner='[llm]\nbase_url = "https://me:secret@host/v1"\n')
    assert "secret" not in str(described(read, validated(read), validated(read)))


def test_what_is_live_is_editable() -> None:
    assert all(is_editable(key) for key in editable_keys())
    assert is_live("tts.voice")
    assert not is_live("limits.sessions")
    assert not is_editable("tools.mcp.home.command")
