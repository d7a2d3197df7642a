from hypothesis import given
from hypothesis import strategies as st

from appliance.hardware.memory_pressure import (
    AMPLE_SECONDS,
    CRITICAL_SECONDS,
    TIGHT_READINGS,
    MemoryReading,
    PressureLevel,
    PressureState,
    Step,
    gpu_thresholds,
    host_thresholds,
    next_step,
    pressure_level,
)
from appliance.hardware.model_profiles import MB

THRESHOLDS = host_thresholds(800 * MB)
AMPLE, TIGHT, CRITICAL = MemoryReading(5000 * MB), MemoryReading(350 * MB), MemoryReading(100 * MB)


def read(
    *readings: MemoryReading,
    step_up_bytes: int | None = None,
    state: PressureState | None = None,
    every: float = 2.0,
) -> tuple[PressureState, list[Step]]:
    """The steps after readings that are `every` seconds apart, with no step taken."""
    state, steps = state or PressureState(), []
    for place, reading in enumerate(readings):
        state, step = next_step(state, reading, THRESHOLDS, step_up_bytes, place * every)
        steps.append(step)
    return state, steps


def test_a_short_peak_of_another_program_is_ignored() -> None:
    assert set(read(*[TIGHT] * (TIGHT_READINGS - 1), AMPLE, TIGHT)[1]) == {Step.STAY}
    state, steps = read(*[TIGHT] * TIGHT_READINGS)
    assert (state.level, steps[-1]) == (PressureLevel.TIGHT, Step.DOWN)


def test_a_critical_lack_waits_for_a_turn_to_end_but_not_for_long() -> None:
    _, steps = read(*[CRITICAL] * 7)
    assert steps[0] is Step.DOWN
    assert steps[int(CRITICAL_SECONDS / 2)] is Step.DOWN_NOW
    assert Step.DOWN_NOW not in steps[: int(CRITICAL_SECONDS / 2)]


def test_ample_memory_brings_the_engine_back_after_minutes() -> None:
    enough = int(AMPLE_SECONDS / 2)
    _, steps = read(*[AMPLE] * (enough + 1), step_up_bytes=1000 * MB)
    assert steps == [Step.STAY] * enough + [Step.UP]
    assert set(read(*[AMPLE] * 500)[1]) == {Step.STAY}  # nothing was given up
    assert set(read(*[AMPLE] * 500, step_up_bytes=4500 * MB)[1]) == {Step.STAY}  # it would not fit
    _, interrupted = read(*[AMPLE] * enough, TIGHT, *[AMPLE] * enough, step_up_bytes=1000 * MB)
    assert Step.UP not in interrupted


def test_the_wait_doubles_after_a_step_up_that_came_too_soon() -> None:
    too_soon = PressureState().after(Step.UP, 1000.0).after(Step.DOWN, 1100.0)
    assert too_soon.step_up_after == 2 * AMPLE_SECONDS
    again = too_soon.after(Step.UP, 2000.0).after(Step.DOWN, 2010.0)
    assert again.step_up_after == 4 * AMPLE_SECONDS
    assert again.after(Step.DOWN, 2020.0).step_up_after == AMPLE_SECONDS * 4
    assert again.after(Step.UP, 9000.0).after(Step.DOWN, 19_000.0).step_up_after == AMPLE_SECONDS


def test_stalls_count_only_where_memory_is_short() -> None:
    assert pressure_level(MemoryReading(700 * MB, 0.2), THRESHOLDS) is PressureLevel.TIGHT
    assert pressure_level(MemoryReading(700 * MB, 0.5), THRESHOLDS) is PressureLevel.CRITICAL
    assert pressure_level(MemoryReading(5000 * MB, 0.5), THRESHOLDS) is PressureLevel.OK


def test_a_card_keeps_room_for_work_space() -> None:
    assert gpu_thresholds(24_000 * MB).ample == 1500 * MB
    assert gpu_thresholds(4_000 * MB).ample == 500 * MB


READING = st.builds(MemoryReading, st.integers(0, 6000).map(lambda mb: mb * MB), st.floats(0, 1))


@given(st.lists(READING, max_size=60), st.none() | st.integers(0, 3000).map(lambda mb: mb * MB))
def test_every_step_has_its_reason(
    readings: list[MemoryReading], step_up_bytes: int | None
) -> None:
    state = PressureState()
    for place, reading in enumerate(readings):
        state, step = next_step(state, reading, THRESHOLDS, step_up_bytes, place * 2.0)
        assert state.level is pressure_level(reading, THRESHOLDS)
        if step in (Step.DOWN, Step.DOWN_NOW):
            assert state.level is not PressureLevel.OK
        if step is Step.DOWN_NOW:
            assert {
                pressure_level(each, THRESHOLDS) for each in readings[place - 5 : place + 1]
            } == {PressureLevel.CRITICAL}
        if step is Step.UP:
            assert step_up_bytes is not None
            assert reading.available - step_up_bytes >= THRESHOLDS.ample
        if step is not Step.STAY:
            state = state.after(step, place * 2.0)


@given(READING, READING)
def test_less_memory_is_never_a_better_level(one: MemoryReading, other: MemoryReading) -> None:
    less, more = sorted((one, other), key=lambda reading: reading.available)
    order = list(PressureLevel)
    less = MemoryReading(less.available, max(one.stalled, other.stalled))
    more = MemoryReading(more.available, min(one.stalled, other.stalled))
    assert order.index(pressure_level(less, THRESHOLDS)) >= order.index(
        pressure_level(more, THRESHOLDS)
    )
