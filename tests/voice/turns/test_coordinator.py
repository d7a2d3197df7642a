"""The coordinator passes each event of a turn to those who have to act, in their order."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from appliance.voice.turns.coordinator import TurnCoordinator, TurnListener


@dataclass
class Listener(TurnListener):
    """Lists what it is called with, by its name."""

    name: str
    calls: list[str]

    def speech_began(self) -> None:
        self.calls.append(f"{self.name}: speech began")

    def pause_lasted(self, milliseconds: float) -> None:
        self.calls.append(f"{self.name}: {milliseconds:.0f} ms")

    def speech_resumed(self) -> None:
        self.calls.append(f"{self.name}: resumed")

    def turn_ended(self) -> None:
        self.calls.append(f"{self.name}: ended")

    async def dismissed(self) -> None:
        self.calls.append(f"{self.name}: dismissed")

    async def nothing_heard(self) -> None:
        self.calls.append(f"{self.name}: nothing")


@dataclass
class Turn:
    """A coordinator with two listeners, whose barge-in dismisses murmurs."""

    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.coordinator = TurnCoordinator(self._dismisses)
        for name in ("stt", "end of turn"):
            self.coordinator.add_listener(Listener(name, self.calls))

    def _dismisses(self, words: str) -> bool:
        self.calls.append(f"barge-in: {words or '(nothing)'}")
        return words in ("", "mm-hm")


EVENTS: dict[str, Callable[[TurnCoordinator], None]] = {
    "speech began": TurnCoordinator.speech_began,
    "60 ms": lambda turn: turn.pause_lasted(60.0),
    "resumed": TurnCoordinator.speech_resumed,
    "ended": TurnCoordinator.turn_ended,
}


@pytest.mark.parametrize("event", EVENTS)
def test_events_reach_the_listeners_in_the_order_in_which_they_were_added(event: str) -> None:
    turn = Turn()
    EVENTS[event](turn.coordinator)
    assert turn.calls == [f"stt: {event}", f"end of turn: {event}"]


def test_a_pause_is_reported_as_often_as_it_is_noticed_until_speech_resumes() -> None:
    turn = Turn()
    coordinator = turn.coordinator
    coordinator.speech_began()
    for milliseconds in (5.0, 25.0):
        coordinator.pause_lasted(milliseconds)
    coordinator.speech_resumed()
    of_stt = [call for call in turn.calls if call.startswith("stt")]
    assert of_stt == ["stt: speech began", "stt: 5 ms", "stt: 25 ms", "stt: resumed"]


def test_words_heard_ahead_are_known_until_they_no_longer_count() -> None:
    coordinator = Turn().coordinator
    assert coordinator.words_ahead == ""
    coordinator.heard_ahead("what time is it")
    coordinator.pause_lasted(100.0)
    assert coordinator.words_ahead == "what time is it"
    coordinator.heard_ahead("")
    assert coordinator.words_ahead == ""


@pytest.mark.parametrize("words", ["", "mm-hm"])
async def test_after_the_barge_in_dismissed_words_the_listeners_forget_them(words: str) -> None:
    turn = Turn()
    assert await turn.coordinator.dismisses(words)
    verdict = f"barge-in: {words or '(nothing)'}"
    assert turn.calls == [verdict, "stt: dismissed", "end of turn: dismissed"]


async def test_words_that_are_meant_for_the_assistant_are_not_dismissed() -> None:
    turn = Turn()
    assert not await turn.coordinator.dismisses("stop")
    assert turn.calls == ["barge-in: stop"]


async def test_speech_without_words_is_reported() -> None:
    turn = Turn()
    await turn.coordinator.nothing_heard()
    assert turn.calls == ["stt: nothing", "end of turn: nothing"]


async def test_an_event_means_nothing_to_a_listener_that_does_not_override_it() -> None:
    coordinator = TurnCoordinator(lambda _words: True)
    coordinator.add_listener(TurnListener())
    for act in EVENTS.values():
        act(coordinator)
    assert await coordinator.dismisses("mm-hm")
    await coordinator.nothing_heard()
