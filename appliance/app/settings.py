"""Changes the settings while the appliance runs: validated as a whole, written down, and applied.

The configuration in force is one frozen object that is replaced as a whole. Sessions take the one
of the moment when they open; a setting that is not live keeps its value until a restart.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from appliance.config import page_file
from appliance.config.described import described
from appliance.config.editable import editable_keys, is_editable, is_live
from appliance.config.faults import Fault, InvalidConfig, nearest
from appliance.config.keys import KeyFile
from appliance.config.layers import Layers, SettingSource, lookup, parse, read_page_file
from appliance.config.loader import Config, differences, validated, without_passwords
from appliance.errors import SettingsChanged, SettingsRefused

LONGEST_AUDITED = 160  # characters of a value in the audit trail


@dataclass(frozen=True, slots=True)
class SettingsFiles:
    """Where settings come from: the layers, and the keys that are given from outside."""

    read: Callable[[], Layers]
    given: Mapping[str, str]

    def load(self) -> tuple[Config, dict[str, str]]:
        """The configuration and all keys; those from outside win. Raises ConfigError."""
        layers = self.read()
        return validated(layers), self.secrets(layers)

    def secrets(self, layers: Layers) -> dict[str, str]:
        """All keys: those that the page keeps beside its settings, and those from outside."""
        return KeyFile(layers.page_file.parent).read() | dict(self.given)


@dataclass(frozen=True, slots=True)
class SettingsActions:
    """What a change leads to.

    `check` finds faults that the schema cannot know, such as a voice that there is not; `apply`
    has sessions and engines take another configuration and other keys. Neither raises.
    """

    check: Callable[[Config], Sequence[Fault]]
    apply: Callable[[Config, Mapping[str, str]], Awaitable[None]]


class SettingsService:
    """The settings of a running daemon, whose configuration in force is `config`."""

    def __init__(
        self,
        config: Config,
        secrets: Mapping[str, str],
        files: SettingsFiles,
        actions: SettingsActions,
    ) -> None:
        self.config = config
        self.secrets = secrets
        self._files = files
        self._actions = actions
        self._changing = asyncio.Lock()

    async def view(self) -> dict[str, Any]:
        """The body of GET /api/settings. Raises ConfigError where a file has been spoilt."""
        layers = await asyncio.to_thread(self._files.read)
        wanted = validated(layers)
        return {
            "revision": self._revision(layers),
            "settings": described(layers, wanted, self.config),
            "keys": self._keys(),
            "restart_needed": self._waiting(wanted),
            "file": str(layers.page_file),
        }

    def _keys(self) -> list[dict[str, Any]]:
        """Which keys are there, never what they are."""
        return [
            {"name": name, "set": bool(self.secrets.get(name)), "locked": name in self._files.given}
            for name in ("OPENAI_API_KEY", "GROQ_API_KEY")
        ]

    def _waiting(self, wanted: Config) -> list[str]:
        return differences(self.config, with_live_settings(self.config, wanted, invert=True))

    def _revision(self, layers: Layers) -> str:
        """Differs whenever a file or a key does."""
        trees = [layers.default, layers.file, layers.page, layers.environment]
        text = json.dumps([trees, dict(self.secrets)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    async def change(
        self, revision: str, changes: Mapping[str, Any], keys: Mapping[str, str]
    ) -> list[str]:
        """Sets settings and keys; None and "" take the page's away. Returns lines for the audit.

        Raises SettingsChanged unless `revision` is that of the settings now, SettingsRefused with
        every fault, and StoreError where the file cannot be written.
        """
        async with self._changing:
            layers = await asyncio.to_thread(self._files.read)
            if revision != self._revision(layers):
                raise SettingsChanged("the settings have been changed meanwhile")
            text = await asyncio.to_thread(read_page_file, layers.page_file)
            before = validated(layers)
            wanted = self._wanted(layers, text, changes, keys)
            await self._write(layers, text, wanted, changes, keys)
            await self._apply(wanted, self._files.secrets(layers))
            return _audited(before, wanted, changes, keys)

    def _wanted(
        self, layers: Layers, text: str, changes: Mapping[str, Any], keys: Mapping[str, str]
    ) -> Config:
        """The configuration with the changes. Raises SettingsRefused with all their faults."""
        faults = [*_refused(changes, layers), *self._refused_keys(keys)]
        known = {key: value for key, value in changes.items() if is_editable(key)}
        while True:
            page = parse(layers.page_file, page_file.with_changes(text, known))
            try:
                wanted = validated(replace(layers, page=page))
                break
            except InvalidConfig as error:
                faults += error.faults
                # Without these the others are looked at, too; none of them is made.
                wrong = {key for key in known for f in error.faults if f.key.startswith(key)}
                known = {key: value for key, value in known.items() if key not in wrong}
                if not wrong:  # a fault of the files themselves
                    raise
        faults += [fault for fault in self._actions.check(wanted) if fault.key in known]
        if faults:
            count = "one change" if len(faults) == 1 else f"{len(faults)} changes"
            raise SettingsRefused(f"{count} cannot be made", [asdict(f) for f in faults])
        return wanted

    def _refused_keys(self, keys: Mapping[str, str]) -> list[Fault]:
        """Keys are never shown, in a fault neither."""
        return [
            Fault(name, "", "is set in the credentials or the environment, which wins")
            for name in keys
            if name in self._files.given
        ]

    async def _write(
        self,
        layers: Layers,
        text: str,
        wanted: Config,
        changes: Mapping[str, Any],
        keys: Mapping[str, str],
    ) -> None:
        values = wanted.model_dump(mode="json")  # as the schema understood them: 1.0 for "1"
        normal = {
            key: None if value is None else lookup(values, key) for key, value in changes.items()
        }
        if normal:
            written = page_file.with_changes(text, normal)
            await asyncio.to_thread(page_file.write, layers.page_file, written)
        if keys:
            await asyncio.to_thread(KeyFile(layers.page_file.parent).change, keys)

    async def reload(self) -> tuple[Sequence[str], Sequence[str]]:
        """Reads the files again, for SIGHUP: what was applied, and what waits for a restart.

        Raises ConfigError; then nothing has changed.
        """
        async with self._changing:
            wanted, secrets = await asyncio.to_thread(self._files.load)
            before = self.config
            await self._apply(wanted, secrets)
            return differences(before, self.config), self._waiting(wanted)

    async def _apply(self, wanted: Config, secrets: Mapping[str, str]) -> None:
        config = with_live_settings(self.config, wanted)
        if (config, secrets) == (self.config, self.secrets):
            return
        self.config, self.secrets = config, secrets
        await self._actions.apply(config, secrets)


def with_live_settings(in_force: Config, wanted: Config, *, invert: bool = False) -> Config:
    """The one in force with the live settings of the wanted one; inverted, with all others."""
    now, then = in_force.model_dump(), wanted.model_dump()
    for name in differences(in_force, wanted):
        section, key = name.split(".")
        live = is_live(name) or name == "tools.mcp"
        if live is not invert:
            now[section][key] = then[section][key]
    return Config.model_validate(now)


def _refused(changes: Mapping[str, Any], layers: Layers) -> list[Fault]:
    """The changes that may not be made at all."""
    faults = []
    for key, value in changes.items():
        if not is_editable(key):
            near = nearest(key, editable_keys())
            faults.append(Fault(key, value, "cannot be changed on the page", near))
        elif layers.source(key) is SettingSource.ENVIRONMENT:
            faults.append(Fault(key, value, "is set in the environment, which wins"))
        elif isinstance(value, str) and "://***@" in value:
            faults.append(Fault(key, value, "has a password that was masked; enter it again"))
    return faults


def _audited(
    before: Config, after: Config, changes: Mapping[str, Any], keys: Mapping[str, str]
) -> list[str]:
    """One line for each change, with the old and the new value; keys are not shown."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    lines = [
        f"{key}: {_short(lookup(old, key))} → {_short(lookup(new, key))}"
        for key in changes
        if lookup(old, key) != lookup(new, key)
    ]
    return lines + [f"{name}: {'set' if key else 'removed'}" for name, key in keys.items()]


def _short(value: object) -> str:
    text = json.dumps(without_passwords(value), ensure_ascii=False)
    return text if len(text) <= LONGEST_AUDITED else f"{text[: LONGEST_AUDITED - 1]}…"
