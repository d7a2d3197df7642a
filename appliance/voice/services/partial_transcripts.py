"""Transcribes an utterance before it is over: at its pauses, and while it is spoken.

begin_ahead (a pause) ─► the words are offered ─► take_ahead: the pause was the end of speech
                                              └─► resume: speech goes on, the words are withdrawn
begin_interim (speech) ─► the words are shown ─► adopt: the pause that follows has the same words
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
)
from pipecat.utils.time import time_now_iso8601

from appliance.engines import Priority, Ticket, Transcript
from appliance.errors import EngineError

Outcome = Transcript | EngineError
"""An error is returned, because Pipecat swallows what its tasks raise."""


@dataclass(eq=False, slots=True)
class _Partial:
    """A transcription of the first `length` bytes of an utterance."""

    length: int
    ticket: Ticket
    task: "asyncio.Task[Outcome]"

    @property
    def transcript(self) -> Transcript | None:
        """The transcript, where it is known and has words."""
        if not self.task.done() or self.task.cancelled():
            return None
        outcome = self.task.result()
        return outcome if isinstance(outcome, Transcript) and outcome.text else None


class PartialTranscripts:
    """The transcription ahead of the present pause, and the interim one, of one speaker.

    `transcribe` raises EngineError. `push` sends a frame on. `heard_ahead` is called with the words
    before the pause, and with none when they no longer count. `interim_length` is how many bytes of
    the utterance the latest interim transcription is of, or was until it was given up.
    """

    def __init__(
        self,
        transcribe: Callable[[bytes, Ticket], Awaitable[Transcript]],
        push: Callable[[Frame], Awaitable[None]],
        heard_ahead: Callable[[str], None],
        create_task: Callable[[Coroutine[Any, Any, Any], str], "asyncio.Task[Any]"],
    ) -> None:
        self._transcribe = transcribe
        self._push = push
        self._heard_ahead = heard_ahead
        self._create_task = create_task
        self._ahead: _Partial | None = None
        self._interim: _Partial | None = None
        self._interim_text = ""
        self.interim_length = 0
        # The words that later processors have been offered as all that was said.
        self._offered = ""

    @property
    def is_ahead(self) -> bool:
        """True where the present pause has its transcription, done or under way."""
        return self._ahead is not None

    @property
    def is_interim(self) -> bool:
        """True while an interim transcription is under way."""
        return self._interim is not None and not self._interim.task.done()

    @property
    def tasks(self) -> "tuple[asyncio.Task[Outcome], ...]":
        """The tasks that may be under way."""
        return tuple(partial.task for partial in (self._ahead, self._interim) if partial)

    def begin_ahead(self, audio: bytes, length: int) -> None:
        """Transcribes `audio` at a pause: the `length` bytes of the utterance, and some silence."""
        self.drop_interim()
        self._ahead = self._begin(audio, length, Priority.AHEAD)

    def begin_interim(self, audio: bytes) -> None:
        """Transcribes what was said so far, to show it."""
        self.drop_interim()
        self._interim = self._begin(audio, len(audio), Priority.LATER)
        self.interim_length = len(audio)

    def drop_interim(self) -> None:
        """Gives up the interim transcription."""
        if self._interim is not None:
            self._interim.task.cancel()
            self._interim = None

    def adopt(self, length: int) -> bool:
        """True where the interim transcription is of `length` bytes or more.

        Then nothing was said after it, and it becomes that of the present pause.
        """
        interim = self._interim
        if interim is None or interim.length < length:
            return False
        if interim.task.done() and not interim.transcript:
            return False
        self._ahead, self._interim = interim, None
        interim.ticket.priority = Priority.AHEAD
        if interim.transcript:
            self._create_task(self._publish(interim, interim.transcript), "offer")
        return True

    def resume(self, *, keep: bool) -> None:
        """Withdraws the words of the pause: speech goes on.

        With `keep` the transcription is not given up, but shown as an interim one.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        self._heard_ahead("")
        if not keep:
            ahead.task.cancel()
        else:
            self.drop_interim()
            self._interim, self.interim_length = ahead, ahead.length
            ahead.ticket.priority = Priority.LATER
        if self._offered:
            self._offered = ""
            self._create_task(self._withdraw(ahead), "withdraw")

    def take_ahead(self) -> "asyncio.Task[Outcome] | None":
        """The transcription ahead, which is needed now: the pause was the end of speech."""
        self.drop_interim()
        if self._ahead is None:
            return None
        self._ahead.ticket.priority = Priority.NOW
        return self._ahead.task

    def reset(self) -> None:
        """Another utterance begins. A transcription that was taken goes on."""
        self.drop_interim()
        self._ahead, self.interim_length = None, 0
        self._interim_text = self._offered = ""
        self._heard_ahead("")

    def _begin(self, audio: bytes, length: int, priority: Priority) -> _Partial:
        ticket = Ticket(priority)
        task = self._create_task(self._run(audio, ticket), f"transcribe {priority.name.lower()}")
        return _Partial(length, ticket, task)

    async def _run(self, audio: bytes, ticket: Ticket) -> Outcome:
        try:
            transcript = await self._transcribe(audio, ticket)
        except EngineError as error:
            return error
        mine = (one for one in (self._ahead, self._interim) if one and one.ticket is ticket)
        await self._publish(next(mine, None), transcript)
        return transcript

    async def _publish(self, partial: _Partial | None, transcript: Transcript) -> None:
        """Offers or shows the words; not those of an utterance that is over, or of a past pause."""
        if partial is None:
            return
        if partial is self._interim:
            await self._show(transcript.text)
        elif partial is self._ahead:
            self._heard_ahead(transcript.text)
            await self._offer(transcript.text)

    async def _show(self, text: str) -> None:
        """Shows an interim transcript, and offers it where nothing was said since the last one."""
        is_stable, self._interim_text = text == self._interim_text, text
        if not text:
            return
        await self._push(InterimTranscriptionFrame(text, "", time_now_iso8601()))
        if is_stable and text != self._offered:
            await self._offer(text)
        elif self._offered and text != self._offered:
            self._offered = ""
            await self._push(EagerEndOfTurnCancelFrame())

    async def _offer(self, text: str) -> None:
        if text:
            self._offered = text
            await self._push(EagerTranscriptionFrame(text, "", time_now_iso8601()))

    async def _withdraw(self, ahead: _Partial) -> None:
        """Withdraws the words of `ahead` that were offered; shows them where it was kept."""
        await self._push(EagerEndOfTurnCancelFrame())
        if ahead is self._interim and ahead.transcript:
            await self._show(ahead.transcript.text)
