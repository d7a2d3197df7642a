from hypothesis import given
from hypothesis import strategies as st

from appliance.hardware.memory_pressure import (
    AMPLE_SECONDS,
    CRITICAL_SECONDS,
    READINGS,
    Level,
    Reading,
    Step,
    Watch,
    board_marks,
    card_marks,
    judge,
    level,
)
from appliance.hardware.model_profiles import MB

MARKS = board_marks(800 * MB)
AMPLE, TIGHT, CRITICAL = Reading(5000 * MB), Reading(350 * MB), Reading(100 * MB)


def read(
    *readings: Reading, regained: int | None = None, watch: Watch | None = None, every: float = 2.0
) -> tuple[Watch, list[Step]]:
    """The steps after each of these readings, one every so many seconds, none of them taken."""
    watch, steps = watch or Watch(), []
    for place, reading in enumerate(readings):
        watch, step = judge(watch, reading, MARKS, regained, place * every)
        steps.append(step)
    return watch, steps


def test_a_short_peak_of_another_program_is_no_reason() -> None:
    assert set(read(*[TIGHT] * (READINGS - 1), AMPLE, TIGHT)[1]) == {Step.STAY}
    watch, steps = read(*[TIGHT] * READINGS)
    assert (watch.level, steps[-1]) == (Level.TIGHT, Step.DOWN)


def test_a_critical_want_waits_for_the_turn_but_not_for_long() -> None:
    _, steps = read(*[CRITICAL] * 7)
    assert steps[0] is Step.DOWN
    assert steps[int(CRITICAL_SECONDS / 2)] is Step.DOWN_NOW
    assert Step.DOWN_NOW not in steps[: int(CRITICAL_SECONDS / 2)]


def test_ample_memory_brings_the_engine_back_after_minutes() -> None:
    enough = int(AMPLE_SECONDS / 2)
    _, steps = read(*[AMPLE] * (enough + 1), regained=1000 * MB)
    assert steps == [Step.STAY] * enough + [Step.UP]
    assert set(read(*[AMPLE] * 500)[1]) == {Step.STAY}  # nothing was given up
    assert set(read(*[AMPLE] * 500, regained=4500 * MB)[1]) == {Step.STAY}  # it would not fit
    _, interrupted = read(*[AMPLE] * enough, TIGHT, *[AMPLE] * enough, regained=1000 * MB)
    assert Step.UP not in interrupted


def test_who_came_back_too_soon_waits_longer_the_next_time() -> None:
    hasty = Watch().after(Step.UP, 1000.0).after(Step.DOWN, 1100.0)
    assert hasty.patience == 2 * AMPLE_SECONDS
    again = hasty.after(Step.UP, 2000.0).after(Step.DOWN, 2010.0)
    assert again.patience == 4 * AMPLE_SECONDS
    assert again.after(Step.DOWN, 2020.0).patience == AMPLE_SECONDS * 4
    assert again.after(Step.UP, 9000.0).after(Step.DOWN, 19_000.0).patience == AMPLE_SECONDS


def test_stalls_count_where_memory_is_short() -> None:
    assert level(Reading(700 * MB, 0.2), MARKS) is Level.TIGHT
    assert level(Reading(700 * MB, 0.5), MARKS) is Level.CRITICAL
    assert level(Reading(5000 * MB, 0.5), MARKS) is Level.OK


def test_a_card_keeps_room_for_the_work_space() -> None:
    assert card_marks(24_000 * MB).ample == 1500 * MB
    assert card_marks(4_000 * MB).ample == 500 * MB


READING = st.builds(Reading, st.integers(0, 6000).map(lambda mb: mb * MB), st.floats(0, 1))


@given(st.lists(READING, max_size=60), st.none() | st.integers(0, 3000).map(lambda mb: mb * MB))
def test_steps_have_their_reasons(readings: list[Reading], regained: int | None) -> None:
    watch = Watch()
    for place, reading in enumerate(readings):
        watch, step = judge(watch, reading, MARKS, regained, place * 2.0)
        assert watch.level is level(reading, MARKS)
        if step in (Step.DOWN, Step.DOWN_NOW):
            assert watch.level is not Level.OK
        if step is Step.DOWN_NOW:
            assert {level(each, MARKS) for each in readings[place - 5 : place + 1]} == {
                Level.CRITICAL
            }
        if step is Step.UP:
            assert regained is not None
            assert reading.available - regained >= MARKS.ample
        if step is not Step.STAY:
            watch = watch.after(step, place * 2.0)


@given(READING, READING)
def test_less_memory_is_never_a_better_level(one: Reading, other: Reading) -> None:
    less, more = sorted((one, other), key=lambda reading: reading.available)
    order = list(Level)
    less = Reading(less.available, max(one.stalled, other.stalled))
    more = Reading(more.available, min(one.stalled, other.stalled))
    assert order.index(level(less, MARKS)) >= order.index(level(more, MARKS))
