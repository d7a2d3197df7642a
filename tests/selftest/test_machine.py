"""The checks of memory, disk space and clock."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.selftest.check import Verdict
from appliance.selftest.checks import clock
from appliance.selftest.checks.clock import PROGRAM, ClockCheck, modified_at
from appliance.selftest.checks.disk import DiskCheck
from appliance.selftest.checks.memory import MemoryCheck
from tests.hardware.boards import write
from tests.selftest.conftest import MakeContext, bad, good, skipped

OK, WARNING, FAILURE, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILURE, Verdict.SKIPPED


@pytest.mark.parametrize(
    ("available", "swap", "verdict", "word"),
    [
        (3_000_000, "", OK, "3072 MB of 8192 MB"),
        (700_000, "", WARNING, "should be"),
        (300_000, "", FAILURE, "gets slow"),
        (3_000_000, "SwapTotal: 1000 kB\nSwapFree: 900 kB\n", OK, "available"),
        (3_000_000, "SwapTotal: 1000 kB\nSwapFree: 100 kB\n", WARNING, "90% of the swap"),
    ],
)
async def test_memory(
    tmp_path: Path,
    make_context: MakeContext,
    available: int,
    swap: str,
    verdict: Verdict,
    word: str,
) -> None:
    write(tmp_path, "proc/meminfo", f"MemTotal: 8000000 kB\nMemAvailable: {available} kB\n{swap}")
    finding = await MemoryCheck().run(make_context(tmp_path))
    assert finding.verdict is verdict
    assert word in finding.message
    assert finding.figures["available_bytes"] == available * 1024
    assert ("limits.sessions" in finding.advice) is (verdict is not OK)


async def test_memory_that_cannot_be_read(tmp_path: Path, make_context: MakeContext) -> None:
    assert "ProcSubset" in bad(await MemoryCheck().run(make_context(tmp_path)), WARNING)[1]


@dataclass(frozen=True)
class Space:
    """The fields of os.statvfs that the check reads; blocks of 1 MB."""

    f_bavail: int
    f_files: int = 1_000_000
    f_favail: int = 900_000
    f_frsize: int = 10**6


@pytest.mark.parametrize(
    ("space", "verdict", "word"),
    [
        (Space(5000), OK, "5000 MB free"),
        (Space(900), WARNING, "an update needs"),
        (Space(100), FAILURE, "nothing can be kept"),
        (Space(5000, f_favail=10), FAILURE, "only 10 more files"),
        (Space(5000, f_files=0, f_favail=0), OK, "5000 MB"),
    ],
)
def test_disk(space: os.statvfs_result, verdict: Verdict, word: str) -> None:
    finding = DiskCheck()._assess(Path("/var"), space)
    assert finding.verdict is verdict
    assert word in finding.message
    assert ("Make room" in finding.advice) is (verdict is not OK)


async def test_the_state_directory_must_exist(make_context: MakeContext) -> None:
    made = make_context()
    assert "not there yet" in skipped(await DiskCheck().run(made))
    made.state.mkdir()
    assert str(made.state) in good(await DiskCheck().run(made))


@pytest.mark.parametrize(("load", "busy"), [("1.90 1 1", False), ("2.10 1 1", True), ("", False)])
def test_a_busy_machine(tmp_path: Path, make_context: MakeContext, load: str, busy: bool) -> None:
    write(tmp_path, "sys/devices/system/cpu/online", "0-1\n")
    write(tmp_path, "proc/loadavg", load)
    assert make_context(tmp_path).is_busy() is busy


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "synchronised", "verdict", "word"),
    [
        (NOW.timestamp() - 9e6, True, OK, "kept by a time server"),
        (NOW.timestamp() - 9e6, None, SKIPPED, "neither the kernel nor a service"),
        (NOW.timestamp() - 9e6, False, WARNING, "not compared"),
        (NOW.timestamp() + 9e6, True, FAILURE, "earlier than this program"),
        (NOW.timestamp() + 9e6, None, FAILURE, "earlier than this program"),
    ],
)
def test_the_clock(made: float, synchronised: bool | None, verdict: Verdict, word: str) -> None:
    finding = ClockCheck().judge(NOW, made, synchronised)
    assert finding.verdict is verdict
    assert word in finding.message
    assert ("timedatectl" in finding.advice) is (verdict in (WARNING, FAILURE))


async def test_the_real_clock_is_later_than_this_program(make_context: MakeContext) -> None:
    assert modified_at(PROGRAM) < datetime.now().timestamp()
    assert (await ClockCheck().run(make_context())).verdict is not FAILURE
    assert clock.synchronised(Path("/")) in (True, False, None)


@pytest.mark.parametrize(
    ("laid", "verdict"),
    [
        (None, SKIPPED),
        ("run/systemd/timesync/synchronized", OK),
        ("run/systemd/timesync/other", WARNING),
    ],
)
async def test_timesyncd_is_asked_where_the_kernel_may_not_be(
    tmp_path: Path,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    laid: str | None,
    verdict: Verdict,
) -> None:
    """ProtectClock forbids it in the units of the nightly self-test and of the daemon."""
    monkeypatch.setattr(clock, "kernel", lambda _: None)
    if laid:
        write(tmp_path, laid, "")
    assert (await ClockCheck().run(make_context(tmp_path))).verdict is verdict


def program(place: Path, content: str) -> None:
    place.write_text(f"#!/bin/sh\n{content}\n")
    place.chmod(0o755)


@pytest.mark.parametrize(
    ("content", "seconds", "state"),
    [
        ('[ "$*" = "show --property=NTPSynchronized --value" ] && echo yes', 60.0, True),
        ("echo no", 60.0, False),
        ("echo Failed to connect to bus >&2; exit 1", 60.0, None),
        ("exec sleep 30", 0.5, None),
    ],
)
def test_timedatectl_is_asked_last(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    seconds: float,
    state: bool | None,
) -> None:
    """Needed where chrony keeps the clock."""
    monkeypatch.setattr(clock, "TIMEDATECTL_SECONDS", seconds)
    program(tmp_path / "timedatectl", content)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert clock.timedated(Path("/")) is state
    assert clock.timedated(tmp_path) is None


def test_a_machine_without_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clock.timedated(Path("/")) is None
