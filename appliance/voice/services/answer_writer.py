"""Writes the words of a model's answer to the pipeline, at a pace, and never nothing."""

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.conversation import (
    ANSWER_FILTERED,
    CUT_SHORT,
    MODEL_THINKS,
    NOTHING_TO_SAY,
)
from appliance.llm.answer_events import (
    AnswerEvent,
    AnswerWords,
    CallBegun,
    End,
    Ended,
    ModelCall,
    Thought,
    Unsaid,
)

BURST_CHARACTERS: Final = 2_000
CHARACTERS_PER_SECOND: Final = 600
"""Forty times as fast as speech: the page and the voice keep up, and memory stays bounded."""


@dataclass(slots=True)
class Pace:
    """How long to wait before more text is passed on. Pure: times are arguments, in seconds."""

    _ahead: float = 0.0
    _at: float = 0.0

    def wait(self, characters: int, now: float) -> float:
        """The seconds to wait after so many characters."""
        spent = CHARACTERS_PER_SECOND * (now - self._at)
        self._ahead = max(0.0, self._ahead - spent) + characters
        self._at = now
        return max(0.0, (self._ahead - BURST_CHARACTERS) / CHARACTERS_PER_SECOND)


@dataclass(slots=True)
class AnswerWriter:
    """Writes one answer. Used once.

    `write` gets its text. `unsay` withdraws all of it so far, and returns whether the answer goes
    on. `results` returns what the tools called before have to say, which is said in the place of a
    model that says nothing. `translated` puts the appliance's own sentences into the user's
    language.
    """

    write: Callable[[str], Awaitable[None]]
    unsay: Callable[[], Awaitable[bool]]
    results: Callable[[], str]
    translated: Callable[[str], str] = str
    characters: int = 0
    _pace: Pace = field(default_factory=Pace)
    _has_words: bool = False
    _has_thought: bool = False

    async def write_all(self, answer: AsyncIterable[AnswerEvent]) -> list[ModelCall]:
        """Writes the words as they come, and returns the calls of the answer."""
        calls: list[ModelCall] = []
        async for event in answer:
            if isinstance(event, AnswerWords):
                await self._write(event.text)
            elif isinstance(event, ModelCall):
                calls.append(event)
            elif isinstance(event, Unsaid):
                self._has_words = False
                if not await self.unsay():
                    return []
            elif isinstance(event, Thought | CallBegun):
                self.characters += event.characters
                self._has_thought |= isinstance(event, Thought)
            elif isinstance(event, Ended) and not calls:
                await self._end(event.reason)
        return calls

    async def _write(self, text: str) -> None:
        self.characters += len(text)
        self._has_words |= any(map(str.isalnum, text))
        await self.write(text)
        await asyncio.sleep(self._pace.wait(len(text), time.monotonic()))

    async def _end(self, reason: End) -> None:
        """What is said at the end where the answer does not end by itself."""
        if self._has_words:
            if reason is End.TOO_LONG:
                await self.write(f" {self.translated(CUT_SHORT)}")
        elif reason is End.FILTERED:
            await self.write(self.translated(ANSWER_FILTERED))
        elif results := self.results():
            await self.write(results)
        else:
            thought_in_vain = self._has_thought and reason in (End.LENGTH, End.TOO_LONG)
            said = MODEL_THINKS if thought_in_vain else NOTHING_TO_SAY
            await self.write(self.translated(said))
