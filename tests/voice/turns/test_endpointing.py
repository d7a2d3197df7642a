"""Turns end when they should, and an answer begun ahead only counts if it answers what was said."""

import asyncio
import threading
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

from appliance.observability.turn_trace import SpeculationOutcome
from appliance.voice.turns import smart_turn
from appliance.voice.turns.coordinator import TurnCoordinator, TurnListener
from appliance.voice.turns.end_of_turn import TurnLimits
from appliance.voice.turns.endpointing import MOST_GUESSES, SpeculativeTurnStop
from appliance.voice.turns.smart_turn import (
    AGAIN_AFTER_MS,
    AHEAD_AFTER_MS,
    SmartTurnAnalyzer,
    SmartTurnModel,
)

LIMITS = TurnLimits(shortest=0.2, longest=3.0)
COMMAND = "set a timer"
READ_ONLY_COMMAND = "what time is it"


@pytest.fixture(autouse=True, scope="module")
def no_time_passes() -> Iterator[None]:
    """Disables the time-out, and counts no time: the thread may be held up by the test machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smart_turn, "VERDICT_SECONDS", 60.0)
        patch.setattr(smart_turn, "time", SimpleNamespace(monotonic=lambda: 0.0))
        yield


@dataclass
class Turns:
    """The end-of-turn strategy with all that it decided, driven by what a speaker does."""

    speculate: bool = True
    may_guess: bool = True
    complete: bool = True
    decided: list[tuple[str, str]] = field(default_factory=list)
    judged: int = 0
    judges: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.judges.set()

    async def begin(self) -> None:
        self._model = SmartTurnModel(self._predict)
        self.turn = TurnCoordinator(lambda _words: True)
        self.analyzer = SmartTurnAnalyzer(self._model, SmartTurnParams())
        self.end = SpeculativeTurnStop(
            self.turn,
            self.analyzer,
            lambda text: text in (COMMAND, READ_ONLY_COMMAND),
            limits=LIMITS,
            language=lambda: "en",
            runs_ahead=lambda text: text == READ_ONLY_COMMAND,
            speculate=self.speculate,
            may_guess=lambda: self.may_guess,
        )
        setup: Any = FrameProcessorSetup
        manager = TaskManager(loop=asyncio.get_running_loop())
        await self.end.setup(setup(clock=None, task_manager=manager, pipeline_worker=None))
        self.end.add_event_handler("on_user_turn_inference_triggered", self._asked)
        self.end.add_event_handler("on_user_turn_speculation_cancelled", self._withdrawn)
        self.end.add_event_handler("on_user_turn_stopped", self._stopped)
        await self.end.handle_user_turn_started()

    def _predict(self, _audio: np.ndarray[Any, Any]) -> dict[str, Any]:
        assert self.judges.wait(10)
        self.judged += 1
        return {"prediction": int(self.complete), "probability": float(self.complete)}

    async def _asked(self, _end: object, speculation: Any) -> None:  # noqa: ANN401  Pipecat's
        self.decided.append(("ahead", speculation.text) if speculation else ("ask", ""))

    async def _withdrawn(self, _end: object) -> None:
        self.decided.append(("withdraw", ""))

    async def _stopped(self, _end: object, params: Any) -> None:  # noqa: ANN401  Pipecat's
        self.decided.append(("confirm" if params.confirms_speculation else "stop", ""))

    async def speak(self) -> None:
        self.turn.heard_ahead("")
        await self.end.process_frame(VADUserStartedSpeakingFrame(start_secs=0.2))
        audio = InputAudioRawFrame(audio=bytes(640), sample_rate=16_000, num_channels=1)
        await self.end.process_frame(audio)

    async def pause(self, heard: str) -> None:
        self.turn.heard_ahead(heard)
        self.turn.pause_lasted(AHEAD_AFTER_MS[0])
        await self.analyzer.wait_look_ahead()
        await self.end.process_frame(EagerTranscriptionFrame(heard, "", ""))
        await self.settle()

    async def settle(self) -> None:
        """Returns when the strategy has no task of its own under way."""
        while tasks := [t for t in (self.end._awaiting_verdict, self.end._looking_again) if t]:
            await asyncio.wait(tasks)

    async def go_on(self) -> None:
        self.turn.heard_ahead("")
        await self.end.process_frame(EagerEndOfTurnCancelFrame())
        self.decided.append(("went on", ""))

    async def fall_silent(self, heard: str) -> None:
        await self.end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await self.end.process_frame(_final(heard))

    async def stay_silent(self, milliseconds: float) -> None:
        await self.listen(milliseconds)
        await self.settle()

    async def listen(self, milliseconds: float) -> None:
        audio = InputAudioRawFrame(audio=bytes(640), sample_rate=16_000, num_channels=1)
        for _ in range(round(milliseconds / 20)):
            await self.end.process_frame(audio)

    async def over(self) -> None:
        await self.end.handle_user_turn_stopped()
        await self.end.cleanup()
        self._model.close()


def _final(text: str) -> TranscriptionFrame:
    frame = TranscriptionFrame(text, "", "")
    frame.finalized = True
    return frame


async def test_an_answer_begun_ahead_is_confirmed() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me a story")
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert turns.decided == [("ahead", "tell me a story"), ("confirm", "")]


async def test_words_that_are_being_answered_are_not_asked_again() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    for _ in range(2):
        await turns.end.process_frame(EagerTranscriptionFrame("tell me a story", "", ""))
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert turns.decided == [("ahead", "tell me a story"), ("confirm", "")]


async def test_other_final_words_are_asked_again() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me more")
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert turns.decided == [("ahead", "tell me more"), ("withdraw", ""), ("ask", ""), ("stop", "")]


async def test_a_command_never_runs_ahead_and_needs_no_verdict() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.pause(COMMAND)
    assert turns.decided == []
    await turns.fall_silent(COMMAND)
    await turns.over()
    assert turns.decided == [("ask", ""), ("stop", "")]


@pytest.mark.parametrize("speculate", [True, False])
async def test_a_command_that_changes_nothing_runs_ahead_and_needs_no_verdict(
    speculate: bool,
) -> None:
    turns = Turns(complete=False, speculate=speculate, may_guess=False)
    await turns.begin()
    await turns.speak()
    await turns.pause(READ_ONLY_COMMAND)
    assert turns.decided == [("ahead", READ_ONLY_COMMAND)]
    await turns.fall_silent(READ_ONLY_COMMAND)
    await turns.over()
    assert turns.decided[1:] == [("confirm", "")]


async def test_a_command_that_runs_ahead_is_withdrawn_by_other_final_words() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause(READ_ONLY_COMMAND)
    await turns.fall_silent(COMMAND)
    await turns.over()
    assert turns.decided[1:] == [("withdraw", ""), ("ask", ""), ("stop", "")]


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
    await turns.end.process_frame(EagerTranscriptionFrame("go on then", "", ""))
    await turns.over()
    assert turns.decided == [("ahead", "go on then"), ("withdraw", "")]


async def test_without_guessing_the_verdict_is_waited_for() -> None:
    turns = Turns(may_guess=False)
    await turns.begin()
    await turns.speak()
    await turns.end.process_frame(EagerTranscriptionFrame("tell me a story", "", ""))
    assert turns.decided == []
    turns.turn.pause_lasted(AHEAD_AFTER_MS[0])
    await turns.settle()
    assert turns.decided == [("ahead", "tell me a story")]
    await turns.over()


async def test_guessing_may_end_in_mid_turn() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    turns.may_guess = False
    await turns.end.process_frame(EagerTranscriptionFrame("tell me a story", "", ""))
    await turns.over()
    assert turns.decided == []


async def test_after_several_guesses_the_verdict_is_waited_for() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    for _ in range(MOST_GUESSES + 2):
        await turns.speak()
        await turns.end.process_frame(EagerTranscriptionFrame("go on then", "", ""))
    await turns.over()
    assert turns.decided.count(("ahead", "go on then")) == MOST_GUESSES


async def test_speaking_again_withdraws() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me now")
    await turns.speak()
    await turns.over()
    assert turns.decided == [("ahead", "tell me now"), ("withdraw", "")]


async def test_without_speculation_no_pause_is_judged_ahead() -> None:
    turns = Turns(speculate=False)
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me now")
    await turns.pause("tell me a story")
    await turns.over()
    assert (turns.decided, turns.judged) == ([], 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pause", "go on", "speak", "silent"]),
        st.sampled_from(["a", "b", COMMAND, READ_ONLY_COMMAND]),
        st.booleans(),
    ),
    max_size=12,
)


@given(STEPS)
def test_a_released_answer_answers_exactly_what_was_said(
    steps: list[tuple[str, str, bool]],
) -> None:
    """Whatever a speaker does, with and without speculation."""
    asyncio.run(_check_steps(steps, speculate=True))
    asyncio.run(_check_steps(steps, speculate=False))


async def _check_steps(steps: list[tuple[str, str, bool]], *, speculate: bool) -> None:
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
            assert speculate or text == READ_ONLY_COMMAND
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
    await turns.stay_silent(AGAIN_AFTER_MS[0])
    await turns.over()
    assert turns.decided == [("ask", ""), ("stop", "")]


@pytest.fixture
def slow_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts come late as long as a speaker's `judges` is clear."""
    monkeypatch.setattr(smart_turn, "VERDICT_SECONDS", 0.05)


