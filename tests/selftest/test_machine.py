"""Memory, disk, clock and access."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.selftest import Verdict
from appliance.selftest.checks.access import Access
from appliance.selftest.checks.clock import PROGRAM, Clock, made_at, synchronised
from appliance.selftest.checks.disk import Disk
from appliance.selftest.checks.memory import Memory
from appliance.site import Site
from tests.hardware.boards import write
from tests.selftest.conftest import MakeFacts, bad, good, skipped

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


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
    tmp_path: Path, facts: MakeFacts, available: int, swap: str, verdict: Verdict, word: str
) -> None:
    write(tmp_path, "proc/meminfo", f"MemTotal: 8000000 kB\nMemAvailable: {available} kB\n{swap}")
    finding = await Memory().run(facts(tmp_path))
    assert finding.verdict is verdict
    assert word in finding.message
    assert finding.figures["available_bytes"] == available * 1024
    assert ("limits.sessions" in finding.advice) is (verdict is not OK)


async def test_memory_that_nobody_tells_of(tmp_path: Path, facts: MakeFacts) -> None:
    assert "ProcSubset" in bad(await Memory().run(facts(tmp_path)), WARNING)[1]


@dataclass(frozen=True)
class Space:
    """Of os.statvfs, what the check looks at; blocks of 1 MB."""

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
    finding = Disk()._room(Path("/var"), space)
    assert finding.verdict is verdict
    assert word in finding.message
    assert ("Make room" in finding.advice) is (verdict is not OK)


async def test_the_fullest_disk_counts(facts: MakeFacts) -> None:
    made = facts()
    assert "not there yet" in skipped(await Disk().run(made))
    made.state.mkdir()
    assert str(made.state) in good(await Disk().run(made))


@pytest.mark.parametrize(("load", "busy"), [("1.90 1 1", False), ("2.10 1 1", True), ("", False)])
def test_a_busy_machine(tmp_path: Path, facts: MakeFacts, load: str, busy: bool) -> None:
    write(tmp_path, "sys/devices/system/cpu/online", "0-1\n")
    write(tmp_path, "proc/loadavg", load)
    assert facts(tmp_path).busy() is busy


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "synchronised", "verdict", "word"),
    [
        (NOW.timestamp() - 9e6, True, OK, "kept by a time server"),
        (NOW.timestamp() - 9e6, None, OK, "not told"),
        (NOW.timestamp() - 9e6, False, WARNING, "not compared"),
        (NOW.timestamp() + 9e6, True, FAILURE, "earlier than this program"),
    ],
)
def test_the_clock(made: float, synchronised: bool | None, verdict: Verdict, word: str) -> None:
    finding = Clock().judge(NOW, made, synchronised)
    assert finding.verdict is verdict
    assert word in finding.message
    assert ("timedatectl" in finding.advice) is (verdict is not OK)


async def test_the_real_clock_is_later_than_this_program(facts: MakeFacts) -> None:
    assert made_at(PROGRAM) < datetime.now().timestamp()
    assert (await Clock().run(facts())).verdict is not FAILURE
    assert synchronised() in (True, False, None)


@pytest.fixture
def nginx(tmp_path: Path) -> Site:
    return Site(tmp_path / "site.conf", "0.0.0.0", 443, tmp_path / "server.crt", None)


OPEN = {"ACCESS__MODE": "open"}


async def test_access(facts: MakeFacts, nginx: Site) -> None:
    check = Access()
    assert "paired" in good(await check.run(facts()))
    assert "nothing outside" in good(await check.run(facts(settings=OPEN)))
    behind_nginx = facts(settings=OPEN, site=nginx)
    assert 'access.mode = "paired"' in bad(await check.run(behind_nginx), WARNING)[1]


@pytest.mark.parametrize(
    ("host", "exposed"), [("0.0.0.0", True), ("::1", False), ("localhost", False), ("box", True)]
)
async def test_a_daemon_on_the_network_itself(
    facts: MakeFacts, host: str, exposed: bool, configured: Callable[..., object]
) -> None:
    finding = await Access().run(facts(settings={"SERVER__HOST": host}))
    assert (finding.verdict is WARNING) is exposed
    assert ("nginx" in finding.advice) is exposed
    socket = {"SERVER__HOST": host, "SERVER__LISTEN": "unix:/run/x.sock"}
    assert good(await Access().run(facts(settings=socket)))
