"""The user's side of a conversation, where what the microphone heard ends."""

from collections.abc import Callable

from pipecat.audio.vad.vad_controller import VADController
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection


class UserAggregator(LLMUserAggregator):
    """Pipecat's, but for audio: it may come by `hear`, and goes no further."""

    speech_began: Callable[[], None] = staticmethod(lambda: None)

    async def _on_vad_speech_started(self, controller: VADController) -> None:
        # At once: packets that came together are heard before any frame has got anywhere.
        self.speech_began()
        await super()._on_vad_speech_started(controller)

    async def hear(self, frame: InputAudioRawFrame) -> None:
        """What a frame of audio does here, at once instead of in its turn in the queue."""
        if self._vad_controller is not None:
            await self._vad_controller.process_frame(frame)
        await self._user_turn_controller.process_frame(frame)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if not isinstance(frame, InputAudioRawFrame):
            await super().push_frame(frame, direction)

    async def _on_vad_speech_activity(self, controller: object) -> None:
        """Five times a second Pipecat would tell everybody of speech that goes on."""
