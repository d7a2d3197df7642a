from datetime import datetime

from tests.tools.conftest import Toolbox


async def test_the_time_is_that_of_the_clock(toolbox: Toolbox) -> None:
    answer = await toolbox.say("what time is it")
    assert answer.spoken == "It is twenty past three in the afternoon."
    assert answer.data == {"time": "15:20", "date": "2026-11-21"}
    toolbox.moment = datetime(2026, 11, 21, 15, 21)
    assert "twenty-one minutes past three" in (await toolbox.say("what's the time")).spoken


async def test_the_date_and_its_neighbours(toolbox: Toolbox) -> None:
    today = await toolbox.say("what day is it")
    assert today.spoken == "Today is Saturday, the 21st of November, 2026."
    assert today.data == {"date": "2026-11-21", "weekday": "Saturday", "week": 47}
    tomorrow = await toolbox.say("what day is it tomorrow")
    assert tomorrow.spoken == "Tomorrow is Sunday, the 22nd of November, 2026."
    yesterday = await toolbox.say("what day was it yesterday")
    assert yesterday.spoken == "Yesterday was Friday, the 20th of November, 2026."
