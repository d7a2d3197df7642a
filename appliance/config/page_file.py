"""The file of the settings that were made on the page: changed key by key, comments kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.items import Table

from appliance.atomic_file import replace_text
from appliance.errors import write_error

_HEADER: Final = (
    "Settings that were made on the page. They win over /etc/voice-appliance/appliance.toml;",
    "the page shows where each comes from. You may edit or remove this file; then:",
    "systemctl reload voice-appliance",
)


def with_changes(text: str, changes: Mapping[str, Any]) -> str:
    """The text of the file with keys (section.key) set; None removes a key.

    Comments, order and whatever else stands there are kept. `text` is valid TOML.
    """
    document = tomlkit.parse(text) if text.strip() else _new_document()
    for key, value in changes.items():
        *sections, name = key.split(".")
        if value is None:
            _remove(document, sections, name)
        else:
            _table(document, sections)[name] = _item(value)
    return tomlkit.dumps(document)


def _item(value: Any) -> Any:  # noqa: ANN401  a JSON value, as an item of TOML
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True)
    return value


def _new_document() -> TOMLDocument:
    document = tomlkit.document()
    for line in _HEADER:
        document.add(tomlkit.comment(line))
    return document


def _table(document: TOMLDocument, sections: list[str]) -> Any:  # noqa: ANN401  tomlkit's containers
    place: Any = document
    for number, section in enumerate(sections):
        if section not in place:
            # A table that holds tables alone needs no line of its own: [tools.mcp.home].
            place[section] = tomlkit.table(is_super_table=number < len(sections) - 1)
        place = place[section]
    return place


def _remove(document: TOMLDocument, sections: list[str], name: str) -> None:
    """Removes a key, and its sections where they are empty then."""
    places: list[Any] = [document]
    for section in sections:
        if section not in places[-1]:
            return
        places.append(places[-1][section])
    if name in places[-1]:
        del places[-1][name]
    for section, place, above in zip(
        reversed(sections), reversed(places[1:]), reversed(places[:-1]), strict=True
    ):
        # A section that still has a comment is the owner's.
        bare = not place and not (isinstance(place, Table) and place.as_string().strip())
        if bare:
            del above[section]


def write(path: Path, text: str) -> None:
    """Replaces the file, atomically and durably. Raises StoreError."""
    try:
        replace_text(path, text)
    except OSError as error:
        advice = "Look at the rights of that directory."
        raise write_error(f"the file of settings {path}", error, advice=advice) from None
