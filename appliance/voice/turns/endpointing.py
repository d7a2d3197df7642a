"""Decides when a user's turn is over, and what may be answered before that is certain.

The events of a turn and their order are described in `coordinator`. A spoken command runs ahead
only where its tool changes nothing; any other waits for the end of the turn, and the answer of a
model that asks for a tool is withdrawn by Pipecat itself.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

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
from pipecat.turns.user_stop import BaseUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy

from appliance.observability.turn_trace import SpeculationOutcome
from appliance.text.endings import Ending, ending
from appliance.voice.turns.coordinator import TurnCoordinator, TurnListener
from appliance.voice.turns.end_of_turn import TurnEvidence, TurnLimits, pause_seconds
from appliance.voice.turns.smart_turn import AGAIN_AFTER_MS, AHEAD_AFTER_MS, SmartTurnAnalyzer

# Of a speaker who pauses within sentences, so many pauses of a turn are answered before
# smart-turn has judged them; after that its verdict is worth waiting for.
MOST_GUESSES = 3


class Speculation:
    """The answer that a language model or a tool begins before the end of a turn is certain.

    `may_guess` tells whether pauses may be answered that smart-turn has not judged yet, which asks
    the model about three times as often; it is asked anew for each pause. `turn` is told when an
    answer is begun, and what becomes of it.
    """

    def __init__(
        self,
        strategy: BaseUserTurnStopStrategy,
        turn: TurnCoordinator,
        may_guess: Callable[[], bool],
    ) -> None:
        self._strategy = strategy
        self._turn = turn
        self._may_guess = may_guess
        self._current: UserTurnSpeculation | None = None
        self._guesses = 0

    def turn_started(self) -> None:
        self._guesses = 0

    def is_worthwhile(self, likely: bool | None, words: Ending) -> bool:
        """True where a pause should be answered; `likely` is smart-turn's verdict, None so far.

        Judging may take as long as transcribing did, and waiting for it makes the answer later by
        that much; a question to a local model that turns out to be needless costs less. So does
        one about words that end the turn soon, however they sounded.
        """
        if words in (Ending.UNFINISHED, Ending.DICTATED):
            return False
        if likely is None or (not likely and words in (Ending.FINISHED, Ending.DOUBTFUL)):
            return self._may_guess() and self._guesses < MOST_GUESSES
        return likely

    async def begin(self, text: str, *, guessed: bool) -> None:
        """Has `text` answered, in place of what was being answered before, unless that is it."""
        if self._current is not None and self._current.text == text:
            return
        self._guesses += guessed
        await self.withdraw(SpeculationOutcome.WORDS_CHANGED)
        self._current = UserTurnSpeculation(text=text)
        self._turn.speculation_began(guessed=guessed)
        await self._strategy.trigger_user_turn_inference_triggered(speculation=self._current)

    async def withdraw(self, outcome: SpeculationOutcome) -> None:
        """Withdraws the answer that is held, if there is one; `outcome` says why."""
        if self._current is not None:
            self._current = None
            self._turn.speculation_ended(outcome)
            await self._strategy.trigger_user_turn_speculation_cancelled()

    def was_withdrawn(self) -> None:
        """The answer that is held has been withdrawn by STT: speech goes on."""
        if self._current is not None:
            self._current = None
            self._turn.speculation_ended(SpeculationOutcome.SPEECH_RESUMED)

    async def confirm(self, text: str) -> bool:
        """True where the held answer is one to `text`, and to be released; else withdraws it."""
        current, self._current = self._current, None
        if current is None:
            return False
        if current.text == text:
            self._turn.speculation_ended(SpeculationOutcome.USED)
            return True
        self._turn.speculation_ended(SpeculationOutcome.WORDS_CHANGED)
        await self._strategy.trigger_user_turn_speculation_cancelled()
        return False


class SpeculativeTurnStop(TurnAnalyzerUserTurnStopStrategy, TurnListener):
    """Ends turns by the silence that `end_of_turn` asks for, given the voice and the words.

    A transcript that is a spoken sentence of a tool, word for word (`is_command`), needs no verdict
    on the voice. `language` gives that of the words. With `speculate`, the model answers pauses
    ahead; `may_guess` is that of `Speculation`. `runs_ahead` tells whether a text is a command that
    may run ahead.
    """

    def __init__(
        self,
        turn: TurnCoordinator,
        analyzer: SmartTurnAnalyzer,
        is_command: Callable[[str], bool],
        *,
        limits: TurnLimits,
        language: Callable[[], str],
        runs_ahead: Callable[[str], bool],
        speculate: bool,
        may_guess: Callable[[], bool],
    ) -> None:
        super().__init__(turn_analyzer=analyzer)
        self._limits = limits
        self._language = language
        self._turn = turn
        self._analyzer = analyzer
        self._is_command = is_command
        self._runs_ahead = runs_ahead
        self._may_speculate = speculate
        self._speculation = Speculation(self, turn, may_guess)
        self._in_turn = False
        # The final transcripts of the turn, and the words before a pause that lasts, until an
        # answer to them is begun.
        self._said: list[str] = []
        self._heard = ""
        # The verdict on the final transcripts, and the silence in seconds since speech ended.
        self._words = TurnEvidence()
        self._silence = 0.0
        self._looks_ahead = 0
        self._awaiting_verdict: asyncio.Task[None] | None = None
        self._looks_left: list[int] = []
        self._looking_again: asyncio.Task[None] | None = None
        turn.add_listener(self)

    def pause_lasted(self, milliseconds: float) -> None:
        """Has smart-turn look ahead, where its verdict could be of use."""
        due = sum(milliseconds >= after for after in AHEAD_AFTER_MS)
        if due <= self._looks_ahead or not self._may_speculate:
            return
        if not self._is_command(self._turn.words_ahead):
            self._looks_ahead = due
            self._analyzer.look_ahead()
            self._speculate_once_judged()

    def speech_resumed(self) -> None:
        """Drops the words and the verdict of the pause."""
        self._heard, self._looks_ahead = "", 0
        self._analyzer.drop_look_ahead()

    async def dismissed(self) -> None:
        """Forgets what was heard."""
        await self.handle_user_turn_stopped()

    async def nothing_heard(self) -> None:
        """Ends a turn in which nothing else was said."""
        if not self._said and not self._vad_user_speaking:
            await self._speculation.withdraw(SpeculationOutcome.NO_WORDS)
            await self.trigger_user_turn_finalized()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Takes the frames of the user aggregator; never keeps other strategies from them."""
        if isinstance(frame, InputAudioRawFrame):  # most of them by far
            await self._handle_input_audio(frame)
            return ProcessFrameResult.CONTINUE
        if isinstance(frame, EagerTranscriptionFrame):
            self._heard = frame.text
            await self._speculate()
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            self._heard = ""
            self._speculation.was_withdrawn()
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self.speech_resumed()
            await self._speculation.withdraw(SpeculationOutcome.SPEECH_RESUMED)
        elif isinstance(frame, TranscriptionFrame):
            self._said.append(frame.text)
        return await super().process_frame(frame)

    async def _speculate(self) -> None:
        """Has the words before the pause answered, unless they sound unfinished."""
        heard, likely = self._heard, self._analyzer.likely
        if not (heard and self._in_turn):
            return
        text = " ".join([*self._said, heard])
        if self._runs_ahead(text):
            self._heard = ""
            await self._speculation.begin(text, guessed=False)
        elif not self._may_speculate or self._is_command(heard):
            return
        elif self._speculation.is_worthwhile(likely, ending(text, self._language())):
            self._heard = ""
            await self._speculation.begin(text, guessed=not likely)
        else:
            self._speculate_once_judged()

    def _speculate_once_judged(self) -> None:
        async def speculate_if_likely() -> None:
            await self._analyzer.wait_look_ahead()
            self._awaiting_verdict = None
            if self._analyzer.likely:
                await self._speculate()

        if self._heard and self._awaiting_verdict is None and self._analyzer.likely is None:
            self._awaiting_verdict = self.task_manager.create_task(
                speculate_if_likely(), f"{self}::speculate"
            )

    async def trigger_user_turn_stopped(
        self, *, enable_user_speaking_frames: bool | None = None
    ) -> None:
        """Ends the turn with the held answer, where that answers the final words."""
        if await self._speculation.confirm(" ".join(self._said)):
            await self.trigger_user_turn_finalized(
                enable_user_speaking_frames=enable_user_speaking_frames, confirms_speculation=True
            )
            return
        await super().trigger_user_turn_stopped(
            enable_user_speaking_frames=enable_user_speaking_frames
        )

    async def handle_user_turn_started(self) -> None:
        """Begins a turn, maybe after its speech is over (see `barge_in`)."""
        self._in_turn = True
        self._speculation.turn_started()
        # What was judged of speech that is over already still holds.
        if self._vad_user_speaking or not self._vad_stopped:
            await super().handle_user_turn_started()

    async def handle_user_turn_stopped(self) -> None:
        """Clears what belongs to the turn."""
        self._in_turn = False
        self._turn.turn_ended()
        await super().handle_user_turn_stopped()

    async def cleanup(self) -> None:
        """Cancels the tasks of this strategy."""
        await self._stop_looking_again()
        if self._awaiting_verdict is not None:
            await self.task_manager.cancel_task(self._awaiting_verdict)
        await super().cleanup()

    async def _reset(self) -> None:
        self._heard = ""
        await self._speculation.withdraw(SpeculationOutcome.TURN_RESET)
        self._said, self._words = [], TurnEvidence()
        await super()._reset()

    async def _discard_pending_end_of_turn(self) -> None:
        await self._stop_looking_again()
        await super()._discard_pending_end_of_turn()

    async def _stop_looking_again(self) -> None:
        looking, self._looking_again, self._looks_left = self._looking_again, None, []
        # The task itself may have ended the turn that is cleaned up here.
        if looking is not None and looking is not asyncio.current_task():
            await self.task_manager.cancel_task(looking)

    async def _handle_input_audio(self, frame: InputAudioRawFrame) -> None:
        await super()._handle_input_audio(frame)
        if self._vad_stopped:
            self._silence += len(frame.audio) / 2 / frame.sample_rate
            await self._maybe_trigger_user_turn_stopped()
        silence = self._analyzer.silence_ms
        is_due = bool(self._looks_left) and silence >= self._looks_left[0]
        if is_due and self._looking_again is None and self._analyzer.may_look_again:
            self._looks_left = [after for after in self._looks_left if after > silence]
            self._looking_again = self.task_manager.create_task(
                self._look_again(), f"{self}::look_again"
            )

    async def _look_again(self) -> None:
        """Judges an unfinished sentence once more, with the silence that has followed it.

        Or waits for the verdict at the end of speech, which is late. Meanwhile the turn ends where
        the silence becomes long enough for that.
        """
        state, prediction = await self._analyzer.late_verdict()
        await self._handle_prediction_result(prediction)
        self._looking_again = None
        if self._analyzer.is_certain:
            self._looks_left = []
        if state is EndOfTurnState.COMPLETE:
            await self._maybe_trigger_user_turn_stopped()

    async def _maybe_trigger_user_turn_stopped(self) -> None:
        """Ends the turn where the silence is long enough for what is known of the pause."""
        if self._vad_stopped and not self._vad_user_speaking:
            known = replace(self._words, probabilities=self._analyzer.probabilities)
            self._turn_complete = self._silence >= pause_seconds(known, self._limits)
        await super()._maybe_trigger_user_turn_stopped()

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._silence = frame.stop_secs
        self._looks_left = list(AGAIN_AFTER_MS)
        if not self._is_command(self._turn.words_ahead):
            await super()._handle_vad_user_stopped_speaking(frame)
            if self._analyzer.is_certain:
                self._looks_left = []
            elif self._analyzer.is_judging:
                self._looking_again = self.task_manager.create_task(
                    self._look_again(), f"{self}::late_verdict"
                )
            return
        # The transcript is on its way here; asking smart-turn would only make it wait.
        self._vad_user_speaking = False
        self._vad_stopped = True

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        words = ending(" ".join(self._said), self._language())
        self._words = TurnEvidence((), words, is_command=self._is_command(frame.text))
        await super()._handle_transcription(frame)
