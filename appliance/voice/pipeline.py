"""The pipeline of one session on the local route, from microphone to loudspeaker.

transport.input ─► EngineSTT ─► user context (VAD, end of turn) ─► IntentRouter ─► ChatService
    ─► AnswerText ─► EngineTTS ─► transport.output ─► assistant context (what was heard)
"""

from functools import partial

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import LLMRunFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context_summarizer import SummaryAppliedEvent
from pipecat.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMAssistantAggregator,
    LLMAssistantAggregatorParams,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIObserverParams
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.context.llm_context_summarization import LLMAutoContextSummarizationConfig

from appliance.config.loader import Config
from appliance.conversation import MODEL_LOADING, NO_MODEL, EventKind
from appliance.engines import Ticket
from appliance.errors import EngineError
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.recorder import Recorder
from appliance.voice.routing import Unanswered
from appliance.voice.services.answer_stream import AnswerText, HeldOpening
from appliance.voice.services.function_calling import offer_tools
from appliance.voice.services.intent_router import IntentRouter
from appliance.voice.services.llm import ChatService
from appliance.voice.services.prefill import prefill_between_turns
from appliance.voice.services.stt import EngineSTT
from appliance.voice.services.tts import EngineTTS
from appliance.voice.transport.bot_transcription import BotTranscription
from appliance.voice.transport.input import INPUT_BURST_SECONDS
from appliance.voice.transport.websocket import RTVIOutbox, SocketTransport
from appliance.voice.turns.barge_in import BargeIn, BargeInTurnStart
from appliance.voice.turns.coordinator import TurnCoordinator
from appliance.voice.turns.end_of_turn import TurnLimits
from appliance.voice.turns.endpointing import SpeculativeTurnStop
from appliance.voice.turns.interruptions import AssistantAggregator, PendingInterruptions
from appliance.voice.turns.user_aggregator import UserAggregator
from appliance.voice.turns.vad import vad_params

# A turn ends when it is known what was said, or that nothing was; under load an engine may take
# seconds for that. Only after this is the turn given up.
LOST_SECONDS = 20.0


def build(shared: SharedParts, session: SessionParts) -> PipelineWorker:
    """The worker that runs one session. Takes about a millisecond; models are not loaded here."""
    session.wishes.listen(None)  # the services here ask for every sentence
    barge_in = _barge_in(shared, session)
    turn = TurnCoordinator(barge_in.dismisses)
    turn.add_listener(session.recorder.tracer)
    # STT before the end of turn: events of the turn reach them in this order.
    stt = _stt(shared, session, turn)
    interruptions = PendingInterruptions()
    user = _user_aggregator(shared, session, turn, barge_in, interruptions)
    tts = _tts(shared, session)
    opening = HeldOpening(tts.prepare, tts.discard, tts.speech_cost)
    assistant = AssistantAggregator(
        session.context,
        interruptions,
        params=_assistant_params(shared.config, has_model=shared.llm is not None),
    )
    record_answers(assistant, session.recorder)
    answer_text = AnswerText(session.recorder, opening, session.call_tool.translated)
    model = _language_model(shared, session, opening)
    stages: list[FrameProcessor] = [
        session.transport.input(),
        stt,
        user,
        _intent_router(shared, session, barge_in, opening),
        *model,
        answer_text,
        tts,
        session.transport.output(),
        assistant,
    ]
    microphone = session.transport.input()
    microphone.deliver_to(stt.hear, user.hear, crowded=shared.turn_models.silero.is_crowded)
    worker = _worker(stages, session.transport, answer_text)
    for service in model:
        prefill_between_turns(worker, assistant, service, session.context)
    _take_over(worker, shared, session)

    @worker.event_handler("on_pipeline_started")
    async def started(*_args: object) -> None:
        microphone.begin_delivery()

    return worker


def _worker(
    stages: list[FrameProcessor], transport: SocketTransport, answer_text: AnswerText
) -> PipelineWorker:
    return PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(enable_metrics=True),
        enable_turn_tracking=False,
        # Pipecat's idle timeout cancels every session of the runner; ours ends one.
        idle_timeout_secs=None,
        rtvi_processor=RTVIOutbox(
            BotTranscription(transport.send_queue.put_message).put, transport.texts
        ),
        # The text that AnswerText passes on has been reported as the model's already.
        rtvi_observer_params=RTVIObserverParams(
            user_llm_enabled=False, ignored_sources=[answer_text]
        ),
        cancel_timeout_secs=5.0,
    )


def _take_over(worker: PipelineWorker, shared: SharedParts, session: SessionParts) -> None:
    """Begins with what the route before left to say and to answer."""

    @worker.event_handler("on_pipeline_started")
    async def begin(*_args: object) -> None:
        if session.notice:
            await worker.queue_frame(TTSSpeakFrame(session.notice, append_to_context=False))
        if session.unanswered is None:
            return
        # A question that is known in words is in the context already.
        audio = session.unanswered.audio
        if audio and not await _transcribe_question(shared, session, audio):
            await worker.queue_frame(
                TTSSpeakFrame(session.call_tool.phrase("not_heard"), append_to_context=False)
            )
        else:
            session.recorder.turn_taken_over()
            await worker.queue_frame(LLMRunFrame())


async def _transcribe_question(shared: SharedParts, session: SessionParts, audio: bytes) -> bool:
    """Adds the words of a question to the context; False where it has none."""
    try:
        heard = await shared.engines.stt.current.transcribe(audio, session.language(), Ticket())
    except EngineError as error:
        session.recorder.emit(EventKind.ERROR, code=error.code, message=error.message)
        return False
    if heard.text:
        session.context.add_message({"role": "user", "content": heard.text})
    return bool(heard.text)


