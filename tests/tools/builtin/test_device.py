from dataclasses import asdict

import pytest

from appliance.hardware.telemetry import Readings, read
from tests.tools.conftest import Toolbox

BOARD = Readings(
    temperatures={"cpu-thermal": 51.2, "gpu-thermal": 47.6, "tj-thermal": 52.4},
    rails={"VDD_IN": 4.744},
    load=0.42,
    gpu_load=0.07,
    memory_total=7_800_000_000,
    memory_available=3_400_000_000,
    gpu_memory_used=None,
    disk_free=120_000_000_000,
    uptime=2 * 86400 + 3 * 3600,
    power=4.744,
)
BARE = Readings(
    temperatures={},
    rails={},
    load=None,
    gpu_load=None,
    memory_total=None,
    memory_available=None,
    gpu_memory_used=None,
    disk_free=None,
    uptime=None,
    power=None,
)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            "how hot is the device",
            "The device is at 52 degrees Celsius, at the junction sensor.",
        ),
        (
            "how much memory is left",
            "3.4 gigabytes of 7.8 gigabytes of memory are free.",
        ),
        (
            "how busy are you",
            "The processor is at 42 percent, the graphics processor at 7 percent.",
        ),
        ("how much disk space is free", "120 gigabytes of disk space are free."),
        (
            "how long have you been running",
            "The device has been running for two days and three hours.",
        ),
        ("what is your power consumption", "It draws 4.7 watts."),
    ],
)
async def test_each_reading_in_words(toolbox: Toolbox, asked: str, told: str) -> None:
    toolbox.readings = lambda: BOARD
    answer = await toolbox.say(asked)
    assert answer.spoken == told
    expected = asdict(BOARD)
    assert answer.data == {name: expected[name] for name in answer.data}
    assert {"temperatures", "load", "memory_available"} <= set(answer.data)


async def test_the_whole_state(toolbox: Toolbox) -> None:
    toolbox.readings = lambda: BOARD
    told = (await toolbox.say("what is your device status")).spoken
    for part in ("52 degrees", "42 percent", "3.4 gigabytes", "120 gigabytes", "two days", "watts"):
        assert part in told


async def test_an_unreadable_value_is_named(toolbox: Toolbox) -> None:
    toolbox.readings = lambda: BARE
    hot = await toolbox.say("how hot is the device")
    assert hot.spoken == "I cannot read the temperature on this device."
    whole = await toolbox.say("device status")
    assert whole.spoken.startswith("I cannot read the temperature, the load")


async def test_the_readings_of_this_machine(toolbox: Toolbox) -> None:
    toolbox.readings = read
    assert "of memory are free" in (await toolbox.say("how much memory is free")).spoken
    assert "processor is at" in (await toolbox.say("how busy is the device")).spoken


async def test_readings_are_taken_anew(toolbox: Toolbox) -> None:
    taken: list[Readings] = [BARE, BOARD]
    toolbox.readings = lambda: taken.pop()
    assert "52" in (await toolbox.say("how hot is the device")).spoken
    assert "cannot" in (await toolbox.say("how hot is the device")).spoken
