"""When a user's turn is over, and what may be answered before that is certain.

A pause begins ─► transcribed ahead, smart-turn looks ahead
    ─► EagerTranscriptionFrame ─► looks complete? the model begins to answer, held back
the silence has been long enough ─► the turn ends: the held answer is let go, if the words are
    still the same; else it is withdrawn and the model asked again
the user goes on ─► withdrawn

Tools never run ahead: a spoken command waits for the end of the turn, and a model that wants a
tool is withdrawn by Pipecat itself.
"""

import asyncio
from collections.abc import Callable

from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

from appliance.voice.turns.smart_turn import LOOKS_LATER_MS, LOOKS_MS, SmartTurnAnalyzer

# Of a speaker who pauses inside of sentences, so many pauses are answered before anybody has
# judged them; after that it is better to know.
MOST_GUESSES = 3


class SpeculativeTurnStop(TurnAnalyzerUserTurnStopStrategy):
    """Smart-turn decides by the voice, unless the words are already a whole command.

    Smart-turn takes short questions ("what time is it") for unfinished more often than long
    ones, and then the silence time-out is all that ends the turn. A transcript that is a spoken
    sentence of a tool, word for word, needs no second opinion: `is_command` tells of a final
    one, `command_ahead` whether one was heard before the silence was long enough.

    With `speculate` pauses are answered ahead; `optimistic` tells whether also those that nobody
    has judged yet, which asks the model about three times as often.
    """

    def __init__(
        self,
        end_of_turn: SmartTurnAnalyzer,
        is_command: Callable[[str], bool],
        command_ahead: Callable[[], bool],
        *,
        speculate: bool,
        optimistic: Callable[[], bool],
    ) -> None:
        super().__init__(turn_analyzer=end_of_turn)
        self._end_of_turn = end_of_turn
        self._is_command = is_command
        self._command_ahead = command_ahead
        self._may_speculate = speculate
        self._is_optimistic = optimistic
        self._in_turn = False
        self._said: list[str] = []
        self._speculation: UserTurnSpeculation | None = None
        # What was heard before a pause that lasts, and whether it is being judged.
        self._heard = ""
        self._looked = self._guesses = 0
        self._guessing: asyncio.Task[None] | None = None
        self._looks_left: list[int] = []
        self._looking: asyncio.Task[None] | None = None

    def look_ahead(self, lasted_ms: float) -> None:
        """A pause lasts. Smart-turn is asked only where its verdict could be of use."""
        due = sum(lasted_ms >= look for look in LOOKS_MS)
        if due > self._looked and self._may_speculate and not self._command_ahead():
            self._looked = due
            self._end_of_turn.look_ahead()
            self._guess_once_judged()

    def look_away(self) -> None:
        """The speaker goes on."""
        self._heard, self._looked = "", 0
        self._end_of_turn.look_away()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        if isinstance(frame, InputAudioRawFrame):  # most of them by far
            await self._handle_input_audio(frame)
            return ProcessFrameResult.CONTINUE
        if isinstance(frame, EagerTranscriptionFrame):
            self._heard = frame.text
            await self._guess()
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            self._heard, self._speculation = "", None
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self.look_away()
            await self._withdraw()
        elif isinstance(frame, TranscriptionFrame):
            self._said.append(frame.text)
        return await super().process_frame(frame)

    async def _guess(self) -> None:
        """Has the model answer what was heard so far, unless that is known to be unfinished.

        The judging may take as long as the transcribing did, and who waits for it answers later
        by that much; a question to a model in the house, asked for nothing, costs less.
        """
        heard, likely = self._heard, self._end_of_turn.likely
        if not (heard and self._may_speculate and self._in_turn) or self._is_command(heard):
            return
        optimistic = self._is_optimistic() and self._guesses < MOST_GUESSES
        if likely or (likely is None and optimistic):
            self._heard = ""
            self._guesses += likely is None
            await self._withdraw()
            self._speculation = UserTurnSpeculation(text=" ".join([*self._said, heard]))
            await self.trigger_user_turn_inference_triggered(speculation=self._speculation)
        else:
            self._guess_once_judged()

    def _guess_once_judged(self) -> None:
        if self._heard and self._guessing is None and self._end_of_turn.likely is None:
            task = self._guess_again()
            self._guessing = self.task_manager.create_task(task, f"{self}::guess")

    async def _guess_again(self) -> None:
        await self._end_of_turn.judged()
        self._guessing = None
        if self._end_of_turn.likely:
            await self._guess()

    async def _withdraw(self) -> None:
        if self._speculation is not None:
            self._speculation = None
            await self.trigger_user_turn_speculation_cancelled()

    async def trigger_user_turn_stopped(
        self, *, enable_user_speaking_frames: bool | None = None
    ) -> None:
        speculation, self._speculation = self._speculation, None
        if speculation is not None and speculation.text == " ".join(self._said):
            await self.trigger_user_turn_finalized(
                enable_user_speaking_frames=enable_user_speaking_frames, confirms_speculation=True
            )
            return
        if speculation is not None:
            await self.trigger_user_turn_speculation_cancelled()
        await super().trigger_user_turn_stopped(
            enable_user_speaking_frames=enable_user_speaking_frames
        )

    async def nothing_heard(self) -> None:
        """What ended was no speech: a turn in which nothing else was said need not wait."""
        if not self._said and not self._vad_user_speaking:
            await self._withdraw()
            await self.trigger_user_turn_finalized()

    async def handle_user_turn_started(self) -> None:
        # A turn may begin when its speech is over already (see barge_in): what was judged of
        # that speech still holds.
        self._in_turn, self._guesses = True, 0
        if self._vad_user_speaking or not self._vad_stopped:
            await super().handle_user_turn_started()

    async def handle_user_turn_stopped(self) -> None:
        self._in_turn = False
        await super().handle_user_turn_stopped()

    async def forget(self) -> None:
        """What was heard was not meant for the assistant."""
        await self.handle_user_turn_stopped()

    async def cleanup(self) -> None:
        await self._stop_looking()
        if self._guessing is not None:
            await self.task_manager.cancel_task(self._guessing)
        await super().cleanup()

    async def _reset(self) -> None:
        self._heard = ""
        await self._withdraw()
        self._said = []
        await super()._reset()

    async def _discard_pending_end_of_turn(self) -> None:
        await self._stop_looking()
        await super()._discard_pending_end_of_turn()

    async def _stop_looking(self) -> None:
        looking, self._looking, self._looks_left = self._looking, None, []
        # The turn that it ended is what may be cleaning up here.
        if looking is not None and looking is not asyncio.current_task():
            await self.task_manager.cancel_task(looking)

    async def _handle_input_audio(self, frame: InputAudioRawFrame) -> None:
        await super()._handle_input_audio(frame)
        silence = self._end_of_turn.silence_ms
        is_due = bool(self._looks_left) and silence >= self._looks_left[0]
        if is_due and self._looking is None and self._end_of_turn.may_look_again:
            self._looks_left = [look for look in self._looks_left if look > silence]
            self._looking = self.task_manager.create_task(self._look_again(), f"{self}::look_again")

    async def _look_again(self) -> None:
        """Judges an unfinished sentence once more, with the silence that has followed it."""
        state, prediction = await self._end_of_turn.analyze_end_of_turn()
        await self._handle_prediction_result(prediction)
        self._looking = None
        if state is EndOfTurnState.COMPLETE:
            self._looks_left = []
            self._turn_complete = True
            await self._maybe_trigger_user_turn_stopped()

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        if not self._command_ahead():
            self._looks_left = list(LOOKS_LATER_MS)
            await super()._handle_vad_user_stopped_speaking(frame)
            if self._turn_complete:
                self._looks_left = []
            return
        # The transcript is on its way here; asking smart-turn would only make it wait.
        self._vad_user_speaking = False
        self._vad_stopped = True

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        if frame.finalized and not self._vad_user_speaking and self._is_command(frame.text):
            self._turn_complete = True
        await super()._handle_transcription(frame)
