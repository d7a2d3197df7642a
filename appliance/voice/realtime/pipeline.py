"""One session's pipeline on the Realtime route, with the same transport, tools and recorder.

transport.input ─► user context ─► RealtimeRecorder ─► ConfirmationProcessor ─► RealtimeService
    ─► RealtimeTTS ─► transport.output ─► assistant context (what was heard)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMUserAggregator,
    LLMUserAggregatorParams,
    UserTurnMessageAddedMessage,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.text.base_text_aggregator import TextType

from appliance.audio.format import OUTPUT_RATE
from appliance.conversation import EventKind
from appliance.engines import EngineProvider, Synthesizer, Voice
from appliance.engines.ladder import with_failover
from appliance.errors import EngineError
from appliance.tools import Speech, ToolResult
from appliance.tools.registry import Match
from appliance.voice.frames import PlaybackMarkerFrame, QuestionFrame
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.pipeline import record_answers
from appliance.voice.realtime.route import RealtimeRoute
from appliance.voice.realtime.service import RealtimeService, typed_text
from appliance.voice.recorder import Recorder
from appliance.voice.routing import Unanswered
from appliance.voice.services.function_calling import offer_tools
from appliance.voice.services.tool_caller import ToolCaller
from appliance.voice.transport.bot_transcription import BotTranscription
from appliance.voice.transport.input import INPUT_BURST_SECONDS
from appliance.voice.transport.websocket import RTVIOutbox
from appliance.voice.turns.vad import vad_params

ANSWER_FRAMES = (TTSStartedFrame, TTSAudioRawFrame, TTSTextFrame, TTSStoppedFrame, LLMTextFrame)
"""What the service pushes of an answer."""


def build_realtime(shared: SharedParts, session: SessionParts) -> PipelineWorker:
    """The worker that runs one session on the Realtime route; it connects when it starts."""
    assert shared.realtime is not None
    leaves = shared.realtime.left_the_box
    if session.unanswered is not None:
        if session.unanswered.audio:
            session.recorder.transcribed()
            session.recorder.begin_turn()
        session.recorder.model_asked(left_the_box=leaves)
    call_tool = ConfirmingToolCaller(session.call_tool)
    service = _service(shared.realtime, session)
    offer_tools(service, session.context, shared.registry, call_tool, realtime=True)
    user = TranscriptAggregator(session.context, params=_user_params(shared))
    # As LLMContextAggregatorPair does, which makes a user aggregator of its own.
    assistant = LLMAssistantAggregator(session.context, _paired_user_aggregator=user)

    @user.event_handler("on_user_turn_message_added")
    async def transcribed(_aggregator: object, message: UserTurnMessageAddedMessage) -> None:
        session.recorder.transcript_known(message.content)

    record_answers(assistant, session.recorder)
    stages: list[FrameProcessor] = [
        session.transport.input(),
        user,
        RealtimeRecorder(session.recorder, session.on_speaking, left_the_box=leaves),
        ConfirmationProcessor(call_tool, service),
        service,
        RealtimeTTS(shared.engines.tts, session.voice, session.recorder),
        session.transport.output(),
        assistant,
    ]
    return PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(enable_metrics=True),
        enable_turn_tracking=False,
        # Pipecat's idle timeout would cancel the whole runner.
        idle_timeout_secs=None,
        rtvi_processor=RTVIOutbox(
            BotTranscription(session.transport.send_queue.put_message).put, session.transport.texts
        ),
        cancel_timeout_secs=5.0,
    )


def _service(route: RealtimeRoute, session: SessionParts) -> RealtimeService:
    def give_up(unanswered: Unanswered | None) -> None:
        owed = Unanswered() if session.recorder.answer_awaited else None
        session.reroute(unanswered or owed)

    service = RealtimeService(
        route,
        session.context,
        session.system_prompt,
        give_up,
        notice=session.notice,
        unanswered=session.unanswered,
        speech=session.wishes.speech,
    )

    def adopt(speech: Speech) -> None:
        service.create_task(service.adopt(speech), "speak as wished")

    session.wishes.listen(adopt)
    return service


def _user_params(shared: SharedParts) -> LLMUserAggregatorParams:
    """Our own VAD and smart-turn, unless the server detects the turns."""
    config = shared.config
    if config.realtime.turn_detection != "local":
        return LLMUserAggregatorParams()
    turn = config.turn
    end = shared.turn_models.turn_analyzer(SmartTurnParams(stop_secs=turn.incomplete_seconds))
    return LLMUserAggregatorParams(
        vad_analyzer=shared.turn_models.vad(vad_params(turn)),
        audio_idle_timeout=INPUT_BURST_SECONDS,
        user_turn_strategies=UserTurnStrategies(
            start=[VADUserTurnStartStrategy()],
            stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=end, wait_for_transcript=False)],
        ),
    )


class TranscriptAggregator(LLMUserAggregator):
    """Adds what the user spoke to the context without asking the service to answer it.

    The server heard it and has been asked already by the time its words are known. Pipecat
    pushes the context with them all the same, as it does for typed text.
    """

    async def push_aggregation(self) -> str:
        return await self._push_aggregation(run_llm=False)


class RealtimeRecorder(FrameProcessor):
    """Stands before the service and records what the user says, and that it leaves the box."""

    def __init__(
        self, recorder: Recorder, on_speaking: Callable[[bool], None], *, left_the_box: bool
    ) -> None:
        super().__init__()
        self._recorder = recorder
        self._on_speaking = on_speaking
        self._left_the_box = left_the_box

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction == FrameDirection.UPSTREAM:
            self._record_answer(frame)
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._recorder.speech_heard()
        elif isinstance(frame, UserStoppedSpeakingFrame):
            # The server does not say earlier when the speech ended.
            self._recorder.speech_ended(0.0)
            self._recorder.transcribed()
            self._begin_turn()
        elif isinstance(frame, LLMContextFrame) and (text := typed_text(frame.context)) is not None:
            self._begin_turn()
            self._recorder.transcript_known(text, "text")
        await self.push_frame(frame, direction)

    def _begin_turn(self) -> None:
        self._recorder.begin_turn()
        self._recorder.model_asked(left_the_box=self._left_the_box)

    def _record_answer(self, frame: Frame) -> None:
        if isinstance(frame, BotStartedSpeakingFrame):
            self._on_speaking(True)
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._on_speaking(False)
        elif isinstance(frame, ErrorFrame):
            self._recorder.emit(EventKind.ERROR, code="pipeline", message=frame.error)


@dataclass(slots=True)
class ConfirmingToolCaller:
    """Calls tools, and recognises the user's answer to a question that one of them asked.

    The model hears a yes or no too, but only the user's own counts. The words that brought a
    question about may become known after it was asked, so turns are counted as they begin.
    """

    call_tool: ToolCaller
    _turns: int = 0
    _asked_in_turn: int = 0

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> ToolResult:
        result = await self.call_tool(name, arguments, via)
        if result.question_id:
            self._asked_in_turn = self._turns
        return result

    def question_heard(self, question_id: str) -> None:
        self.call_tool.question_heard(question_id)

    def assistant_spoke(self) -> None:
        self.call_tool.assistant_spoke()

    def turn_begins(self) -> None:
        """The user begins to speak, or has typed something."""
        self._turns += 1
        # Which words it is may become known after the question would have been heard.
        self.call_tool.interrupted()

    def confirmation(self, text: str) -> Match | None:
        """The tool call that the text confirms or declines, if it answers a tool's question."""
        if self._turns <= self._asked_in_turn:
            return None
        self.call_tool.turn_started(text)
        match = self.call_tool.match(text)
        return match if match is not None and match.tool.answers else None


