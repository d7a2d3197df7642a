"""The recording of a session: off at first, told and recorded when it changes, both voices."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.errors import SessionUnknown, StoreError
from appliance.voice.session_recording import HOLD_SECONDS, SessionRecording
from appliance.wire import NoticeMessage, RecordingMessage, ServerMessage


class Files:
    """Recordings in memory."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = 0
        self.room = True
        self.refusal = ""

    async def __call__(self, conversation_id: str, session_id: str, started_at: float) -> "Files":
        if self.refusal:
            raise StoreError(self.refusal)
        return self

    def write(self, frames: bytes) -> bool:
        self.pieces.append(frames)
        return self.room

    async def close(self) -> None:
        self.closed += 1

    @property
    def channels(self) -> Any:  # noqa: ANN401  an array of frames
        return np.frombuffer(b"".join(self.pieces), np.int16).reshape(-1, 2)


class Desk:
    """A recording with a clock that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.files = Files()
        self.sent: list[ServerMessage] = []
        self.changes: list[bool] = []
        self.said: list[str] = []
        self.audible = True
        self.recording = SessionRecording(
            self.files, "s", "c", self.sent.append, self.changes.append, self.say
        )
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    async def say(self, key: str) -> bool:
        self.said.append(key)
        return self.audible

    def user_speaks(self, seconds: float) -> None:
        """Sends packets of 20 ms in real time."""
        packet = np.full(INPUT_RATE // 50, 6000, np.int16).tobytes()
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            self.recording.heard(packet)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


async def test_nothing_is_kept_before_the_start_and_after_the_stop(desk: Desk) -> None:
    desk.user_speaks(1)
    await desk.recording.start()
    await desk.recording.stop()
    desk.user_speaks(1)
    await desk.recording.stop()
    assert (desk.files.pieces, desk.files.closed) == ([b""], 1) or desk.files.channels.size == 0
    assert desk.changes == [True, False]
    on, off = desk.sent
    assert isinstance(on, RecordingMessage)
    assert (on.on, off) == (True, RecordingMessage(False))
    assert on.since is not None


async def test_both_voices_stand_at_their_times(desk: Desk) -> None:
    await desk.recording.start()
    desk.user_speaks(1.0)
    answer = np.full(OUTPUT_RATE, 9000, np.int16).tobytes()
    desk.recording.played(answer, desk.now + 0.5)
    desk.now += 0.8
    desk.recording.silenced()  # 0.3 s of the answer were heard
    desk.now += 1.0
    await desk.recording.stop()
    user, assistant = desk.files.channels.T
    heard = np.flatnonzero(np.abs(user) > 1000) / OUTPUT_RATE
    assert heard[0] < 0.1
    assert 0.9 < heard[-1] < 1.05
    said = np.flatnonzero(assistant) / OUTPUT_RATE
    assert (round(said[0], 2), round(said[-1], 2)) == (1.5, 1.8)
    assert len(user) == round(2.8 * OUTPUT_RATE)


async def test_what_may_still_be_taken_back_is_not_written_yet(desk: Desk) -> None:
    await desk.recording.start()
    desk.user_speaks(3.0)
    await asyncio.sleep(0)  # the task writes once
    written = len(desk.files.channels) / OUTPUT_RATE
    assert written == pytest.approx(3.0 - HOLD_SECONDS)
    await desk.recording.end()


async def test_a_recording_without_room_ends_and_says_so(desk: Desk) -> None:
    await desk.recording.start()
    desk.files.room = False
    while desk.recording.is_on:  # noqa: ASYNC110  its task ends it
        await asyncio.sleep(0)
    assert desk.files.closed == 1
    assert any(isinstance(message, NoticeMessage) for message in desk.sent)
    assert desk.changes == [True, False]


async def test_a_refused_recording_changes_nothing(desk: Desk) -> None:
    desk.files.refusal = "no room"
    with pytest.raises(StoreError):
        await desk.recording.start()
    assert (desk.recording.is_on, desk.changes, desk.sent) == (False, [], [])


async def test_a_session_that_is_over_is_not_recorded_again(desk: Desk) -> None:
    await desk.recording.start()
    await desk.recording.end()
    await desk.recording.start()
    assert not desk.recording.is_on
    assert desk.changes == [True, False]


async def test_a_switch_is_said(desk: Desk) -> None:
    for _ in range(2):
        await desk.recording.switch_on()
    for _ in range(2):
        await desk.recording.switch_off()
    assert desk.said == ["recording_on", "recording_off"]


async def test_a_session_that_cannot_be_heard_is_not_recorded(desk: Desk) -> None:
    desk.audible = False
    with pytest.raises(SessionUnknown):
        await desk.recording.switch_on()
    assert not desk.recording.is_on
    assert desk.files.closed == 1
