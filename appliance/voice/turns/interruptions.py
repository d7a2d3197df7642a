"""Keeps the history in order when a user interrupts an answer.

What was heard of the answer is added to the history at the far end of the pipeline, what the user
said at its beginning. A short "wait" is understood as soon as it interrupts: the user's words, and
a question to the model that contains them, must not overtake the answer that they interrupt.
"""

import asyncio
from typing import Final

from pipecat.frames.frames import InterruptionFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMAssistantAggregatorParams,
)

_LONGEST_SECONDS: Final = 2.0
"""An interruption takes milliseconds. Where one gets lost, the user's words must not."""


class PendingInterruptions:
    """The interruptions that are on their way through the pipeline."""

    def __init__(self) -> None:
        self._pending: set[int] = set()
        self._none_pending = asyncio.Event()
        self._none_pending.set()

    def sent(self, frame: InterruptionFrame) -> None:
        """An interruption sets off downstream."""
        self._pending.add(frame.id)
        self._none_pending.clear()

    def arrived(self, frame: InterruptionFrame) -> None:
        """What was heard of the answer is part of the history."""
        self._pending.discard(frame.id)
        if not self._pending:
            self._none_pending.set()

    async def wait(self) -> None:
        """Returns when all have arrived, or one is lost."""
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                await self._none_pending.wait()
        except TimeoutError:
            self._pending.clear()
            self._none_pending.set()


class AssistantAggregator(LLMAssistantAggregator):
    """Pipecat's aggregator, which tells when it has dealt with an interruption."""

    def __init__(
        self,
        context: LLMContext,
        interruptions: PendingInterruptions,
        *,
        params: LLMAssistantAggregatorParams | None = None,
    ) -> None:
        super().__init__(context, params=params)
        self._interruptions = interruptions

    async def _handle_interruptions(self, frame: InterruptionFrame) -> None:
        try:
            await super()._handle_interruptions(frame)
        finally:
            self._interruptions.arrived(frame)
