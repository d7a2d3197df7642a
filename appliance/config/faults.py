"""The faults of a configuration, all told at once: key, value, what is expected, what was meant."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from appliance.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `suggestion` is the key or value that was probably meant; "" without one."""

    key: str
    value: Any
    expected: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{self.key} = {self.value!r}: {self.expected}{hint}"


class InvalidConfig(ConfigError):
    """A ConfigError with its faults."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(
            f"the configuration has {len(self.faults)} fault(s):\n{lines}",
            advice="Correct them; `appliance config show` prints the settings in force.",
        )


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """The faults that pydantic found in the data of a model."""
    return [_fault(found, model) for found in error.errors()]


def _fault(found: Any, model: type[BaseModel]) -> Fault:  # noqa: ANN401  pydantic's ErrorDetails
    where, value = ".".join(map(str, found["loc"])), found["input"]
    if found["type"] == "extra_forbidden":
        near = nearest(str(found["loc"][-1]), _known_keys(model, found["loc"][:-1]))
        return Fault(where, value, "unknown key", near)
    allowed = str(found.get("ctx", {}).get("expected", "")) if value else ""
    choices = [part.strip("'") for part in allowed.replace(" or ", ", ").split(", ")]
    near = nearest(value, choices) if isinstance(value, str) else ""
    return Fault(where, value, found["msg"], near)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; "" without one."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return near[0] if near else ""


def _known_keys(top: type[BaseModel], section: Sequence[int | str]) -> list[str]:
    model = top
    for name in section:
        field = model.model_fields.get(str(name))
        if field is None:  # a name of the user's own, as in tools.mcp.NAME; its model is found
            continue
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)),
            model,
        )
    return list(model.model_fields)