async def _fall_silent_unjudged(turns: Turns) -> None:
    """A sentence cut at its comma, in the moment in which its verdict would be due."""
    await turns.begin()
    await turns.speak()
    turns.judges.clear()
    await turns.fall_silent("turn the kitchen light")


@pytest.mark.usefixtures("slow_verdicts")
@pytest.mark.parametrize("complete", [True, False])
async def test_a_turn_waits_for_a_late_verdict(complete: bool) -> None:
    turns = Turns(complete=complete)
    await _fall_silent_unjudged(turns)
    assert turns.decided == []
    turns.judges.set()
    await turns.settle()
    ended = [("ask", ""), ("stop", "")] if complete else []
    assert turns.decided == ended
    await turns.over()


@pytest.mark.usefixtures("slow_verdicts")
async def test_a_speaker_who_goes_on_before_a_late_verdict_is_not_cut_off() -> None:
    turns = Turns()
    await _fall_silent_unjudged(turns)
    await turns.speak()
    turns.judges.set()
    await turns.settle()
    assert turns.decided == []
    await turns.fall_silent("turn on the heating")
    assert turns.decided == [("ask", ""), ("stop", "")]
    await turns.over()


@pytest.mark.usefixtures("slow_verdicts")
async def test_without_a_verdict_only_a_long_silence_ends_a_turn() -> None:
    turns = Turns()
    await _fall_silent_unjudged(turns)
    limit = 1000 * (LIMITS.longest - LIMITS.shortest)
    await turns.listen(limit - 100)
    assert turns.decided == []
    await turns.listen(100)
    assert turns.decided == [("ask", ""), ("stop", "")]
    turns.judges.set()
    await turns.over()


