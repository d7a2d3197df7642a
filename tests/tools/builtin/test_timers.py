from appliance.timers.timer import Timer
from tests.tools.conftest import Toolbox


async def test_set_ask_and_ring(toolbox: Toolbox) -> None:
    answer = await toolbox.say("set a timer for five minutes")
    assert answer.spoken == "Timer set for five minutes."
    assert answer.data == {"timers": [{"name": "", "seconds": 300.0, "left": 300}]}
    toolbox.seconds += 60
    left = await toolbox.say("how much time is left")
    assert left.spoken == "There are four minutes left on the five minute timer."
    toolbox.seconds += 240
    toolbox.timers.ring_due()
    assert [timer.seconds for timer in toolbox.rung] == [300]
    assert (await toolbox.say("list my timers")).spoken == "There is no timer running."


async def test_lengths_add_up(toolbox: Toolbox) -> None:
    for said, seconds in (
        ("set a timer for one hour and ten minutes", 4200),
        ("set a timer for two and a half hours", 9000),
        ("set a timer for 1.5 minutes", 90),
        ("set a timer for a minute and a half", 90),
        ("set a timer for three quarters of an hour", 2700),
        ("set a timer for half a minute", 30),
    ):
        answer = await toolbox.say(said)
        assert answer.data["timers"][0]["seconds"] == seconds, said


async def test_named_timers_are_kept_apart(toolbox: Toolbox) -> None:
    assert (await toolbox.say("set a tea timer for three minutes")).spoken == (
        "Tea timer set for three minutes."
    )
    await toolbox.say("set a timer for ten minutes called pasta")
    both = await toolbox.say("what timers are running")
    assert both.spoken == (
        "There are three minutes left on the tea timer and ten minutes left on the pasta timer."
    )
    one = await toolbox.say("how long is left on the pasta timer")
    assert one.spoken == "There are ten minutes left on the pasta timer."
    assert (await toolbox.say("cancel the tea timer")).spoken == "The tea timer is cancelled."
    assert [timer.name for timer in toolbox.timers.snapshot()] == ["pasta"]


async def test_cancelling_one_of_several_asks_which(toolbox: Toolbox) -> None:
    assert (await toolbox.say("cancel the timer")).spoken == "There is no timer running."
    await toolbox.say("set a timer for five minutes")
    await toolbox.say("set a tea timer for two minutes")
    which = await toolbox.say("cancel the timer")
    assert which.spoken == "Which one: the tea timer or the five minute timer?"
    assert len(toolbox.timers.snapshot()) == 2
    assert (await toolbox.say("cancel the five minute timer")).spoken == (
        "The five minute timer is cancelled."
    )
    assert (await toolbox.say("stop the timer")).spoken == "The tea timer is cancelled."
    assert toolbox.timers.snapshot() == ()


async def test_cancelling_all(toolbox: Toolbox) -> None:
    await toolbox.say("set a timer for five minutes")
    await toolbox.say("set a timer for six minutes")
    assert (await toolbox.say("cancel all timers")).spoken == "Both timers are cancelled."
    assert toolbox.timers.snapshot() == ()


async def test_a_timer_is_paused_and_resumed(toolbox: Toolbox) -> None:
    assert (await toolbox.say("pause the timer")).spoken == "There is no timer running."
    await toolbox.say("set a timer for five minutes")
    toolbox.seconds += 60
    paused = await toolbox.say("pause the timer")
    assert paused.spoken == "The five minute timer is paused with four minutes left."
    assert paused.data["timers"][0]["left"] == 240
    toolbox.seconds += 600
    toolbox.timers.ring_due()
    assert toolbox.rung == []
    again = await toolbox.say("resume the timer")
    assert again.spoken == "The five minute timer is running, four minutes left."
    toolbox.seconds += 240
    toolbox.timers.ring_due()
    assert [timer.seconds for timer in toolbox.rung] == [300]


async def test_of_several_timers_the_one_that_can_be_paused_or_resumed_is_meant(
    toolbox: Toolbox,
) -> None:
    await toolbox.say("set a timer for five minutes")
    await toolbox.say("set a tea timer for two minutes")
    which = await toolbox.say("hold my timer")
    assert which.spoken == "Which one: the tea timer or the five minute timer?"
    assert (await toolbox.say("pause the tea timer")).spoken.startswith("The tea timer is paused")
    assert (await toolbox.say("pause the timer")).spoken.startswith("The five minute timer is")
    assert (await toolbox.say("continue the five minute timer")).spoken.startswith("The five")
    assert (await toolbox.say("resume the timer")).spoken.startswith("The tea timer is running")
    assert all(timer.paused_left is None for timer in toolbox.timers.snapshot())


async def test_a_timer_that_is_not_there(toolbox: Toolbox) -> None:
    await toolbox.say("set a tea timer for two minutes")
    answer = await toolbox.say("cancel the egg timer")
    assert answer.spoken == "There is no such timer. Running: the tea timer."
    assert len(toolbox.timers.snapshot()) == 1


async def test_a_call_without_a_length_is_refused(toolbox: Toolbox) -> None:
    answer = await toolbox.registry.call("set_timer", {"hours": 0}, toolbox.session)
    assert answer.spoken == "Sorry, a timer needs to know how long."
    assert "error" in answer.data


async def test_one_second_is_singular(toolbox: Toolbox) -> None:
    await toolbox.say("set a timer for one second")
    assert (await toolbox.say("list timers")).spoken == (
        "There is one second left on the one second timer."
    )


def test_the_title_of_a_timer_is_its_name_or_length() -> None:
    assert Timer("i", "tea", 60, 0).title == "tea timer"
    assert Timer("i", "", 5400, 0).title == "one hour and thirty minute timer"


async def test_guests_cancel_and_pause_only_their_own_timers(toolbox: Toolbox) -> None:
    """Everybody is a guest in this toolbox."""
    toolbox.timers.start(60, "tea", "another")
    answer = await toolbox.say("cancel the tea timer")
    assert answer.spoken == "Sorry, that timer is somebody else's."
    paused = await toolbox.say("pause the tea timer")
    assert paused.spoken == "Sorry, that timer is somebody else's."
    await toolbox.say("set a timer for five minutes")
    assert (await toolbox.say("cancel the timer")).spoken == "The five minute timer is cancelled."
    assert [timer.name for timer in toolbox.timers.snapshot()] == ["tea"]
