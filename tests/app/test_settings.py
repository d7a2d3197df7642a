"""Changes of the settings: validated as a whole, written, applied, noted; nothing half."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.app.settings import SettingsActions, SettingsFiles, SettingsService
from appliance.config.faults import Fault
from appliance.config.layers import read_layers
from appliance.config.loader import Config
from appliance.errors import ConfigError, SettingsChanged, SettingsRefused


@dataclass
class Appliance:
    """The settings of an appliance in a directory, and what they were applied to."""

    directory: Path
    environ: Mapping[str, str]
    given: Mapping[str, str]
    applied: list[tuple[Config, Mapping[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner.write_text(f'[store]\npath = "{self.directory}/voice.db"\n')
        files = SettingsFiles(lambda: read_layers([self.owner], self.environ), self.given)
        actions = SettingsActions(self._check, self._apply)
        self.service = SettingsService(*files.load(), files, actions)

    @property
    def owner(self) -> Path:
        return self.directory / "appliance.toml"

    @property
    def page(self) -> str:
        file = self.directory / "settings.toml"
        return file.read_text() if file.exists() else ""

    def _check(self, config: Config) -> list[Fault]:
        wrong = config.tts.voice == "nobody"
        return [Fault("tts.voice", "nobody", "there is no such voice", "somebody")] if wrong else []

    async def _apply(self, config: Config, secrets: Mapping[str, str]) -> None:
        self.applied.append((config, secrets))

    async def change(self, keys: Mapping[str, str] | None = None, **settings: Any) -> list[str]:  # noqa: ANN401  JSON
        revision = (await self.service.view())["revision"]
        named = {name.replace("__", "."): value for name, value in settings.items()}
        return await self.service.change(revision, named, keys or {})


@pytest.fixture
def appliance(tmp_path: Path) -> Appliance:
    return Appliance(tmp_path, {"APPLIANCE__LLM__MODEL": "tiny"}, {"GROQ_API_KEY": "root's"})


async def test_a_change_is_written_applied_and_told(appliance: Appliance) -> None:
    told = await appliance.change(tts__speed=1, stt__language="de")
    assert told == ['stt.language: "en" → "de"']
    assert '[stt]\nlanguage = "de"' in appliance.page
    assert "speed = 1.0" in appliance.page  # as the schema understands it
    ((config, _),) = appliance.applied
    assert config.stt.language == appliance.service.config.stt.language == "de"


async def test_null_gives_the_value_of_the_files_back(appliance: Appliance) -> None:
    await appliance.change(tts__speed=1.5)
    assert await appliance.change(tts__speed=None) == ["tts.speed: 1.5 → 1.0"]
    assert appliance.service.config.tts.speed == 1.0
    assert "speed" not in appliance.page


async def test_all_faults_are_told_and_nothing_is_changed(appliance: Appliance) -> None:
    with pytest.raises(SettingsRefused) as raised:
        await appliance.change(
            {"GROQ_API_KEY": "mine"},
            **{
                "tts__voice": "nobody",
                "tts__speed": 9,
                "tts__vocie": "x",
                "access__mode": "open",
                "llm__model": "large",
                "llm__base_url": "https://***@host/v1",
                "fallback__policy": "allways",
                "stt__language": "de",
            },
        )
    faults = {fault["key"]: fault for fault in raised.value.faults}
    assert set(faults) == {
        *("tts.voice", "tts.speed", "tts.vocie", "access.mode", "llm.model", "llm.base_url"),
        *("fallback.policy", "GROQ_API_KEY"),
    }
    assert faults["tts.vocie"]["suggestion"] == "tts.voice"
    assert faults["tts.voice"]["suggestion"] == "somebody"
    assert faults["fallback.policy"]["suggestion"] == "always"
    assert "environment" in faults["llm.model"]["expected"]
    assert "mine" not in str(raised.value.as_json())
    assert (appliance.page, appliance.applied) == ("", [])


async def test_a_change_of_somebody_else_is_not_overwritten(appliance: Appliance) -> None:
    seen = (await appliance.service.view())["revision"]
    await appliance.change(tts__speed=1.5)
    with pytest.raises(SettingsChanged):
        await appliance.service.change(seen, {"tts.speed": 0.5}, {})
    assert appliance.service.config.tts.speed == 1.5


async def test_an_edit_of_the_file_counts_as_a_change(appliance: Appliance) -> None:
    seen = (await appliance.service.view())["revision"]
    appliance.owner.write_text(appliance.owner.read_text() + "[tts]\nspeed = 0.7\n")
    with pytest.raises(SettingsChanged):
        await appliance.service.change(seen, {"tts.speed": 0.5}, {})


async def test_a_key_of_somebody_else_counts_as_a_change(appliance: Appliance) -> None:
    seen = (await appliance.service.view())["revision"]
    await appliance.change({"OPENAI_API_KEY": "sk-mine"})
    with pytest.raises(SettingsChanged):
        await appliance.service.change(seen, {}, {"OPENAI_API_KEY": "sk-yours"})
    assert appliance.service.secrets["OPENAI_API_KEY"] == "sk-mine"


async def test_what_is_not_live_waits_for_a_restart(appliance: Appliance) -> None:
    await appliance.change(limits__sessions=3, tts__speed=1.5)
    view = await appliance.service.view()
    assert view["restart_needed"] == ["limits.sessions"]
    waiting = {entry["key"] for entry in view["settings"] if entry["pending"]}
    assert waiting == {"limits.sessions"}
    assert appliance.service.config.limits.sessions == 0
    await appliance.change(limits__sessions=None)
    assert (await appliance.service.view())["restart_needed"] == []


async def test_keys_are_kept_and_never_shown(appliance: Appliance) -> None:
    told = await appliance.change({"OPENAI_API_KEY": "sk-very-secret"})
    assert told == ["OPENAI_API_KEY: set"]
    assert appliance.applied[-1][1] == {
        "OPENAI_API_KEY": "sk-very-secret",
        "GROQ_API_KEY": "root's",
    }
    view = await appliance.service.view()
    assert view["keys"] == [
        {"name": "OPENAI_API_KEY", "set": True, "locked": False},
        {"name": "GROQ_API_KEY", "set": True, "locked": True},
    ]
    assert "secret" not in str(view)
    assert "secret" not in appliance.page
    assert await appliance.change({"OPENAI_API_KEY": ""}) == ["OPENAI_API_KEY: removed"]
    assert "OPENAI_API_KEY" not in appliance.service.secrets


async def test_the_audit_shows_no_password_and_cuts_long_texts(appliance: Appliance) -> None:
    (told,) = await appliance.change(llm__base_url="https://me:secret@host/v1")
    assert told == 'llm.base_url: "" → "https://***@host/v1"'
    (told,) = await appliance.change(llm__system_prompt="word " * 200)
    assert len(told) < 400
    assert told.endswith("…")


async def test_a_reload_applies_what_the_owner_wrote(appliance: Appliance) -> None:
    assert await appliance.service.reload() == ([], [])
    text = appliance.owner.read_text()
    appliance.owner.write_text(text + "[tts]\nspeed = 0.7\n[limits]\nsessions = 2\n")
    assert await appliance.service.reload() == (["tts.speed"], ["limits.sessions"])
    assert appliance.applied[-1][0].tts.speed == 0.7
    appliance.owner.write_text("[tts]\nspeed = 7\n")
    with pytest.raises(ConfigError):
        await appliance.service.reload()
    assert appliance.service.config.tts.speed == 0.7