async def test_speech_that_goes_on_is_not_judged_by_an_old_silence() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.fall_silent("and then")
    judged = turns.judged
    await turns.speak()
    turns.complete = True
    await turns.stay_silent(AGAIN_AFTER_MS[0])
    await turns.over()
    assert (turns.decided, turns.judged) == ([], judged)


async def test_a_second_look_ahead_may_let_the_answer_begin() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.pause("tell me a story")
    assert turns.decided == []
    turns.complete = True
    turns.turn.pause_lasted(AHEAD_AFTER_MS[1])
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
    await turns.turn.nothing_heard()
    await turns.over()
    assert turns.decided == [("stop", "")]


async def test_a_cough_after_words_does_not_end_the_turn() -> None:
    turns = Turns(complete=False)
    await turns.begin()
    await turns.speak()
    await turns.fall_silent("tell me now")
    await turns.speak()
    await turns.end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await turns.turn.nothing_heard()
    await turns.over()
    assert turns.decided == []


async def test_outside_a_turn_nothing_is_answered_ahead() -> None:
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


async def test_dismissed_words_are_forgotten() -> None:
    turns = Turns()
    await turns.begin()
    await turns.speak()
    await turns.pause("mm-hm")
    assert await turns.turn.dismisses("mm-hm")
    await turns.speak()
    await turns.pause("tell me a story")
    await turns.over()
    assert turns.decided == [("ahead", "mm-hm"), ("withdraw", "")]


async def test_resumed_speech_drops_the_verdict_of_the_pause() -> None:
    turns = Turns(may_guess=False)
    await turns.begin()
    await turns.speak()
    turns.turn.pause_lasted(AHEAD_AFTER_MS[0])
    await turns.analyzer.wait_look_ahead()
    verdicts = [turns.analyzer.likely]
    turns.turn.speech_resumed()
    verdicts.append(turns.analyzer.likely)
    assert verdicts == [True, None]
    await turns.end.process_frame(EagerTranscriptionFrame("tell me now", "", ""))
    await turns.over()
    assert turns.decided == []


class Outcomes(TurnListener):
    """The answers begun ahead, and what became of each."""

    def __init__(self) -> None:
        self.guessed: list[bool] = []
        self.outcomes: list[SpeculationOutcome] = []

    def speculation_began(self, *, guessed: bool) -> None:
        self.guessed.append(guessed)

    def speculation_ended(self, outcome: SpeculationOutcome) -> None:
        self.outcomes.append(outcome)


async def test_what_becomes_of_each_answer_begun_ahead_is_reported() -> None:
    turns, reported = Turns(), Outcomes()
    await turns.begin()
    turns.turn.add_listener(reported)
    for heard in ("tell me now", "tell me more", "tell me a story"):
        await turns.speak()
        await turns.pause(heard)
        if heard == "tell me now":
            await turns.go_on()
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert reported.outcomes == [
        *(SpeculationOutcome.SPEECH_RESUMED, SpeculationOutcome.SPEECH_RESUMED),
        SpeculationOutcome.USED,
    ]
    assert reported.guessed == [False] * 3


async def test_an_answer_to_other_words_is_reported_as_such() -> None:
    turns, reported = Turns(), Outcomes()
    await turns.begin()
    turns.turn.add_listener(reported)
    await turns.speak()
    await turns.pause("tell me more")
    await turns.fall_silent("tell me a story")
    await turns.over()
    assert reported.outcomes == [SpeculationOutcome.WORDS_CHANGED]
