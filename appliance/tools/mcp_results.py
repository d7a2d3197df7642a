"""Puts what a tool of an MCP server returns into words. Pure.

Text is said as it is. JSON is never read out: a template of the configuration names its fields
("The {room} is at {level} percent."), and without one, its plain fields are listed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from appliance.text import phrasing
from appliance.text.normalize import speakable

LONGEST_SPOKEN: Final = 800
"""Characters of a result that is spoken without a model."""
MOST_FIELDS: Final = 6
"""Fields that are listed; a listener keeps no more."""
LONGEST_FIELD: Final = 60
DONE: Final = "Done."
_FIELD = re.compile(r"\{([\w.\-]+)\}")


def result_texts(content: Sequence[Any]) -> list[str]:
    """The texts of a result's parts: text, embedded resources, and the names of links."""
    texts: list[str] = []
    for part in content:
        resource = getattr(part, "resource", None)
        for text in (
            getattr(part, "text", None),
            getattr(resource, "text", None),
            getattr(part, "title", None) or getattr(part, "name", None),
        ):
            if isinstance(text, str) and text.strip():
                texts.append(text.strip())
                break
    return texts


def spoken_result(
    texts: Sequence[str], structured: object, template: str, arguments: Mapping[str, Any]
) -> str:
    """What is said of a result where no model puts it into words.

    `template` may be empty. Where a field of it is missing, it is as if there were none.
    """
    values = [*map(_json_or_none, texts), structured]
    data = next((value for value in values if isinstance(value, dict | list)), None)
    fields = {**dict(_fields(arguments)), **dict(_fields(data)), "text": " ".join(texts)}
    if template and all(name in fields for name in _FIELD.findall(template)):
        return _shortened(speakable(_FIELD.sub(lambda field: fields[field[1]], template)))
    prose = "\n".join(text for text in texts if _json_or_none(text) is None)
    return _shortened(speakable(prose)).strip() or _listed(data).strip() or DONE


def _json_or_none(text: str) -> object:
    """The object or list that a text consists of."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _fields(data: object, path: str = "", depth: int = 4) -> Iterator[tuple[str, str]]:
    """The plain values in the data by their path, in words ("lamp.level", "40")."""
    if isinstance(data, Mapping) and depth:
        for key, value in data.items():
            yield from _fields(value, f"{path}.{key}" if path else str(key), depth - 1)
    elif isinstance(data, list) and depth:
        if all(not isinstance(item, dict | list) for item in data):
            yield path, phrasing.listed([_word(item) for item in data[:MOST_FIELDS]])
        for number, item in enumerate(data[:MOST_FIELDS]):
            yield from _fields(item, f"{path}.{number}" if path else str(number), depth - 1)
    elif path and data is not None:
        yield path, _word(data)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _listed(data: object) -> str:
    """The first plain fields: "The room is kitchen, and the level is 40."."""
    found = [
        (name, value)
        for name, value in _fields(data)
        if name and value and len(value) <= LONGEST_FIELD and not name.rpartition(".")[2].isdigit()
    ][:MOST_FIELDS]
    if isinstance(data, list) and not found:
        values = [_word(item) for item in data if not isinstance(item, dict | list)]
        return _shortened(speakable(phrasing.capitalised(phrasing.listed(values[:MOST_FIELDS]))))
    parts = [f"the {_spoken_path(name)} is {value}" for name, value in found]
    return f"{phrasing.capitalised(speakable(phrasing.listed(parts)))}." if parts else ""


def _spoken_path(path: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[._\-]+", " ", path)
    return " ".join(word for word in words.lower().split() if not word.isdigit())


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_SPOKEN:
        return text
    return f"{text[:LONGEST_SPOKEN].rpartition(' ')[0]}…"
