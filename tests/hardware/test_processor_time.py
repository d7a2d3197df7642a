"""Processor time of threads, from recorded files and from threads of this process."""

import sys
import threading
import time
from pathlib import Path

import pytest

from appliance.hardware.processor_time import (
    ProcessorTime,
    ThreadFamily,
    processor_pressure,
    processors_are_contended,
)

PRESSURE = "some avg10=92.39 avg60=92.15 avg300=93.68 total=2035350382\nfull avg10=0.00 avg60=0.00"


def lay_task(root: Path, task: int, name: str, schedstat: str) -> None:
    directory = root / f"proc/self/task/{task}"
    directory.mkdir(parents=True)
    (directory / "comm").write_text(f"{name}\n")
    (directory / "schedstat").write_text(f"{schedstat}\n")


def test_the_threads_of_a_name_are_summed(tmp_path: Path) -> None:
    lay_task(tmp_path, 1, "appliance", "9000000000 9000000000 1")
    lay_task(tmp_path, 2, "whisper#1", "1500000000 250000000 7")
    lay_task(tmp_path, 3, "whisper#1", "500000000 1000000000 7")
    family = ThreadFamily("whisper#1", tmp_path)
    assert family.processor_time() == ProcessorTime(2.0, 1.25)
    lay_task(tmp_path, 4, "whisper#1", "1000000000 0 1")
    assert family.processor_time() == ProcessorTime(3.0, 1.25)


@pytest.mark.parametrize("schedstat", ["", "0", "a b c", "-1 5 1"])
def test_a_kernel_that_does_not_count_says_nothing(tmp_path: Path, schedstat: str) -> None:
    assert ThreadFamily("whisper#1", tmp_path).processor_time() is None
    lay_task(tmp_path, 2, "whisper#1", schedstat)
    assert ThreadFamily("whisper#1", tmp_path).processor_time() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the files are those of Linux")
def test_a_family_counts_the_threads_that_its_thread_starts() -> None:
    family = ThreadFamily("tests of threads, too long for the kernel")
    end = threading.Event()

    def burn() -> None:
        while not end.is_set():
            pass

    def member() -> None:
        family.adopt_current_thread()
        inner = threading.Thread(target=burn)
        inner.start()
        inner.join()

    assert family.processor_time() is None
    outer = threading.Thread(target=member)
    outer.start()
    try:
        deadline = time.monotonic() + 20
        while (found := family.processor_time()) is None or found.computing < 0.05:
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
    finally:
        end.set()
        outer.join()


@pytest.mark.parametrize(
    ("text", "share"),
    [(PRESSURE, 0.9239), ("", None), ("some", None), ("some avg10=x", None), ("\0", None)],
)
def test_the_pressure_on_the_processors(tmp_path: Path, text: str, share: float | None) -> None:
    (tmp_path / "proc/pressure").mkdir(parents=True)
    (tmp_path / "proc/pressure/cpu").write_text(text)
    assert processor_pressure(tmp_path) == share
    assert processors_are_contended(tmp_path) == ((share or 0) > 0.5)
