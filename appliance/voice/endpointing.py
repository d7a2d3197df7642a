"""When a user's turn is over, and what may be answered before that is certain.

A pause begins ─► transcribed ahead, smart-turn looks ahead
    ─► EagerTranscriptionFrame ─► looks complete? the model begins to answer, held back
the silence has been long enough ─► the turn ends: the held answer is let go, if the words are
    still the same; else it is withdrawn and the model asked again
the user goes on ─► withdrawn

Tools never run ahead: a spoken command waits for the end of the turn, and a model that wants a
tool is withdrawn by Pipecat itself.
"""

from collections.abc import Callable

from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

from appliance.voice.hearing import EndOfTurn


class TurnEnd(TurnAnalyzerUserTurnStopStrategy):
    """Smart-turn decides by the voice, unless the words are already a whole command.

    Smart-turn takes short questions ("what time is it") for unfinished more often than long
    ones, and then the silence time-out is all that ends the turn. A transcript that is a spoken
    sentence of a tool, word for word, needs no second opinion: `is_command` tells of a final
    one, `command_ahead` whether one was heard before the silence was long enough.
    """

    def __init__(
        self,
        end_of_turn: EndOfTurn,
        is_command: Callable[[str], bool],
        command_ahead: Callable[[], bool],
        *,
        speculate: bool,
    ) -> None:
        super().__init__(turn_analyzer=end_of_turn)
        self._end_of_turn = end_of_turn
        self._is_command = is_command
        self._command_ahead = command_ahead
        self._may_speculate = speculate
        self._said: list[str] = []
        self._speculation: UserTurnSpeculation | None = None

    def look_ahead(self) -> None:
        """A pause begins. Smart-turn is asked only where its verdict could be of use: its 30 ms
        a pause, on one thread for all sessions, would keep others waiting."""
        if self._may_speculate:
            self._end_of_turn.look_ahead()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        if isinstance(frame, EagerTranscriptionFrame):
            await self._speculate(frame.text)
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            self._speculation = None
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            await self._withdraw()
        elif isinstance(frame, TranscriptionFrame):
            self._said.append(frame.text)
        return await super().process_frame(frame)

    async def _speculate(self, text: str) -> None:
        """Has the model answer what was heard so far, if it sounds complete."""
        if not self._may_speculate or self._is_command(text):
            return
        if await self._end_of_turn.glance() is not EndOfTurnState.COMPLETE:
            return
        await self._withdraw()
        self._speculation = UserTurnSpeculation(text=" ".join([*self._said, text]))
        await self.trigger_user_turn_inference_triggered(speculation=self._speculation)

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

    async def _reset(self) -> None:
        await self._withdraw()
        self._said = []
        await super()._reset()

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        if not self._command_ahead():
            await super()._handle_vad_user_stopped_speaking(frame)
            return
        # The transcript is on its way here; asking smart-turn would only make it wait.
        self._vad_user_speaking = False
        self._vad_stopped = True

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        if frame.finalized and not self._vad_user_speaking and self._is_command(frame.text):
            self._turn_complete = True
        await super()._handle_transcription(frame)
