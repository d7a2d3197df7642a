"""The probe in the event loop of a program."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from appliance.bench.loop_probe import LoopIteration, parse_iterations

PROGRAM = """
    import asyncio, sys, time

    async def main():
        await asyncio.sleep(0)
        begin = time.monotonic()
        while time.monotonic() < begin + 0.05:
            pass
        await asyncio.sleep(0)
        print(begin, *sys.argv[1:])

    asyncio.run(main())
"""


def test_a_program_runs_unchanged_and_its_stall_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "stalling.py").write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    probe = tmp_path / "probe"
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "appliance.bench.loop_probe",
            str(probe),
            "stalling",
            "an",
            "argument",
        ],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    begin, *arguments = ran.stdout.split()
    assert arguments == ["an", "argument"]
    iterations = parse_iterations(probe.read_text(encoding="ascii"))
    [stall] = [one for one in iterations if one.begin <= float(begin) < one.begin + one.wall]
    assert stall.wall >= 0.05
    assert stall.stall <= stall.wall


def test_an_incomplete_line_is_left_out() -> None:
    recorded = "1.5 0.25 0.125 0.0625\n2.5 0.1 0."
    assert list(parse_iterations(recorded)) == [LoopIteration(1.5, 0.25, 0.125, 0.0625)]
    assert next(parse_iterations(recorded)).stall == 0.1875


def test_waiting_for_a_processor_is_no_stall_of_the_loop() -> None:
    assert LoopIteration(1.0, 0.02, 0.0, 0.03).stall == 0
