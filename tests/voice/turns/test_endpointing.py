"""When a turn ends, and that answering ahead never answers anything else than what was said."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.utils.asyncio.task_manager import TaskManager

from appliance.voice.turns import smart_turn
from appliance.voice.turns.endpointing import MOST_GUESSES, SpeculativeTurnStop
from appliance.voice.turns.smart_turn import (
    LOOKS_LATER_MS,
    LOOKS_MS,
    SmartTurnAnalyzer,
    SmartTurnModel,
)

COMMAND = "what time is it"


@pytest.fixture(autouse=True, scope="module")
def unhurried() -> Iterator[None]:
    """A thread that is held up is neither given up nor taken for busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smart_turn, "JUDGING_SECONDS", 60.0)
        patch.setattr(smart_turn, "time", SimpleNamespace(monotonic=lambda: 0.0))
        yield


@dataclass
class Turns:
    """A turn's end and everything it decided, driven by what a speaker does."""

    speculate: bool = True
    optimistic: bool = True
    complete: bool = True
    ahead: str = ""
    decided: list[tuple[str, str]] = field(default_factory=list)
    judged: int = 0

    async def begin(self) -> None:
        self._judging = SmartTurnModel(self._predict)
        judge = SmartTurnAnalyzer(self._judging, SmartTurnParams())
        self.end = SpeculativeTurnStop(
            judge,
            lambda text: text == COMMAND,
            lambda: self.ahead == COMMAND,
            speculate=self.speculate,
            optimistic=lambda: self.optimistic,
        )
        setup: Any = FrameProcessorSetup
        manager = TaskManager(loop=asyncio.get_running_loop())
        await self.end.setup(setup(clock=None, task_manager=manager, pipeline_worker=None))
        self.end.add_event_handler("on_user_turn_inference_triggered", self._asked)
        self.end.add_event_handler("on_user_turn_speculation_cancelled", self._withdrawn)
        self.end.add_event_handler("on_user_turn_stopped", self._stopped)
        await self.end.handle_user_turn_started()

    def _predict(self, _audio: np.ndarray[Any, Any]) -> dict[str, Any]:
        self.judged += 1
        return {"prediction": int(self.complete), "probability": float(self.complete)}

    async def _asked(self, _end: object, speculation: Any) -> None:  # noqa: ANN401  Pipecat's
        self.decided.append(("ahead", speculation.text) if speculation else ("ask", ""))

    async def _withdrawn(self, _end: object) -> None:
        self.decided.append(("withdraw", ""))

    async def _stopped(self, _end: object, params: Any) -> None:  # noqa: ANN401  Pipecat's
        self.decided.append(("confirm" if params.confirms_speculation else "stop", ""))

    async def speak(self) -> None:
        self.ahead = ""
        await self.end.process_frame(VADUserStartedSpeakingFrame(start_secs=0.2))
        audio = InputAudioRawFrame(audio=bytes(640), sample_rate=16_000, num_channels=1)
        await self.end.process_frame(audio)

    async def pause(self, heard: str) -> None:
        self.ahead = heard
        self.end.look_ahead(LOOKS_MS[0])
        await self.end._end_of_turn.judged()
        await self.end.process_frame(EagerTranscriptionFrame(heard, "", ""))
        await self.settle()

    async def settle(self) -> None:
        """Until what smart-turn is asked beside everything else has come to its end."""
        while asked := [task for task in (self.end._guessing, self.end._looking) if task]:
            await asyncio.wait(asked)

    async def go_on(self) -> None:
        self.ahead = ""
        await self.end.process_frame(EagerEndOfTurnCancelFrame())
        self.decided.append(("went on", ""))

    async def fall_silent(self, heard: str) -> None:
        await self.end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await self.end.process_frame(_final(heard))

    async def stay_silent(self, milliseconds: float) -> None:
        audio = InputAudioRawFrame(audio=bytes(640), sample_rate=16_000, num_channels=1)
        for _ in range(round(milliseconds / 20)):
            await self.end.process_frame(audio)
        await self.settle()

    async def over(self) -> None:
        await self.end.handle_user_turn_stopped()
        await self.end.cleanup()
        self._judging.close()


def _final(text: str) -> TranscriptionFrame:
    frame = TranscriptionFrame(text, "", "")
    frame.finalized = True
    return frame


async def test_what_was_answered_ahead_is_confirmed() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me a story")
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert turns.decided == [("ahead", "tell me a story"), ("confirm", "")]


async def test_other_words_are_asked_again() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me a")
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert turns.decided == [("ahead", "tell me a"), ("withdraw", ""), ("ask", ""), ("stop", "")]


async def test_a_command_never_runs_ahead_and_needs_no_second_opinion() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.pause(COMMAND)
    assert turns.decided == []
    await turns.fall_silent(COMMAND)
    await turns.over()
    assert turns.decided == [("ask", ""), ("stop", "")]


async def test_a_pause_that_sounds_unfinished_is_not_answered() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.pause("and then")
    await turns.over()
    assert turns.decided == []


