"""Audio ends at the user's context, and speech that goes on is no news."""

from pipecat.frames.frames import Frame, InputAudioRawFrame, TextFrame, UserSpeakingFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.tests.utils import SleepFrame, run_test

from appliance.voice.turns.user_aggregator import UserAggregator


async def test_everything_but_audio_goes_on() -> None:
    audio = InputAudioRawFrame(audio=bytes(640), sample_rate=16_000, num_channels=1)
    sent: list[Frame] = [audio, SleepFrame(), TextFrame("hello")]
    # Pipecat gives it a second to start in, and never ends where it takes longer.
    down, _ = await run_test(UserAggregator(LLMContext()), frames_to_send=sent, start_timeout=60)
    kinds = {type(frame) for frame in down}
    assert TextFrame in kinds
    assert InputAudioRawFrame not in kinds


async def test_speech_that_goes_on_is_told_to_nobody() -> None:
    told: list[type[Frame]] = []

    class Told:
        async def _queued_broadcast_frame(self, frame_cls: type[Frame], **_with: object) -> None:
            told.append(frame_cls)

    class Pipecats(Told, LLMUserAggregator): ...

    class Ours(Told, UserAggregator): ...

    await Ours(LLMContext())._on_vad_speech_activity(None)
    assert told == []
    await Pipecats(LLMContext())._on_vad_speech_activity(None)
    assert told == [UserSpeakingFrame]
