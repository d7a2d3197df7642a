"""The layers of the configuration, and its faults, which are all reported at once."""

import contextlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import layers
from appliance.config.layers import DEFAULT_FILE
from appliance.config.loader import load, masked
from appliance.errors import ConfigError


@pytest.fixture(autouse=True)
def no_system_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layers, "SYSTEM_FILE", tmp_path / "no-system.toml")


def toml(tmp_path: Path, name: str, text: str) -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def test_the_defaults_are_those_of_the_commented_reference() -> None:
    assert load([], {}).model_dump(mode="json") == {
        **tomllib.loads(DEFAULT_FILE.read_text()),
        "access": load([], {}).access.model_dump(mode="json"),
        "tools": load([], {}).tools.model_dump(mode="json"),
    }


def test_every_key_of_the_reference_is_explained() -> None:
    """By a comment on its line, or by that of a sibling."""
    silent = {"model", "threads", "voice", "speed", "temperature", "max_tokens", "host", "port"}
    silent |= {"path", "directory", "language", "system_prompt"}
    for line in DEFAULT_FILE.read_text().splitlines():
        key, equals, value = line.partition(" = ")
        if equals and key.isidentifier():
            assert "#" in value or key in silent, key


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    first = toml(tmp_path, "a.toml", '[stt]\nlanguage = "de"\nthreads = 3\n')
    second = toml(tmp_path, "b.toml", '[stt]\nlanguage = "fr"\n[server]\nport = 9000\n')
    made = load([first, second], {})
    assert (made.stt.language, made.stt.threads, made.server.port) == ("fr", 3, 9000)
    assert made.tts.speed == 1.0


def test_the_system_file_counts_only_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        layers, "SYSTEM_FILE", toml(tmp_path, "system.toml", "[server]\nport = 1\n")
    )
    assert load([], {}).server.port == 1
    assert load([toml(tmp_path, "mine.toml", "")], {}).server.port == 8080


def test_the_environment_wins_over_every_file(tmp_path: Path) -> None:
    file = toml(tmp_path, "a.toml", "[server]\nport = 9000\n")
    environ = {
        "APPLIANCE__SERVER__PORT": "7000",
        "APPLIANCE__ACCESS__ORIGINS": '["https://a.example"]',
        "APPLIANCE__LLM__MODEL": '"4"',
        "APPLIANCE__TTS__VOICE": "af_bella",
        "OTHER": "1",
    }
    made = load([file], environ)
    assert made.server.port == 7000
    assert made.access.origins == ("https://a.example",)
    assert made.llm.model == "4"
    assert made.tts.voice == "af_bella"


def fault(environ: dict[str, str], *files: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load(files, environ)
    assert refused.value.advice
    return refused.value.message


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    file = toml(
        tmp_path, "a.toml", '[server]\nprot = 1\nport = 99999\n[sst]\n[stt]\nengine = "vosk"\n'
    )
    message = fault({"APPLIANCE__LLM__TEMPERATURE": "hot"}, file)
    assert "5 fault(s)" in message
    assert "server.prot = 1: unknown key; did you mean 'port'?" in message
    assert "server.port = 99999" in message
    assert "sst = {}: unknown key; did you mean 'stt'?" in message
    assert "stt.engine = 'vosk': Input should be 'auto', 'whisper', 'sphinx' or 'timed'" in message
    assert "llm.temperature = 'hot'" in message


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"APPLIANCE__STT": "whisper", "APPLIANCE__STT__ENGINE": "whisper"}, "stt = 'whisper'"),
        ({"APPLIANCE__STT__ENGINE__KIND": "x"}, "stt.engine"),
        ({"APPLIANCE__": "x"}, "unknown key"),
        ({"APPLIANCE__LIMITS__IDLE_SECONDS": "NaN"}, "limits.idle_seconds"),
        ({"APPLIANCE__LIMITS__IDLE_SECONDS": "Infinity"}, "limits.idle_seconds"),
        ({"APPLIANCE__SERVER__LISTEN": "tcp:1"}, "server.listen"),
        ({"APPLIANCE__LLM__BASE_URL": "localhost:1"}, "llm.base_url"),
    ],
)
def test_odd_variables_are_reported_as_faults(environ: dict[str, str], named: str) -> None:
    assert named in fault(environ)


def test_a_file_that_is_missing_or_not_toml_is_named(tmp_path: Path) -> None:
    assert "none.toml cannot be read" in fault({}, tmp_path / "none.toml")
    assert "is not TOML" in fault({}, toml(tmp_path, "a.toml", "[server"))
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    assert "is not TOML" in fault({}, tmp_path / "b.toml")


names = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_", max_size=20)


@given(st.dictionaries(names.map(lambda n: f"APPLIANCE__{n}"), st.text(max_size=20), min_size=1))
def test_no_environment_breaks_it(environ: dict[str, str]) -> None:
    with contextlib.suppress(ConfigError):
        load([], environ)


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load([], {}).server.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@models.example/v1", "https://***@models.example/v1"),
        ("https://me:se@cret@models.example/v1", "https://***@models.example/v1"),
        ("https://models.example/v1", "https://models.example/v1"),
    ],
)
def test_a_password_in_an_address_is_masked(address: str, shown: str) -> None:
    message: Any = masked(load([], {"APPLIANCE__LLM__BASE_URL": address}))
    assert message["llm"]["base_url"] == shown
    assert "secret" not in str(message)


def test_a_server_of_tools_has_either_a_command_or_a_url(tmp_path: Path) -> None:
    good = toml(tmp_path, "good.toml", '[tools.mcp.home]\ncommand = ["x"]\nallow = ["get_*"]\n')
    assert load([good], {}).tools.mcp["home"].confirm == ("*",)
    bad = toml(
        tmp_path,
        "bad.toml",
        '[tools.mcp.home]\ncommand = ["x"]\nurl = "http://x/"\nallow = []\n'
        '[tools.mcp.work]\ncomand = ["x"]\n[tools.mcp."a b"]\nurl = "http://x/"\nallow = []\n',
    )
    with pytest.raises(ConfigError) as message:
        load([bad], {})
    assert "either command or url" in message.value.message
    assert "did you mean 'command'" in message.value.message
    assert "tools.mcp.work.allow" in message.value.message
    assert "a b" in message.value.message


def test_messages_to_the_team_must_be_json(tmp_path: Path) -> None:
    for text in ("pause", "[1]", '"pause"'):
        with pytest.raises(ConfigError, match=r"agents\.team\.pause"):
            load([toml(tmp_path, "team.toml", f"[agents.team]\npause = '{text}'\n")], {})
    assert load([toml(tmp_path, "team.toml", '[agents.team]\npause = ""\n')], {})


def test_passwords_are_masked_in_all_settings(tmp_path: Path) -> None:
    text = '[tools.mcp.home]\nurl = "http://me:secret@host/mcp"\nallow = ["*"]\n'
    text += (
        '[agents.team]\nurl = "ws://me:secret@host/"\n[access]\norigins = ["http://me:secret@h"]\n'
    )
    assert "secret" not in str(masked(load([toml(tmp_path, "c.toml", text)], {})))
