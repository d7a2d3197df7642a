"""Messages of an agent team, built and parsed as the configuration maps them. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from appliance.config.schema import TeamConfig


class TeamMessageKind(Enum):
    """The meaning of a message for its task."""

    PROGRESS = auto()
    DONE = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class TeamMessage:
    """A message from the team; `task_id` is empty if it names none."""

    kind: TeamMessageKind
    text: str
    task_id: str = ""
    cost: float | None = None


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """The JSON text `template` with each {name} inside its strings replaced by its value."""
    return json.dumps(_fill(json.loads(template), values))


def _fill(part: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(part, dict):
        return {key: _fill(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_fill(value, values) for value in part]
    if not isinstance(part, str):
        return part
    # The text is cut at the name first, so that a value is never searched for names.
    for name, value in values.items():
        before, found, after = part.partition(f"{{{name}}}")
        if found:
            return f"{_fill(before, values)}{value}{_fill(after, values)}"
    return part


def parse_message(text: str, config: TeamConfig) -> TeamMessage | None:
    """Parses a message from the team; None if it is invalid or of no interest."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    name = str(_at(message, config.kind_key))
    content = _at(message, config.text_key)
    if not isinstance(content, str):
        content = "" if content is None else json.dumps(content)
    task_id = _at(message, config.id_key)
    cost = _at(message, config.cost_key)
    kind = _kind(name, config)
    if kind is None or (kind is TeamMessageKind.PROGRESS and not content.strip()):
        return None
    return TeamMessage(
        kind,
        content.strip(),
        task_id if isinstance(task_id, str) else "",
        float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )


def _kind(name: str, config: TeamConfig) -> TeamMessageKind | None:
    if name in config.ignored:
        return None
    if name in config.done:
        return TeamMessageKind.DONE
    return TeamMessageKind.FAILED if name in config.failed else TeamMessageKind.PROGRESS


def _at(message: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401  any JSON value
    """The value at a dotted path; None if there is none."""
    place: Any = message
    for key in path.split("."):
        place = place.get(key) if isinstance(place, dict) else None
    return place
