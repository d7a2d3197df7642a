"""The decision for a model and the key of its server, as files that both sides read."""

import stat
from pathlib import Path

import pytest

from appliance.config.loader import load
from appliance.errors import ConfigError
from appliance.hardware.language_models import LanguageModelOption
from appliance.llm.served_model import (
    ServedModel,
    api_key,
    choice_file,
    key_file,
    managed_address,
    read_choice,
    served_option,
    write_choice,
)

SERVED = ServedModel("one", "/srv/one.gguf", "xllamacpp", "cpu", 1, 4096, 8091)


def test_a_decision_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "llm.json"
    assert write_choice(file, SERVED)
    before = file.stat().st_ino
    assert not write_choice(file, SERVED)
    assert file.stat().st_ino == before, "a unit that follows the file is not woken"
    assert read_choice(file) == SERVED
    assert write_choice(file, None)
    assert read_choice(file) is None


@pytest.mark.parametrize("content", ["{", "[1]", '{"model": "one"}', '{"colour": "red"}'])
def test_a_damaged_decision_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "llm.json").write_text(content)
    with pytest.raises(ConfigError, match="is damaged"):
        read_choice(tmp_path / "llm.json")


def test_the_key_is_made_once_and_is_for_one_user(tmp_path: Path) -> None:
    file = tmp_path / "llm.key"
    key = api_key(file)
    assert len(key) >= 32
    assert api_key(file) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_address_of_the_managed_model(tmp_path: Path) -> None:
    settings = {"APPLIANCE__STORE__PATH": str(tmp_path / "db"), "APPLIANCE__LLM__PORT": "8123"}
    config = load([], settings)
    assert managed_address(config) is None
    option = LanguageModelOption("Qwen3-1.7B", "cpu", 3, 4096, 10**9, 12.0, False, "")
    served = served_option(option, config, "xllamacpp")
    assert served.file == str(config.models.directory / "Qwen3-1.7B.gguf")
    write_choice(choice_file(config), served)
    key = api_key(key_file(config))
    address = managed_address(config)
    assert address
    assert (address.base_url, address.model) == ("http://127.0.0.1:8123/v1", "Qwen3-1.7B")
    assert address.key == key
    assert key not in repr(address)
    others = load([], {**settings, "APPLIANCE__LLM__PROVIDER": "none"})
    assert managed_address(others) is None


def test_a_file_of_ones_own_is_named_after_itself() -> None:
    option = LanguageModelOption("/srv/mine.gguf", "cpu", 1, 4096, 10**9, 12.0, False, "")
    served = served_option(option, load([], {}), "xllamacpp")
    assert (served.model, served.file) == ("mine", "/srv/mine.gguf")
