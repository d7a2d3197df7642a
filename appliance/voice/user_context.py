"""The user's side of a conversation, where what the microphone heard ends."""

from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection


class UserContext(LLMUserAggregator):
    """Pipecat's, but for audio: nothing behind needs it, and every hop of it costs."""

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if not isinstance(frame, InputAudioRawFrame):
            await super().push_frame(frame, direction)
