"""The user's side of the context, at which microphone audio ends."""

from collections.abc import Callable

from pipecat.audio.vad.vad_controller import VADController
from pipecat.frames.frames import Frame, InputAudioRawFrame, InterruptionFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.types import UserTurnSpeculation

from appliance.voice.turns.interruptions import PendingInterruptions


class UserAggregator(LLMUserAggregator):
    """Pipecat's aggregator, except that audio may come by `hear` and goes no further.

    `speech_began` is called as soon as the VAD notices speech. The user's words come into the
    history after what was heard of the answer that they interrupt (`interruptions`).
    """

    def __init__(
        self,
        context: LLMContext,
        *,
        speech_began: Callable[[], None],
        params: LLMUserAggregatorParams | None = None,
        interruptions: PendingInterruptions | None = None,
    ) -> None:
        super().__init__(context, params=params)
        self._speech_began = speech_began
        self._interruptions = interruptions

    async def _on_vad_speech_started(self, controller: VADController) -> None:
        # At once: packets that arrive together are heard before any frame has got anywhere.
        self._speech_began()
        await super()._on_vad_speech_started(controller)

    async def hear(self, frame: InputAudioRawFrame) -> None:
        """Processes a frame of audio at once, past the queue of this processor."""
        if self._vad_controller is not None:
            await self._vad_controller.process_frame(frame)
        await self._user_turn_controller.process_frame(frame)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, InputAudioRawFrame):
            return
        if (
            self._interruptions is not None
            and isinstance(frame, InterruptionFrame)
            and direction is FrameDirection.DOWNSTREAM
        ):
            self._interruptions.sent(frame)
        await super().push_frame(frame, direction)

    async def _push_aggregation(self, *, run_llm: bool = True) -> str:
        if self._interruptions is not None:
            await self._interruptions.wait()
        return await super()._push_aggregation(run_llm=run_llm)

    async def _run_speculative_inference(self, speculation: UserTurnSpeculation) -> None:
        if self._interruptions is not None:
            await self._interruptions.wait()
        await super()._run_speculative_inference(speculation)

    async def _on_vad_speech_activity(self, controller: object) -> None:
        """Sends nothing: Pipecat would broadcast a frame five times a second while speech lasts."""