async def test_a_pause_that_is_still_being_judged_is_answered() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.end.process_frame(EagerTranscriptionFrame("and then", "", ""))
    await turns.over()
    assert turns.decided == [("ahead", "and then"), ("withdraw", "")]


async def test_whom_each_question_costs_waits_for_the_verdict() -> None:
    turns = Turns(optimistic=False)
    await turns.begin()
    await turns.speak()
    await turns.end.process_frame(EagerTranscriptionFrame("tell me a story", "", ""))
    assert turns.decided == []
    turns.end.look_ahead(LOOKS_MS[0])
    await turns.settle()
    assert turns.decided == [("ahead", "tell me a story")]
    await turns.over()


async def test_a_model_that_costs_from_now_on_waits_from_now_on() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    turns.optimistic = False
    await turns.end.process_frame(EagerTranscriptionFrame("tell me a story", "", ""))
    await turns.over()
    assert turns.decided == []


async def test_who_pauses_all_the_time_is_judged_first() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    for _ in range(MOST_GUESSES + 2):
        await turns.speak()
        await turns.end.process_frame(EagerTranscriptionFrame("and then", "", ""))
    await turns.over()
    assert turns.decided.count(("ahead", "and then")) == MOST_GUESSES


async def test_speaking_again_withdraws() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me")
    await turns.speak()
    await turns.over()
    assert turns.decided == [("ahead", "tell me"), ("withdraw", "")]


async def test_where_nothing_may_be_answered_ahead_no_pause_is_judged() -> None:
    turns = Turns(speculate=False)
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me")
    await turns.pause("tell me a story")
    await turns.over()
    assert (turns.decided, turns.judged) == ([], 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pause", "go on", "speak", "silent"]),
        st.sampled_from(["a", "b", COMMAND]),
        st.booleans(),
    ),
    max_size=12,
)


@given(STEPS)
def test_an_answer_let_go_answers_exactly_what_was_said(
    steps: list[tuple[str, str, bool]],
) -> None:
    """Whatever a speaker does, with and without answering ahead."""
    asyncio.run(_holds(steps, speculate=True))
    asyncio.run(_holds(steps, speculate=False))


async def _holds(steps: list[tuple[str, str, bool]], *, speculate: bool) -> None:
    turns = Turns(speculate=speculate)
    await turns.begin()
    await turns.speak()
    said: list[str] = []
    for step, text, turns.complete in steps:
        if step == "pause":
            await turns.pause(text)
        elif step == "go on":
            await turns.go_on()
        elif step == "speak":
            await turns.speak()
        else:
            said.append(text)
            await turns.fall_silent(text)
            if turns.decided and turns.decided[-1][0] in ("stop", "confirm"):
                break
    await turns.over()
    held = ""
    for what, text in turns.decided:
        if what == "ahead":
            assert speculate
            assert not held, "a second answer was begun while one was held"
            held = text
        elif what in ("withdraw", "went on"):
            held = ""
        elif what == "confirm":
            assert held == " ".join(said)
            held = ""
    assert not held, "an answer was held for ever"


async def test_an_unfinished_sentence_is_judged_again_while_it_stays_silent() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.fall_silent("what time is it now")
    assert turns.decided == []
    turns.complete = True
    await turns.stay_silent(LOOKS_LATER_MS[0])
    await turns.over()
    assert turns.decided == [("ask", ""), ("stop", "")]


async def test_who_goes_on_is_not_judged_by_an_old_silence() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.fall_silent("and then")
    judged = turns.judged
    await turns.speak()
    turns.complete = True
    await turns.stay_silent(LOOKS_LATER_MS[0])
    await turns.over()
    assert (turns.decided, turns.judged) == ([], judged)


async def test_a_look_at_the_next_silent_windows_may_let_the_answer_begin() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me a story")
    assert turns.decided == []
    turns.complete = True
    turns.end.look_ahead(LOOKS_MS[1])
    await turns.settle()
    assert turns.decided == [("ahead", "tell me a story")]
    judged = turns.judged
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert turns.decided[1:] == [("confirm", "")]
    assert turns.judged == judged, "the verdict of the pause is the verdict"


async def test_a_turn_without_words_ends_at_once() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await turns.end.nothing_heard()
    await turns.over()
    assert turns.decided == [("stop", "")]


async def test_a_cough_after_words_does_not_end_the_turn() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.fall_silent("tell me")
    await turns.speak()
    await turns.end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await turns.end.nothing_heard()
    await turns.over()
    assert turns.decided == []


async def test_outside_of_a_turn_nothing_is_answered_ahead() -> None:
    turns = Turns()
    await turns.begin()
    await turns.end.handle_user_turn_stopped()
    await turns.speak()
    await turns.pause("tell me a story")
    assert turns.decided == []
    await turns.end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await turns.end.handle_user_turn_started()
    await turns.end.process_frame(_final("tell me a story"))
    await turns.over()
    assert turns.decided == [("ask", ""), ("stop", "")], "the verdict holds for a late turn"
