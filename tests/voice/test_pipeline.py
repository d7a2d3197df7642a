"""How the parts of one session are put together."""

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.config.loader import load
from appliance.voice.pipeline import _user_params
from appliance.voice.turns.endpointing import SpeculativeTurnStop

anything: Any = SimpleNamespace


def _end_of_turn(models: Any, *, configured: bool) -> Any:  # noqa: ANN401  its inner state is looked at
    config = load((), {"APPLIANCE__TURN__SPECULATE": str(configured).lower()})
    hearing = anything(vad=lambda *_: None, end_of_turn=lambda _params: None)
    shared = anything(llm=models, turn_models=hearing, is_command=bool)
    params = _user_params(shared, config.turn, anything(), anything())
    assert params.user_turn_strategies is not None
    assert params.user_turn_strategies.stop
    end = params.user_turn_strategies.stop[0]
    assert isinstance(end, SpeculativeTurnStop)
    return end


@pytest.mark.parametrize(
    ("has_model", "configured", "speculates"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_pauses_are_answered_ahead_where_there_is_a_model(
    has_model: bool, configured: bool, speculates: bool
) -> None:
    end = _end_of_turn(anything() if has_model else None, configured=configured)
    assert end._may_speculate is speculates


def test_a_model_outside_is_not_told_what_nobody_has_judged() -> None:
    models = anything(current=anything(left_the_box=False))
    end = _end_of_turn(models, configured=True)
    assert end._is_optimistic()
    models.current = anything(left_the_box=True)
    assert not end._is_optimistic()
