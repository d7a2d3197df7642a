"""A sensor that hangs fails its own check alone, and does not keep the program from ending."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.config.loader import Config
from appliance.errors import ApplianceError
from appliance.selftest import context
from appliance.selftest.check import Check, Verdict
from appliance.selftest.checks.memory import MemoryCheck
from appliance.selftest.checks.power import PowerCheck
from appliance.selftest.checks.temperature import TemperatureCheck
from appliance.selftest.runner import run_check
from tests.hardware import boards
from tests.selftest.conftest import MakeContext

SENSOR = "sys/class/thermal/thermal_zone7/temp"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Path]:
    """The files of a Jetson with a sensor that blocks its reader: a FIFO."""
    root = boards.ORIN_NANO_SUPER.lay(tmp_path / "board")
    sensor = root / SENSOR
    sensor.parent.mkdir(parents=True)
    os.mkfifo(sensor)
    # With a writer, the open succeeds and the read blocks, as in a driver.
    held = os.open(sensor, os.O_RDWR)
    yield root
    os.close(held)


@pytest.mark.parametrize(
    "check", [TemperatureCheck(), MemoryCheck(), PowerCheck()], ids=lambda check: check.name
)
async def test_a_check_of_a_hanging_sensor_ends_at_its_limit(
    board: Path, make_context: MakeContext, check: Check
) -> None:
    made = make_context(board, power_mode="NV Power Mode: 25W\n")
    other_task = asyncio.create_task(asyncio.sleep(0))
    finding = await run_check(check, made, 0.2)
    assert other_task.done()
    assert finding.verdict is Verdict.FAILURE
    assert "no result within 0.2 s" in finding.message
    # Other checks ask whether the machine is busy, so that must not read sensors.
    assert made.is_busy() in (True, False)


def test_the_program_ends_in_spite_of_a_hanging_sensor(board: Path, tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from appliance.config.loader import load\n"
        "from appliance.hardware.detect import detect\n"
        "from appliance.hardware.plan import plan\n"
        "from appliance.selftest.checks.temperature import TemperatureCheck\n"
        "from appliance.selftest.context import CheckContext\n"
        "from appliance.selftest.runner import run_check\n"
        "root = Path(sys.argv[1])\n"
        "config, hardware = load([], {}), detect(root)\n"
        "context = CheckContext(config, hardware, plan(hardware, config, {}), root=root)\n"
        "print(asyncio.run(run_check(TemperatureCheck(), context, 0.2)).verdict)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(board)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "failure\n", "")


async def test_a_hanging_driver_ends_the_gathering(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    until = threading.Event()
    monkeypatch.setattr(context, "detect", until.wait)
    monkeypatch.setattr(context, "GATHER_SECONDS", 0.1)
    try:
        with pytest.raises(ApplianceError, match=r"took longer than 0\.1 s") as raised:
            await context.gather(configured(), {})
    finally:
        until.set()
    assert "driver hangs" in raised.value.advice
