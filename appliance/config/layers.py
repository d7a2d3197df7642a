"""The layers of the settings, of which later ones win, each with the keys that it sets.

default.toml beside this file, the named files (or /etc/voice-appliance/appliance.toml where it
exists), settings.toml beside the database, which the page writes, and APPLIANCE__SECTION__KEY
variables.
"""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.errors import ConfigError

SYSTEM_FILE = Path("/etc/voice-appliance/appliance.toml")
DEFAULT_FILE = Path(__file__).with_name("default.toml")
PAGE_FILE = "settings.toml"
PREFIX = "APPLIANCE__"

Tree = dict[str, Any]


class SettingSource(StrEnum):
    """The layer that a value comes from."""

    DEFAULT = "default"
    FILE = "file"
    PAGE = "page"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Layers:
    """The settings as they are written, layer by layer. `page_file` is where the page's stand."""

    default: Tree
    file: Tree
    page: Tree
    environment: Tree
    page_file: Path

    def merged(self) -> Tree:
        """The settings in force, not validated yet."""
        return merge(self.without_page(), merge(self.page, self.environment))

    def without_page(self) -> Tree:
        """What would be in force without the page and the environment."""
        return merge(self.default, self.file)

    def source(self, key: str) -> SettingSource:
        """The layer whose value of a key (section.key) counts."""
        if lookup(self.environment, key) is not None:
            return SettingSource.ENVIRONMENT
        if lookup(self.page, key) is not None:
            return SettingSource.PAGE
        return SettingSource.DEFAULT if lookup(self.file, key) is None else SettingSource.FILE


def read_layers(files: Sequence[Path], environ: Mapping[str, str]) -> Layers:
    """Reads all layers; without `files`, the system file where it exists. Raises ConfigError."""
    chosen = list(files) or ([SYSTEM_FILE] if SYSTEM_FILE.exists() else [])
    default = parse(DEFAULT_FILE, DEFAULT_FILE.read_text(encoding="utf-8"))
    owner: Tree = {}
    for file in chosen:
        owner = merge(owner, parse(file, _read_file(file)))
    environment = _from_environment(environ)
    page_file = _page_file(merge(merge(default, owner), environment))
    page = parse(page_file, read_page_file(page_file))
    return Layers(default, owner, page, environment, page_file)


def _page_file(tree: Tree) -> Path:
    """Beside the database: the one directory that the daemon may write."""
    path = lookup(tree, "store.path")
    return Path(path if isinstance(path, str) else "/").parent / PAGE_FILE


def read_page_file(path: Path) -> str:
    """The text of the page's file, "" where there is none. Raises ConfigError.

    Root reads it too, in a directory of the daemon's user: it follows no link and waits for nobody.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        raise _not_toml(path, error) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _read_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _not_toml(file, error) from None
    except OSError as error:
        raise _unreadable(file, error) from None


def parse(file: Path, text: str) -> Tree:
    """The settings in the text of a file. Raises ConfigError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(file, error) from None


def _unreadable(file: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{file} cannot be read: {error.strerror}",
        advice="Check the path and that the appliance may read the file.",
    )


def _not_toml(file: Path, error: ValueError) -> ConfigError:
    return ConfigError(f"{file} is not TOML: {error}", advice="Correct the file at that place.")


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """One tree over another, key by key."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def lookup(tree: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401  any TOML value
    """The value of a dotted key; None where it is not set."""
    place: Any = tree
    for part in key.split("."):
        place = place.get(part) if isinstance(place, Mapping) else None
    return place


def keys_of(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The dotted keys of all values of a tree."""
    found: list[str] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        found += keys_of(value, f"{name}.") if isinstance(value, Mapping) else [name]
    return found


def _from_environment(environ: Mapping[str, str]) -> Tree:
    tree: Tree = {}
    # Sorted, so that a section which is set to a value itself comes before its keys. The value
    # stays, and validation reports it.
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        *sections, key = name.removeprefix(PREFIX).lower().split("__")
        place: Any = tree
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[key] = _parse_value(text)
    return tree


def _parse_value(text: str) -> Any:  # noqa: ANN401  any TOML-like scalar or list
    """Returns a number, boolean, list or quoted text that is JSON; else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | list | str) else text
