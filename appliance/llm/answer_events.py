"""The events of an answer, whichever server wrote it and however.

    chunks of a server ─► normaliser.AnswerNormaliser ─► AnswerWords, …, ModelCall, Ended

`Ended` is the last event of an answer that came to its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class End(StrEnum):
    """Why an answer ended.

    `STOP`: the model was done. `LENGTH`: the server's limit of tokens. `FILTERED`: the server's
    content filter. `TOO_LONG`: a limit of the appliance's own.
    """

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "filtered"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class AnswerWords:
    """More of the answer's text: for the user, valid Unicode, without marks of a chat template."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """The model thinks, for so many characters more. What it thinks is nobody's business."""

    characters: int


@dataclass(frozen=True, slots=True)
class Unsaid:
    """All words so far were a thought, whose opening mark was missing."""


@dataclass(frozen=True, slots=True)
class CallBegun:
    """So many more characters of a call were written; the call itself comes when it is whole."""

    characters: int


@dataclass(frozen=True, slots=True)
class ModelCall:
    """The model calls a tool. The id is the appliance's own and unique.

    A call with a `fault` must not be carried out: the model is given the fault as its result.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete, or as complete as it will be."""

    reason: End


AnswerEvent = AnswerWords | Thought | Unsaid | CallBegun | ModelCall | Ended
