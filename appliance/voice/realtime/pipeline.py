"""One session's pipeline on the Realtime route, with the same transport, tools and recorder.

transport.input ─► user context (turns) ─► RealtimeNotes ─► RealtimeService ─► Announcer
    ─► transport.output ─► assistant context (what was heard)
"""

from collections.abc import Callable
from typing import Any

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
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
    LLMContextAggregatorPair,
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
from appliance.tools.registry import Match
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.pipeline import record_answers
from appliance.voice.realtime.confirming import Confirming
from appliance.voice.realtime.service import RealtimeService
from appliance.voice.recorder import Recorder
from appliance.voice.routing import Unanswered
from appliance.voice.rtvi import RTVIOutbox
from appliance.voice.services.function_calling import offer_tools
from appliance.voice.transport.input import INPUT_BURST_SECONDS
from appliance.voice.turns.vad import vad_params


def build_realtime(shared: SharedParts, one: SessionParts) -> PipelineWorker:
    """The worker that runs one session on the Realtime route; it connects when it starts."""
    assert shared.realtime is not None
    context = one.context

    def failed(unanswered: Unanswered | None) -> bool:
        owed = Unanswered() if one.recorder.answer_awaited else None
        return one.reroute(unanswered or owed)

    service = RealtimeService(shared.realtime, context, one.system_prompt, failed)
    service.told = one.notice
    if one.unanswered is not None:
        service.unanswered = one.unanswered
        if one.unanswered.audio:
            one.recorder.transcribed()
            one.recorder.turn_begun()
        one.recorder.model_asked(left_the_box=shared.realtime.left_the_box)
    confirming = Confirming(one.call_tool)
    offer_tools(service, context, shared.registry, confirming, realtime=True)
    pair = LLMContextAggregatorPair(context, user_params=_user_params(shared))
    _only_write_down(pair.user())

    @pair.user().event_handler("on_user_turn_message_added")
    async def understood(_aggregator: object, message: UserTurnMessageAddedMessage) -> None:
        one.recorder.understood(message.content)

    record_answers(pair.assistant(), one.recorder)
    leaves = shared.realtime.left_the_box
    stages: list[FrameProcessor] = [
        one.transport.input(),
        pair.user(),
        RealtimeRecorder(one.recorder, one.on_speaking, left_the_box=leaves),
        ConfirmationProcessor(confirming, service),
        service,
        RealtimeTTS(shared.engines.tts, one.voice, one.recorder),
        one.transport.output(),
        pair.assistant(),
    ]
    return PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(enable_metrics=True),
        enable_turn_tracking=False,
        idle_timeout_secs=None,
        rtvi_processor=RTVIOutbox(one.transport.send_queue.put_message),
        cancel_timeout_secs=5.0,
    )


def _only_write_down(user: LLMUserAggregator) -> None:
    """What was spoken is asked already: its words come later, while the answer is being spoken.

    Pipecat hands on the context with them, as it does for typed text, and that would be asked.
    """

    async def write_down() -> str:
        return await user._push_aggregation(run_llm=False)

    user.push_aggregation = write_down  # type: ignore[method-assign]  # the pair makes its own


def _user_params(shared: SharedParts) -> LLMUserAggregatorParams:
    """Nothing where the server ends the turns; else our own ears and smart-turn."""
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


class RealtimeRecorder(FrameProcessor):
    """Stands before the service and has written down what goes to it, and that it goes out."""

    def __init__(
        self, recorder: Recorder, speaking: Callable[[bool], None], *, left_the_box: bool
    ) -> None:
        super().__init__()
        self._recorder = recorder
        self._speaking = speaking
        self._left_the_box = left_the_box

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction == FrameDirection.UPSTREAM:
            self._observe(frame)
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._recorder.speech_heard()
        elif isinstance(frame, UserStoppedSpeakingFrame):
            # The server tells no sooner when it was that the words ended.
            self._recorder.speech_ended(0.0)
            self._recorder.transcribed()
            self._begin()
        elif isinstance(frame, LLMContextFrame) and (typed := _typed(frame)):
            self._begin()
            self._recorder.understood(typed, "text")
        await self.push_frame(frame, direction)

    def _begin(self) -> None:
        self._recorder.turn_begun()
        self._recorder.model_asked(left_the_box=self._left_the_box)

    def _observe(self, frame: Frame) -> None:
        if isinstance(frame, BotStartedSpeakingFrame):
            self._speaking(True)
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._speaking(False)
        elif isinstance(frame, ErrorFrame):
            self._recorder.emit(EventKind.ERROR, code="pipeline", message=frame.error)


class ConfirmationProcessor(FrameProcessor):
    """Stands before the service and carries out what the user says yes to."""

    def __init__(self, confirming: Confirming, service: RealtimeService) -> None:
        super().__init__()
        self._confirming = confirming
        self._service = service

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, UserStartedSpeakingFrame) and direction == FrameDirection.DOWNSTREAM:
            self._confirming.turn_begins()
        elif isinstance(frame, TranscriptionFrame):
            await self._answered(frame.text)
        elif isinstance(frame, LLMContextFrame) and (typed := _typed(frame)):
            self._confirming.turn_begins()
            if await self._answered(typed):
                return
        await self.push_frame(frame, direction)

    async def _answered(self, text: str) -> bool:
        match = self._confirming.heard(text)
        if match is None:
            return False
        await self._service.hold()
        # Apart, because it may take minutes, and the conversation goes on.
        self.create_task(self._carry_out(match), "carry out")
        return True

    async def _carry_out(self, match: Match) -> None:
        await self._service.tell(
            await self._confirming(match.tool.name, match.arguments, "sentence")
        )


class RealtimeTTS(FrameProcessor):
    """Stands behind the service and speaks, with our own voice, what the service does not say."""

    def __init__(
        self, engines: EngineProvider[Synthesizer], voice: Callable[[], Voice], recorder: Recorder
    ) -> None:
        super().__init__()
        self._engines = engines
        self._voice = voice
        self._recorder = recorder

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSSpeakFrame):
            await self._speak(frame)
            return
        # Microphone audio ends here, and what the service heard is of no use to the output.
        if isinstance(frame, InputAudioRawFrame | TranscriptionFrame):
            if direction == FrameDirection.DOWNSTREAM:
                return
        elif isinstance(frame, LLMTextFrame):
            self._recorder.token()
        await self.push_frame(frame, direction)

    async def _speak(self, frame: TTSSpeakFrame) -> None:
        try:
            pcm = await self._spoken(frame.text)
        except EngineError as error:
            await self.push_error(f"{error.message} {error.advice}")
            return
        kept = frame.append_to_context is not False
        await self.push_frame(TTSStartedFrame())
        await self.push_frame(TTSAudioRawFrame(pcm, OUTPUT_RATE, 1))
        text = TTSTextFrame(frame.text, text_type=TextType.SENTENCE)
        text.append_to_context = kept
        await self.push_frame(text)
        await self.push_frame(TTSStoppedFrame())

    async def _spoken(self, text: str) -> bytes:
        """The text as PCM, by the current engine, or by the next one where that fails."""

        async def synthesize(engine: Synthesizer) -> bytes:
            return b"".join([pcm async for pcm in engine.synthesize(text, self._voice())])

        return await with_failover(self._engines, synthesize)


def _typed(frame: LLMContextFrame) -> str:
    """What the user typed, where that is what the context brings."""
    messages: Any = frame.context.get_messages()
    last = messages[-1] if messages else {}
    return str(last["content"]) if last.get("role") == "user" else ""
