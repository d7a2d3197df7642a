"""The life of a task: whatever happens in whatever order, an end is final."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agents import AgentOutcome, AgentProgress, SessionKnown, tasks
from appliance.conversation import Task, TaskState

NEW = Task("t", "claude", "do it", TaskState.ACCEPTED, 0.0, 0.0)

Step = Callable[[Task, float], Task]
ENDS = [state for state in TaskState if state.ended]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.just(lambda task, now: tasks.begun(task, now, "s0")),
    st.text(max_size=3).map(
        lambda said: lambda task, now: tasks.happened(task, AgentProgress(said), now)
    ),
    st.just(lambda task, now: tasks.happened(task, SessionKnown("s1"), now)),
    st.booleans().map(
        lambda ok: lambda task, now: tasks.finished(task, AgentOutcome(ok, "r", 1.0), now)
    ),
    st.sampled_from(ENDS).map(lambda end: lambda task, now: tasks.stopped(task, end, now, "why")),
)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=60)
def test_an_end_is_final_and_steps_only_lead_forward(steps: list[Step]) -> None:
    order = [TaskState.ACCEPTED, TaskState.RUNNING]
    task = NEW
    for now, step in enumerate(steps, start=1):
        after = step(task, float(now))
        if task.state.ended:
            assert after is task
        else:
            assert after.state.ended or order.index(after.state) >= order.index(task.state)
            assert after is task or after.updated_at == now
        assert (after.id, after.request, after.created_at) == (NEW.id, NEW.request, NEW.created_at)
        task = after


def test_what_an_agent_says_fits_the_database_and_the_page() -> None:
    running = tasks.begun(NEW, 1.0)
    said = tasks.happened(running, AgentProgress("a\0b\ud800" + "x" * 10_000), 2.0)
    assert said.progress.startswith("ab?xxx")
    assert len(said.progress) == tasks.LONGEST_PROGRESS
    said.progress.encode()


def test_only_what_was_interrupted_is_resumed() -> None:
    ended = [tasks.stopped(NEW, state, 1.0) for state in ENDS]
    assert [task.state for task in ended if tasks.resumable(task)] == [TaskState.INTERRUPTED]