class ConfirmationProcessor(FrameProcessor):
    """Stands before the service and carries out what the user says yes to."""

    def __init__(self, call_tool: ConfirmingToolCaller, service: RealtimeService) -> None:
        super().__init__()
        self._call_tool = call_tool
        self._service = service

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, BotStartedSpeakingFrame) and direction == FrameDirection.UPSTREAM:
            self._call_tool.assistant_spoke()
        elif isinstance(frame, UserStartedSpeakingFrame) and direction == FrameDirection.DOWNSTREAM:
            self._call_tool.turn_begins()
        elif isinstance(frame, TranscriptionFrame):
            await self._confirm(frame.text)
        elif isinstance(frame, LLMContextFrame):
            text = typed_text(frame.context)
            if text is not None:
                self._call_tool.turn_begins()
                if await self._confirm(text):
                    return
        await self.push_frame(frame, direction)

    async def _confirm(self, text: str) -> bool:
        match = self._call_tool.confirmation(text)
        if match is None:
            return False
        await self._service.suppress_answers()
        # A task of its own, because it may take minutes, and the conversation goes on.
        self.create_task(self._carry_out(match), "carry out")
        return True

    async def _carry_out(self, match: Match) -> None:
        result = await self._call_tool(match.tool.name, match.arguments, "sentence")
        await self._service.report_outcome(result)


class RealtimeTTS(FrameProcessor):
    """Stands behind the service and speaks questions, announcements and notices with our own voice.

    A question ends the model's answer: what is on its way of it is not heard.
    """

    def __init__(
        self, engines: EngineProvider[Synthesizer], voice: Callable[[], Voice], recorder: Recorder
    ) -> None:
        super().__init__()
        self._engines = engines
        self._voice = voice
        self._recorder = recorder
        self._answer_ended = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSSpeakFrame):
            await self._speak(frame)
            return
        if isinstance(frame, QuestionFrame):
            self._answer_ended = True
            if await self._speak(TTSSpeakFrame(frame.text)):
                await self.push_frame(PlaybackMarkerFrame(frame.on_heard))
            return
        if isinstance(frame, InterruptionFrame):
            self._answer_ended = False
        elif self._answer_ended and isinstance(frame, ANSWER_FRAMES):
            return
        # No later processor uses the microphone's audio or the service's transcripts.
        if isinstance(frame, InputAudioRawFrame | TranscriptionFrame):
            if direction == FrameDirection.DOWNSTREAM:
                return
        elif isinstance(frame, LLMTextFrame):
            self._recorder.token_received()
        await self.push_frame(frame, direction)

    async def _speak(self, frame: TTSSpeakFrame) -> bool:
        """Speaks a text; False where no engine can."""
        try:
            pcm = await self._synthesize(frame.text)
        except EngineError as error:
            await self.push_error(f"{error.message} {error.advice}")
            return False
        await self.push_frame(TTSStartedFrame())
        await self.push_frame(TTSAudioRawFrame(pcm, OUTPUT_RATE, 1))
        text = TTSTextFrame(frame.text, text_type=TextType.SENTENCE)
        text.append_to_context = frame.append_to_context is not False
        await self.push_frame(text)
        await self.push_frame(TTSStoppedFrame())
        return bool(pcm)

    async def _synthesize(self, text: str) -> bytes:
        """The text as PCM, by the current engine, or by the next one where that fails."""

        async def synthesize(engine: Synthesizer) -> bytes:
            return b"".join([pcm async for pcm in engine.synthesize(text, self._voice())])

        return await with_failover(self._engines, synthesize)
