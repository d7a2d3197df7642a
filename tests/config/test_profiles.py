"""The profiles: files of settings for other surroundings, each valid and each documented."""

from pathlib import Path

import pytest

from appliance.config.layers import read_layers
from appliance.config.loader import validated

ROOT = Path(__file__).parents[2]
PROFILES = sorted((ROOT / "profiles").glob("*.toml"))


def test_there_are_profiles_and_the_page_of_the_configuration_names_them() -> None:
    documented = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert {file.stem for file in PROFILES} == {"bench", "dev", "jetson"}
    assert [file.name for file in PROFILES if f"../profiles/{file.name})" not in documented] == []


@pytest.mark.parametrize("file", PROFILES, ids=lambda file: file.stem)
def test_a_profile_is_valid_and_sets_what_it_names(file: Path, tmp_path: Path) -> None:
    store = {"APPLIANCE__STORE__PATH": str(tmp_path / "voice_conversations.db")}
    layers = read_layers([file], store)
    validated(layers)
    assert layers.file
    assert "store" not in layers.file  # where things are kept is for whoever layers them


@pytest.mark.parametrize("other", PROFILES, ids=lambda file: file.stem)
def test_a_file_after_a_profile_wins(other: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[limits]\nengine_seconds = 7.0\n", encoding="utf-8")
    store = {"APPLIANCE__STORE__PATH": str(tmp_path / "voice_conversations.db")}
    assert validated(read_layers([other, mine], store)).limits.engine_seconds == 7.0
