"""One session's pipeline, from microphone to loudspeaker.

transport.input ─► EngineSTT ─► user context (VAD, end of turn) ─► Intents ─► ChatService
    ─► AnswerText ─► EngineTTS ─► transport.output ─► assistant context (what was heard)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_context_summarizer import SummaryAppliedEvent
from pipecat.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMAssistantAggregator,
    LLMAssistantAggregatorParams,
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIObserverParams
from pipecat.services.llm_service import FunctionCallParams
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.context.llm_context_summarization import LLMAutoContextSummarizationConfig

from appliance.config import Config, Turn
from appliance.conversation import EventKind
from appliance.engines import Voice
from appliance.tools.registry import Registry
from appliance.voice.context import Messages
from appliance.voice.endpointing import TurnEnd
from appliance.voice.hearing import Hearing, Pauses
from appliance.voice.intents import AnswerText, Intents, ToolCaller
from appliance.voice.llm import ChatService, Endpoint
from appliance.voice.recorder import Recorder
from appliance.voice.services import Engines, EngineSTT, EngineTTS
from appliance.voice.transport import SocketTransport

# After an unfinished sentence has been waited for, a turn without words ends this much later.
NO_WORDS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions use together. Nothing in it belongs to one of them."""

    config: Config
    hearing: Hearing
    engines: Engines
    registry: Registry
    endpoint: Endpoint | None


@dataclass(frozen=True, slots=True)
class Individual:
    """What belongs to one session."""

    transport: SocketTransport
    recorder: Recorder
    call: ToolCaller
    voice: Callable[[], Voice]
    language: str
    system_prompt: str
    history: Messages
    speaking: Callable[[bool], None]


def build(shared: Shared, one: Individual) -> PipelineWorker:
    """The worker that runs one session. Takes about a millisecond; models are not loaded here."""
    config = shared.config
    messages: Any = one.history  # plain role and content, which Pipecat types more closely
    context = LLMContext(messages=messages)
    stt = EngineSTT(shared.engines, one.recorder, one.language, config.turn)
    pair = LLMContextAggregatorPair(
        context,
        user_params=_user_params(shared, config.turn, stt),
        assistant_params=_assistant_params(config, has_model=shared.endpoint is not None),
    )
    _write_down(pair.assistant(), one.recorder)
    answer_text = AnswerText(one.recorder)
    stages: list[FrameProcessor] = [
        one.transport.input(),
        stt,
        pair.user(),
        _intents(shared, one, context),
        *_model(shared, one, context),
        answer_text,
        EngineTTS(shared.engines, one.voice),
        one.transport.output(),
        pair.assistant(),
    ]
    return PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(enable_metrics=True),
        enable_turn_tracking=False,
        # Pipecat's idle timeout cancels every session of the runner; ours ends one.
        idle_timeout_secs=None,
        # What AnswerText passes on, the model before it has been reported for already.
        rtvi_observer_params=RTVIObserverParams(
            user_llm_enabled=False, ignored_sources=[answer_text]
        ),
        cancel_timeout_secs=5.0,
    )


def _write_down(assistant: LLMAssistantAggregator, recorder: Recorder) -> None:
    """Has the recorder told what was heard of each answer, and of summaries."""

    @assistant.event_handler("on_assistant_turn_stopped")
    async def heard(_aggregator: object, message: AssistantTurnStoppedMessage) -> None:
        recorder.answered(message.content, interrupted=message.interrupted)

    @assistant.event_handler("on_summary_applied")
    async def summarised(_a: object, _summarizer: object, event: SummaryAppliedEvent) -> None:
        recorder.emit(EventKind.SUMMARY, messages=event.summarized_message_count)


def _intents(shared: Shared, one: Individual, context: LLMContext) -> Intents:
    return Intents(
        shared.registry,
        one.call,
        one.recorder,
        context,
        has_model=shared.endpoint is not None,
        context_tokens=shared.config.llm.context_tokens,
        speaking=one.speaking,
    )


def _user_params(shared: Shared, turn: Turn, stt: EngineSTT) -> LLMUserAggregatorParams:
    vad = VADParams(
        confidence=turn.confidence,
        start_secs=turn.start_seconds,
        stop_secs=turn.stop_seconds,
        min_volume=turn.min_volume,
    )

    def is_command(text: str) -> bool:
        return bool(text) and shared.registry.match(text) is not None

    def pause() -> None:
        stt.pause()
        end.look_ahead()

    end_of_turn = shared.hearing.end_of_turn(SmartTurnParams(stop_secs=turn.incomplete_seconds))
    speculate = turn.speculate and shared.endpoint is not None
    end = TurnEnd(end_of_turn, is_command, lambda: is_command(stt.heard_ahead), speculate=speculate)
    return LLMUserAggregatorParams(
        vad_analyzer=shared.hearing.vad(vad, Pauses(pause, stt.resume)),
        user_turn_strategies=UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[end]),
        user_turn_stop_timeout=turn.incomplete_seconds + NO_WORDS_SECONDS,
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


def _model(shared: Shared, one: Individual, context: LLMContext) -> list[FrameProcessor]:
    """The language model's stage, with every tool as a function; none without an endpoint."""
    if shared.endpoint is None:
        return []
    service = ChatService(shared.endpoint, shared.config.llm, one.system_prompt)

    async def run_tool(params: FunctionCallParams) -> None:
        answer = await one.call(params.function_name, params.arguments, "model")
        result: dict[str, Any] = {"spoken": answer.spoken, **answer.data}
        await params.result_callback(result)

    functions: list[FunctionSchema] = []
    for schema in shared.registry.schemas():
        function = schema["function"]
        parameters = function["parameters"]
        functions.append(
            FunctionSchema(
                name=function["name"],
                description=function["description"],
                properties=parameters.get("properties", {}),
                required=parameters.get("required", []),
            )
        )
        service.register_function(function["name"], run_tool)
    context.set_tools(ToolsSchema(standard_tools=[*functions]))
    return [service]
