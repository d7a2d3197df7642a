"""One session's pipeline, from microphone to loudspeaker.

transport.input ─► EngineSTT ─► user context (VAD, end of turn) ─► Intents ─► ChatService
    ─► AnswerText ─► EngineTTS ─► transport.output ─► assistant context (what was heard)
"""

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADParams
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
from appliance.config.schema import TurnConfig
from appliance.conversation import EventKind
from appliance.engines import Ticket
from appliance.errors import EngineError
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.recorder import Recorder
from appliance.voice.routing import Unanswered
from appliance.voice.rtvi import RTVIOutbox
from appliance.voice.services.answer_stream import AnswerText, HeldOpening
from appliance.voice.services.function_calling import offer
from appliance.voice.services.intent_router import IntentRouter
from appliance.voice.services.llm import ChatService
from appliance.voice.services.stt import NOT_HEARD, EngineSTT, Judge
from appliance.voice.services.tts import EngineTTS
from appliance.voice.transport.input import INPUT_BURST_SECONDS
from appliance.voice.transport.websocket import SocketTransport
from appliance.voice.turns.barge_in import BargeIn, BargeInTurnStart
from appliance.voice.turns.endpointing import SpeculativeTurnStop
from appliance.voice.turns.user_aggregator import UserAggregator
from appliance.voice.turns.vad import PauseTracker

# A turn ends when it is known what was said, or that nothing was; in a crowd that may take an
# engine seconds. Only after this has it been lost.
LOST_SECONDS = 20.0


def build(shared: SharedParts, one: SessionParts) -> PipelineWorker:
    """The worker that runs one session. Takes about a millisecond; models are not loaded here."""
    config = shared.config
    stt = EngineSTT(shared.engines.stt, one.recorder, one.language, config.turn, shared.latency)
    stt.failed = lambda audio: one.reroute(Unanswered(audio=audio))
    tts = EngineTTS(shared.engines.tts, one.voice, shared.latency, shared.apology)
    # What is said unasked is not worth another route.
    tts.failed = lambda: one.recorder.answer_awaited and one.reroute(Unanswered())
    opening = HeldOpening(tts.prepare, tts.discard, tts.is_quick)
    barge_in = _barge_in(shared, one)
    user = UserAggregator(one.context, params=_user_params(shared, config.turn, stt, barge_in))
    user.speech_began = stt.begin
    assistant = LLMAssistantAggregator(
        one.context, params=_assistant_params(config, has_model=shared.llm is not None)
    )
    write_down(assistant, one.recorder)
    answer_text = AnswerText(one.recorder, opening)
    stages: list[FrameProcessor] = [
        one.transport.input(),
        stt,
        user,
        _intents(shared, one, barge_in),
        *_model(shared, one, opening),
        answer_text,
        tts,
        one.transport.output(),
        assistant,
    ]
    worker = _worker(stages, one.transport, answer_text)
    _take_over(worker, shared, one)

    @worker.event_handler("on_pipeline_started")
    async def started(*_args: object) -> None:
        crowded = shared.turn_models.silero.crowded
        one.transport.input().deliver_to(stt.hear, user.hear, crowded=crowded)

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
        rtvi_processor=RTVIOutbox(transport.send_queue.put_message),
        # What AnswerText passes on, the model before it has been reported for already.
        rtvi_observer_params=RTVIObserverParams(
            user_llm_enabled=False, ignored_sources=[answer_text]
        ),
        cancel_timeout_secs=5.0,
    )


def _take_over(worker: PipelineWorker, shared: SharedParts, one: SessionParts) -> None:
    """Has what the other route left to say and to answer said and answered first."""

    @worker.event_handler("on_pipeline_started")
    async def begin(*_args: object) -> None:
        if one.notice:
            await worker.queue_frame(TTSSpeakFrame(one.notice, append_to_context=False))
        if one.unanswered is None:
            return
        # What is known in words is in the context already.
        if one.unanswered.audio and not await _understand(shared, one, one.unanswered.audio):
            await worker.queue_frame(TTSSpeakFrame(NOT_HEARD, append_to_context=False))
        else:
            one.recorder.taken_over()
            await worker.queue_frame(LLMRunFrame())


