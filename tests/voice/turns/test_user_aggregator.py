"""The user aggregator passes no audio on, and reports the start of speech at once."""

from types import SimpleNamespace
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TextFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.tests.utils import SleepFrame, run_test

from appliance.voice.turns.user_aggregator import UserAggregator


async def test_everything_but_audio_is_passed_on() -> None:
    audio = InputAudioRawFrame(audio=bytes(640), sample_rate=16_000, num_channels=1)
    sent: list[Frame] = [audio, SleepFrame(), TextFrame("hello")]
    user = UserAggregator(LLMContext(), speech_began=lambda: None)
    # By default Pipecat gives it a second to start, and never ends where that takes longer.
    down, _ = await run_test(user, frames_to_send=sent, start_timeout=60)
    kinds = {type(frame) for frame in down}
    assert TextFrame in kinds
    assert InputAudioRawFrame not in kinds


class Broadcasts:
    """Lists what is broadcast instead of broadcasting it."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  the aggregator's own
        super().__init__(*args, **named)
        self.sent: list[type[Frame]] = []

    async def _queued_broadcast_frame(self, frame_cls: type[Frame], **_with: object) -> None:
        self.sent.append(frame_cls)


class Pipecats(Broadcasts, LLMUserAggregator): ...


class Ours(Broadcasts, UserAggregator): ...


async def test_continuing_speech_is_not_broadcast() -> None:
    ours, theirs = Ours(LLMContext(), speech_began=lambda: None), Pipecats(LLMContext())
    await ours._on_vad_speech_activity(None)
    assert ours.sent == []
    await theirs._on_vad_speech_activity(None)
    assert theirs.sent == [UserSpeakingFrame]


async def test_the_start_of_speech_is_reported_before_any_frame_is_sent() -> None:
    sent_before: list[int] = []

    def speech_began() -> None:
        sent_before.append(len(ours.sent))

    ours = Ours(LLMContext(), speech_began=speech_began)
    vad: Any = SimpleNamespace(_vad_analyzer=SimpleNamespace(params=SimpleNamespace(start_secs=0)))
    await ours._on_vad_speech_started(vad)
    assert sent_before == [0]
    assert ours.sent == [VADUserStartedSpeakingFrame]
