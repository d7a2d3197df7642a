"""The budget of a turn: what a model may still write, and whether it may still call tools. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from appliance.llm.answer_events import ModelCall
from appliance.llm.answer_reader import CHARACTERS_PER_TOKEN, AnswerLimits

MOST_FAULTY_ROUNDS: Final = 2
"""A model is given the reason of a refused call; after another one it has to do without."""


@dataclass(slots=True)
class TurnBudget:
    """Adds up the answers of one turn. `rounds`: how often the model may call tools."""

    whole: AnswerLimits
    rounds: int
    _seconds: float = 0.0
    _characters: int = 0
    _rounds_used: int = 0
    _faulty_rounds: int = 0

    @property
    def limits(self) -> AnswerLimits:
        """The limits of the next answer: what is left of the turn."""
        return replace(
            self.whole,
            seconds=max(0.0, self.whole.seconds - self._seconds),
            tokens=max(0, self.whole.tokens - self._characters // CHARACTERS_PER_TOKEN),
        )

    @property
    def may_call_tools(self) -> bool:
        return self._rounds_used < self.rounds and self._faulty_rounds < MOST_FAULTY_ROUNDS

    def spend(self, seconds: float, characters: int) -> None:
        """An answer took that long, and had so many characters."""
        self._seconds += seconds
        self._characters += characters

    def called(self, calls: Sequence[ModelCall]) -> None:
        """An answer called tools."""
        self._rounds_used += 1
        self._faulty_rounds += any(call.fault for call in calls)
