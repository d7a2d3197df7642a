"""Frames of the appliance's own, beside Pipecat's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipecat.frames.frames import DataFrame

CODE: Final = "code"
"""The type of aggregated text that is shown and not spoken."""


@dataclass
class PlaybackMarkerFrame(DataFrame):
    """Calls `on_played` once the client has played all speech before it.

    It goes with the speech: an interruption drops it, and so does speech that fails.
    """

    on_played: Callable[[], None]


@dataclass
class QuestionFrame(DataFrame):
    """A question of the appliance itself, which is spoken verbatim and ends the model's answer.

    `on_heard` is called once the user has heard it to its end.
    """

    text: str
    on_heard: Callable[[], None]
