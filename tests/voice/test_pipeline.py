"""Parts of one session's pipeline are put together as configured, in their order."""

from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.audio.vad.vad_analyzer import VADParams

from appliance.config.loader import load
from appliance.text.endings import Ending
from appliance.voice.pipeline import _stt, _turn_stop, _user_aggregator
from appliance.voice.services.stt import EngineSTT
from appliance.voice.turns.coordinator import TurnCoordinator
from appliance.voice.turns.endpointing import SpeculativeTurnStop
from appliance.voice.turns.interruptions import PendingInterruptions
from appliance.voice.turns.silero import SileroModel
from appliance.voice.turns.vad import SileroVAD

anything: Any = SimpleNamespace


def _turn_models() -> Any:  # noqa: ANN401  stands for TurnModels
    def vad(params: VADParams, turn: TurnCoordinator) -> SileroVAD:
        return SileroVAD(SileroModel(None), params, turn)

    return anything(vad=vad, turn_analyzer=lambda _params, _listener: None)


def _end_of_turn(llm: Any, *, configured: bool) -> SpeculativeTurnStop:  # noqa: ANN401  any will do
    config = load((), {"APPLIANCE__TURN__SPECULATE": str(configured).lower()})
    shared = anything(config=config, llm=llm, turn_models=_turn_models(), is_command=bool)
    session = anything(language=lambda: "en")
    return _turn_stop(shared, session, TurnCoordinator(lambda _words: False))


@pytest.mark.parametrize(
    ("has_model", "configured", "speculates"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_pauses_are_answered_ahead_where_there_is_a_model(
    has_model: bool, configured: bool, speculates: bool
) -> None:
    end = _end_of_turn(anything() if has_model else None, configured=configured)
    assert end._may_speculate is speculates


def test_a_model_outside_the_device_gets_no_words_that_smart_turn_has_not_judged() -> None:
    llm = anything(current=anything(left_the_box=False))
    end = _end_of_turn(llm, configured=True)
    assert end._speculation.is_worthwhile(None, Ending.UNKNOWN)
    llm.current = anything(left_the_box=True)
    assert not end._speculation.is_worthwhile(None, Ending.UNKNOWN)
    assert not end._speculation.is_worthwhile(False, Ending.FINISHED)
    assert end._speculation.is_worthwhile(True, Ending.UNKNOWN)


def test_events_of_a_turn_reach_stt_before_the_end_of_turn() -> None:
    turn = TurnCoordinator(lambda _words: False)
    config = load((), {})
    shared = anything(config=config, llm=None, turn_models=_turn_models(), is_command=bool)
    shared.engines, shared.latency = anything(stt=anything()), anything()
    session = anything(recorder=anything(), language=lambda: "en", context=anything())
    _stt(shared, session, turn)
    _user_aggregator(shared, session, turn, anything(), PendingInterruptions())
    assert [type(listener) for listener in turn._listeners] == [EngineSTT, SpeculativeTurnStop]
