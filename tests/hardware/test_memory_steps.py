from hypothesis import given
from hypothesis import strategies as st

from appliance.hardware.memory_pressure import MemorySteps

LARGE, MEDIUM, SAME, SMALL, STARTER = range(5)
SLOTS = [1500, 900, 900, 500, 0]


def test_a_step_leads_to_the_next_slot_that_takes_less() -> None:
    steps = MemorySteps(SLOTS)
    assert (steps.latest, steps.best_allowed) == (None, LARGE)
    steps.down_from(MEDIUM)
    assert (steps.latest, steps.best_allowed) == (MEDIUM, SMALL)
    steps.down_from(SMALL)
    assert (steps.latest, steps.best_allowed) == (SMALL, STARTER)


def test_a_step_up_stays_below_the_step_before_it() -> None:
    steps = MemorySteps(SLOTS)
    steps.down_from(LARGE)
    steps.down_from(MEDIUM)
    steps.up()
    assert (steps.latest, steps.best_allowed) == (LARGE, MEDIUM)
    steps.up()
    assert (steps.latest, steps.best_allowed) == (None, LARGE)


def test_a_slot_that_did_not_fit_is_passed_over_until_the_step_up() -> None:
    steps = MemorySteps(SLOTS)
    steps.down_from(LARGE)
    steps.allow_below(MEDIUM)
    assert (steps.latest, steps.best_allowed) == (LARGE, SMALL)
    steps.up()
    assert steps.best_allowed == LARGE


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.data())
def test_a_slot_is_always_allowed(memory: list[int], data: st.DataObject) -> None:
    steps = MemorySteps(memory)
    for down in data.draw(st.lists(st.booleans(), max_size=12)):
        if down and steps.best_allowed < len(memory) - 1:
            left = steps.best_allowed
            steps.down_from(left)
            assert (
                steps.best_allowed == len(memory) - 1 or memory[steps.best_allowed] < memory[left]
            )
        elif not down and steps.latest is not None:
            steps.up()
        assert 0 <= steps.best_allowed < len(memory)
