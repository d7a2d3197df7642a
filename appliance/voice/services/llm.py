"""The language model of one session, as a Pipecat service: thin, it asks what all share."""

from types import SimpleNamespace
from typing import Any

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.turns.speculation_gate import SpeculationState

from appliance.config.schema import LLMConfig
from appliance.llm.endpoint import Endpoint
from appliance.llm.failover import FailoverClient
from appliance.voice.recorder import Recorder
from appliance.voice.services.answer_stream import HeldOpening

GONE_OUT = "My own language model does not answer, so I am asking one outside this device."
BACK = "My own language model answers again."


class ChatService(OpenAILLMService):
    """Pipecat's chat service on the endpoints that all sessions share.

    `opening` is told of what is written while the answer is held, `recorder` of who is asked. That
    words go out of the box where the owner's own choice would have kept them in is said first.
    """

    def __init__(
        self,
        endpoints: FailoverClient,
        config: LLMConfig,
        system_prompt: str,
        opening: HeldOpening,
        recorder: Recorder,
    ) -> None:
        self._endpoints = endpoints
        self._opening = opening
        self._recorder = recorder
        self._told_out = self._told_out_before = False
        self._asked_out = self._answering = False
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
            return await self._endpoints.create(self._noted, **params)
        self._answering = False
        self._told_out_before = self._told_out
        answer = await self._endpoints.create(self._announced, **params)
        self._answering = True
        if self._told_out and not self._asked_out:
            # Not before it answers: it was asked in vain often enough.
            self._told_out = False
            await self.push_frame(TTSSpeakFrame(BACK, append_to_context=False))
        return answer

    async def _noted(self, chosen: Endpoint) -> None:
        self._recorder.model_asked(left_the_box=chosen.left_the_box)

    async def _announced(self, chosen: Endpoint) -> None:
        await self._noted(chosen)
        self._asked_out = chosen.left_the_box and not self._endpoints.first.left_the_box
        if self._asked_out and not self._told_out:
            self._told_out = True
            # What is said apart from an answer that has begun is said after it.
            apart = TTSSpeakFrame(GONE_OUT, append_to_context=False)
            await self.push_frame(LLMTextFrame(f"... {GONE_OUT}") if self._answering else apart)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, EagerEndOfTurnCancelFrame | InterruptionFrame):
            self._opening.withdraw()
            if self._speculation_gate.is_speculating:
                # What was to be told is withdrawn with the answer.
                self._told_out = self._told_out_before
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        await super().push_frame(frame, direction)
        if self._speculation_gate.state is not SpeculationState.HOLDING:
            return
        if isinstance(frame, LLMFullResponseStartFrame):
            self._opening.begin()
        elif isinstance(frame, LLMTextFrame):
            self._opening.feed(frame.text)
