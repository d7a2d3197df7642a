"""The messages of an agent team, as the configuration maps them. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from appliance.config.schema import TeamConfig


class TeamMessageKind(Enum):
    """What a message means for the task it belongs to."""

    PROGRESS = auto()
    DONE = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class TeamMessage:
    """A message of the team's; `task_id` is empty where it names none."""

    kind: TeamMessageKind
    text: str
    task_id: str = ""
    cost: float | None = None


def filled(template: str, values: Mapping[str, str]) -> str:
    """A message to send: the JSON text `template` with each {name} replaced inside its strings."""
    return json.dumps(_filled(json.loads(template), values))


def _filled(part: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(part, dict):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    if not isinstance(part, str):
        return part
    # Cut at the names first: what is filled in is never looked at again.
    for name, value in values.items():
        before, found, after = part.partition(f"{{{name}}}")
        if found:
            return f"{_filled(before, values)}{value}{_filled(after, values)}"
    return part


def understood(text: str, config: TeamConfig) -> TeamMessage | None:
    """What a message of the team's says; None where it says nothing that is to be told."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    name = str(_at(message, config.kind_key))
    said = _at(message, config.text_key)
    words = said.strip() if isinstance(said, str) else "" if said is None else json.dumps(said)
    task_id = _at(message, config.id_key)
    cost = _at(message, config.cost_key)
    kind = _kind(name, config)
    if kind is None or (kind is TeamMessageKind.PROGRESS and not words):
        return None
    return TeamMessage(
        kind,
        words,
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
    """What stands at a dotted path; None where nothing does."""
    place: Any = message
    for key in path.split("."):
        place = place.get(key) if isinstance(place, dict) else None
    return place