async def _understand(shared: SharedParts, one: SessionParts, audio: bytes) -> bool:
    """Whether the question had words; they are in the context then."""
    try:
        heard = await shared.engines.stt.current.transcribe(audio, one.language(), Ticket())
    except EngineError as error:
        one.recorder.emit(EventKind.ERROR, code=error.code, message=error.message)
        return False
    if heard.text:
        one.context.add_message({"role": "user", "content": heard.text})
    return bool(heard.text)


def write_down(assistant: LLMAssistantAggregator, recorder: Recorder) -> None:
    """Has the recorder told what was heard of each answer, and of summaries."""

    @assistant.event_handler("on_assistant_turn_stopped")
    async def heard(_aggregator: object, message: AssistantTurnStoppedMessage) -> None:
        recorder.answered(message.content, interrupted=message.interrupted)

    @assistant.event_handler("on_summary_applied")
    async def summarised(_a: object, _summarizer: object, event: SummaryAppliedEvent) -> None:
        recorder.emit(EventKind.SUMMARY, messages=event.summarized_message_count)


def _barge_in(shared: SharedParts, one: SessionParts) -> BargeIn:
    recorder = one.recorder
    return BargeIn(
        one.transport.output(),
        answer=lambda: recorder.saying,
        language=lambda: one.voice().language,
        can_answer=lambda text: shared.llm is not None or shared.is_command(text),
        dismissed=recorder.dismissed,
    )


def _intents(shared: SharedParts, one: SessionParts, barge_in: BargeIn) -> IntentRouter:
    return IntentRouter(
        one.call_tool,
        one.recorder,
        one.context,
        has_model=shared.llm is not None,
        context_tokens=shared.config.llm.context_tokens,
        speaking=one.on_speaking,
        thinking=barge_in.expect,
        failed=lambda question: one.reroute(Unanswered(question)),
    )


def vad_params(turn: TurnConfig) -> VADParams:
    """When speech begins and ends, as configured."""
    return VADParams(
        confidence=turn.confidence,
        start_secs=turn.start_seconds,
        stop_secs=turn.stop_seconds,
        min_volume=turn.min_volume,
    )


def _user_params(
    shared: SharedParts, turn: TurnConfig, stt: EngineSTT, barge_in: BargeIn
) -> LLMUserAggregatorParams:
    end_of_turn = shared.turn_models.end_of_turn(SmartTurnParams(stop_secs=turn.incomplete_seconds))
    models = shared.llm
    end = SpeculativeTurnStop(
        end_of_turn,
        shared.is_command,
        lambda: shared.is_command(stt.heard_ahead),
        speculate=turn.speculate and models is not None,
        # What is asked for nothing costs money elsewhere, and tells half a sentence to others;
        # who is asked changes while people talk.
        optimistic=lambda: models is not None and not models.current.left_the_box,
    )

    def pause_lasts(milliseconds: float) -> None:
        stt.pause(milliseconds)
        end.look_ahead(milliseconds)

    def pause_over() -> None:
        stt.resume()
        end.look_away()

    async def dismisses(text: str) -> bool:
        dismissed = barge_in.dismisses(text)
        if dismissed:
            await end.forget()
        return dismissed

    stt.judge = Judge(dismisses, end.nothing_heard)
    return LLMUserAggregatorParams(
        vad_analyzer=shared.turn_models.vad(
            vad_params(turn), PauseTracker(pause_lasts, pause_over)
        ),
        user_turn_strategies=UserTurnStrategies(start=[BargeInTurnStart(barge_in)], stop=[end]),
        user_turn_stop_timeout=LOST_SECONDS,
        # A network that stands still for a moment ends no sentence; what it held back follows.
        audio_idle_timeout=INPUT_BURST_SECONDS,
        # A cough is not a question.
        empty_user_turn=None,
    )


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


def _model(shared: SharedParts, one: SessionParts, opening: HeldOpening) -> list[FrameProcessor]:
    """The language model's stage, with every tool as a function; none without an endpoint."""
    if shared.llm is None:
        return []
    llm = shared.config.llm
    prompt = one.system_prompt or llm.system_prompt
    service = ChatService(shared.llm, llm, prompt, opening, one.recorder)

    offer(service, one.context, shared.registry, one.call_tool)
    return [service]