def record_answers(assistant: LLMAssistantAggregator, recorder: Recorder) -> None:
    """Records what the user heard of each answer, and summaries of the context."""

    @assistant.event_handler("on_assistant_turn_stopped")
    async def heard(_aggregator: object, message: AssistantTurnStoppedMessage) -> None:
        recorder.answer_heard(message.content, interrupted=message.interrupted)

    @assistant.event_handler("on_summary_applied")
    async def summarised(_a: object, _summarizer: object, event: SummaryAppliedEvent) -> None:
        recorder.emit(EventKind.SUMMARY, messages=event.summarized_message_count)


def _barge_in(shared: SharedParts, session: SessionParts) -> BargeIn:
    recorder = session.recorder
    return BargeIn(
        session.transport.output(),
        answer=lambda: recorder.answer_text,
        language=lambda: session.voice().language,
        can_answer=lambda text: (
            shared.llm is not None or shared.is_command(text, session.voice().language)
        ),
        on_dismissed=recorder.speech_dismissed,
    )


def _stt(shared: SharedParts, session: SessionParts, turn: TurnCoordinator) -> EngineSTT:
    return EngineSTT(
        shared.engines.stt,
        session.recorder,
        session.language,
        shared.config.turn,
        shared.latency,
        turn,
        reroute=lambda audio: session.reroute(Unanswered(audio=audio)),
        not_heard=lambda: session.call_tool.phrase("not_heard"),
    )


def _tts(shared: SharedParts, session: SessionParts) -> EngineTTS:
    return EngineTTS(
        shared.engines.tts,
        session.voice,
        shared.latency,
        shared.apology,
        # An announcement, which nobody waits for, is not worth another route.
        reroute=lambda: session.recorder.answer_awaited and session.reroute(Unanswered()),
        tracer=session.recorder.tracer,
    )


def _user_aggregator(
    shared: SharedParts,
    session: SessionParts,
    turn: TurnCoordinator,
    barge_in: BargeIn,
    interruptions: PendingInterruptions,
) -> UserAggregator:
    config = shared.config.turn
    params = LLMUserAggregatorParams(
        vad_analyzer=shared.turn_models.vad(vad_params(config), turn),
        user_turn_strategies=UserTurnStrategies(
            start=[BargeInTurnStart(barge_in)], stop=[_turn_stop(shared, session, turn)]
        ),
        user_turn_stop_timeout=LOST_SECONDS,
        # A network that stalls for a moment ends no sentence: the audio held up follows.
        audio_idle_timeout=INPUT_BURST_SECONDS,
        # A cough is not a question.
        empty_user_turn=None,
    )
    return UserAggregator(
        session.context,
        speech_began=turn.speech_began,
        params=params,
        interruptions=interruptions,
    )


def _turn_stop(
    shared: SharedParts, session: SessionParts, turn: TurnCoordinator
) -> SpeculativeTurnStop:
    config, llm = shared.config.turn, shared.llm
    return SpeculativeTurnStop(
        turn,
        shared.turn_models.turn_analyzer(
            SmartTurnParams(stop_secs=config.incomplete_seconds), turn
        ),
        lambda text: shared.is_command(text, session.voice().language),
        limits=TurnLimits(config.stop_seconds, config.incomplete_seconds),
        language=session.language,
        runs_ahead=lambda text: (
            config.speculate and shared.runs_ahead(text, session.voice().language)
        ),
        speculate=config.speculate and llm is not None,
        # A needless question to an endpoint outside costs money and gives half a sentence away.
        # Which endpoint answers may change at any time.
        may_guess=lambda: llm is not None and not llm.current.left_the_box,
    )


def _intent_router(
    shared: SharedParts, session: SessionParts, barge_in: BargeIn, opening: HeldOpening
) -> IntentRouter:
    return IntentRouter(
        session.call_tool,
        session.recorder,
        session.context,
        opening,
        has_model=shared.llm is not None,
        context_tokens=partial(_context_tokens, shared),
        on_speaking=session.on_speaking,
        on_thinking=barge_in.expect_answer,
        reroute=lambda question: session.reroute(Unanswered(question)),
        no_model_because=partial(_no_model_because, shared),
    )


def _no_model_because(shared: SharedParts) -> str:
    """What is said of a model that loads or has given way; empty for one that should answer."""
    if shared.llm is None or shared.llm.is_off:
        return NO_MODEL
    return MODEL_LOADING if shared.llm.is_starting else ""


def _context_tokens(shared: SharedParts) -> int:
    """The budget of a conversation: the configured one, and what the model asked next can take."""
    configured = shared.config.llm.context_tokens
    return min(configured, shared.llm.history_tokens) if shared.llm else configured


def _language_model(
    shared: SharedParts, session: SessionParts, opening: HeldOpening
) -> list[ChatService]:
    """The language model with every tool as a function; nothing without an endpoint."""
    if shared.llm is None:
        return []
    config = shared.config.llm
    prompt = session.system_prompt or config.system_prompt
    call_tool = session.call_tool
    service = ChatService(
        *(shared.llm, config, prompt, opening, session.recorder),
        session_id=call_tool.context.session_id,
        translated=call_tool.translated,
    )
    offer_tools(*(service, session.context, shared.registry, call_tool), fault_of=service.fault_of)
    return [service]


def _assistant_params(config: Config, *, has_model: bool) -> LLMAssistantAggregatorParams:
    if not has_model:
        return LLMAssistantAggregatorParams()
    return LLMAssistantAggregatorParams(
        enable_auto_context_summarization=True,
        auto_context_summarization_config=LLMAutoContextSummarizationConfig(
            # Before our own hard trim would have to cut something off.
            max_context_tokens=int(config.llm.context_tokens * 0.8),
            max_unsummarized_messages=None,
        ),
    )
