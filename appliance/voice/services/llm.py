"""The language model as a Pipecat service: one per session, on endpoints that all share."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallFromLLM,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.turns.speculation_gate import SpeculationState

from appliance.config.schema import LLMConfig
from appliance.llm.endpoint import Endpoint
from appliance.llm.failover import FailoverClient
from appliance.llm.turn_budget import TurnBudget
from appliance.voice.recorder import Recorder
from appliance.voice.services.answer_stream import HeldOpening
from appliance.voice.services.answer_writer import AnswerWriter

GONE_OUT = "My own language model does not answer, so I am asking one outside this device."
BACK = "My own language model answers again."
_TOOL_PARAMETERS = ("tools", "tool_choice", "parallel_tool_calls")


class ChatService(OpenAILLMService):
    """Pipecat's chat service on the endpoints that all sessions share.

    An answer that is held is read as far as its first piece, and further once it is given;
    `opening` is fed with it meanwhile. Where a local model is the owner's choice but an endpoint
    outside the device is asked, the user is told before its answer. `session_id` names the session.
    `translated` puts the appliance's own sentences into the user's language.
    """

    def __init__(
        self,
        endpoints: FailoverClient,
        config: LLMConfig,
        system_prompt: str,
        opening: HeldOpening,
        recorder: Recorder,
        session_id: str,
        translated: Callable[[str], str] = str,
    ) -> None:
        self._endpoints = endpoints
        self._opening = opening
        self._recorder = recorder
        self._session_id = session_id
        self._system_prompt = system_prompt
        self._translated = translated
        # Whether the user knows that an endpoint outside answers: now, and before this question.
        self._announced = self._announced_before = False
        self._is_outside = self._answer_began = False
        self._let_go = asyncio.Event()
        self._turn = TurnBudget(endpoints.limits, config.tool_rounds)
        self._faults: dict[str, str] = {}
        super().__init__(
            settings=self.Settings(
                model=endpoints.first.model,
                system_instruction=system_prompt,
                temperature=config.temperature,
                max_tokens=config.max_tokens,
            )
        )

    # Servers other than OpenAI's do not know the "developer" role.
    supports_developer_role = False

    def create_client(self, *_args: Any, **_kwargs: Any) -> Any:  # noqa: ANN401  Pipecat's signature
        # Building a client costs tens of milliseconds (TLS trust store), on the event loop.
        return SimpleNamespace(
            chat=SimpleNamespace(completions=SimpleNamespace(create=self._create))
        )

    async def _create(self, **params: Any) -> Any:  # noqa: ANN401  openai's own types
        if not params.get("stream"):
            return await self._endpoints.create(self._record, **params)
        self._answer_began = False
        self._announced_before = self._announced
        if not self._turn.may_call_tools:
            params = {key: value for key, value in params.items() if key not in _TOOL_PARAMETERS}
        limits = self._turn.limits
        answer = await self._endpoints.create(self._announce, limits, self._session_id, **params)
        self._answer_began = True
        if self._announced and not self._is_outside:
            # Not before the local model answers: it may have been asked in vain several times.
            self._announced = False
            await self.push_frame(TTSSpeakFrame(BACK, append_to_context=False))
        return answer

    async def prefill(self, context: LLMContext) -> None:
        """Has a model that runs here compute the conversation so far, ahead of the next question.

        Nothing is said to the user, whatever comes of it.
        """
        if not self._endpoints.prefills:
            return
        params: Any = await self.get_llm_adapter().get_llm_invocation_params(
            context,
            system_instruction=self._system_prompt,
            convert_developer_to_user=not self.supports_developer_role,
        )
        await self._endpoints.prefill(
            self._session_id, {key: params[key] for key in ("messages", "tools")}
        )

    async def _process_context(self, context: LLMContext) -> None:
        """Asks the model, passes its words on, and runs its calls."""
        messages: Any = context.get_messages()
        if not messages or messages[-1].get("role") != "tool":
            self._turn = TurnBudget(self._endpoints.limits, self._turn.rounds)
            self._faults.clear()
        await self.start_ttfb_metrics()
        began = time.monotonic()
        results = partial(_spoken_results, messages)
        writer = AnswerWriter(self._write, self._unsay, results, self._translated)
        answer: Any = await self.get_chat_completions(context)
        try:
            calls = await writer.write_all(answer)
        finally:
            self._turn.spend(time.monotonic() - began, writer.characters)
            await answer.close()
        if calls:
            self._turn.called(calls)
            self._faults |= {call.id: call.fault for call in calls if call.fault}
            await self.run_function_calls(
                [
                    FunctionCallFromLLM(call.name, call.id, dict(call.arguments), context)
                    for call in calls
                ]
            )

    async def _write(self, text: str) -> None:
        await self.stop_ttfb_metrics()
        await self._push_llm_text(text)
        if self._opening.is_prepared:
            # What is said first is being synthesized. The rest of an answer that may be withdrawn
            # is not read, and a call in it is not carried out, until the answer is given.
            await self._let_go.wait()

    async def _unsay(self) -> bool:
        """Withdraws the answer so far, which turned out to be a thought."""
        if self._speculation_gate.is_speculating:
            # Nothing of it was said; the question is asked again when the turn is over.
            await self.broadcast_frame(EagerEndOfTurnCancelFrame)
            return False
        await self.push_frame(InterruptionFrame())
        await self.push_frame(LLMFullResponseStartFrame())
        return True

    def fault_of(self, call_id: str) -> str:
        """The reason why a call of the model must not be carried out; empty if it may."""
        return self._faults.get(call_id, "")

    async def _record(self, chosen: Endpoint) -> None:
        self._recorder.model_asked(left_the_box=chosen.left_the_box)

    async def _announce(self, chosen: Endpoint) -> None:
        await self._record(chosen)
        self._is_outside = chosen.left_the_box and not self._endpoints.first.left_the_box
        if self._is_outside and not self._announced:
            self._announced = True
            # Within an answer that has begun, it is part of its text: a frame of its own would be
            # spoken after the answer.
            apart = TTSSpeakFrame(GONE_OUT, append_to_context=False)
            await self.push_frame(LLMTextFrame(f"... {GONE_OUT}") if self._answer_began else apart)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, EagerEndOfTurnCancelFrame | InterruptionFrame):
            self._opening.withdraw()
            if self._speculation_gate.is_speculating:
                # The announcement is withdrawn with the answer.
                self._announced = self._announced_before
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        await super().push_frame(frame, direction)
        if self._speculation_gate.state is not SpeculationState.HOLDING:
            self._let_go.set()
            return
        self._let_go.clear()
        if isinstance(frame, LLMFullResponseStartFrame):
            self._opening.begin()
        elif isinstance(frame, LLMTextFrame):
            self._opening.feed(frame.text)
        elif isinstance(frame, LLMFullResponseEndFrame):
            self._opening.end()

    async def cleanup(self) -> None:
        self._endpoints.session_ended(self._session_id)
        await super().cleanup()


def _spoken_results(messages: list[Mapping[str, Any]]) -> str:
    """What the tools that were called last have to say, for a model that says nothing."""
    spoken: list[str] = []
    for message in reversed(messages):
        if message.get("role") == "user":
            break
        if message.get("role") == "tool":
            with suppress(ValueError, TypeError):
                result = json.loads(message["content"])
                if isinstance(result, dict) and isinstance(result.get("spoken"), str):
                    spoken.insert(0, result["spoken"])
    return " ".join(spoken)
