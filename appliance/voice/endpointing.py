"""When a user's turn is over."""

from collections.abc import Callable

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer
from pipecat.frames.frames import TranscriptionFrame, VADUserStoppedSpeakingFrame
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy


class CommandAwareStop(TurnAnalyzerUserTurnStopStrategy):
    """Smart-turn decides by the voice, unless the words are already a whole command.

    Smart-turn takes short questions ("what time is it") for unfinished more often than long
    ones, and then the silence time-out is all that ends the turn. A transcript that is a spoken
    sentence of a tool, word for word, needs no second opinion: `is_command` tells of a final
    one, `command_ahead` whether one was heard before the silence was long enough.
    """

    def __init__(
        self,
        turn_analyzer: BaseTurnAnalyzer,
        is_command: Callable[[str], bool],
        command_ahead: Callable[[], bool],
    ) -> None:
        super().__init__(turn_analyzer=turn_analyzer)
        self._is_command = is_command
        self._command_ahead = command_ahead

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
