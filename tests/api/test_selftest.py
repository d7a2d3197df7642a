"""The self-test over HTTP: its role, one at a time, its progress and its report."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from appliance.selftest.report_store import ReportStore
from tests.daemon import Daemon, running
from tests.install.shell import free_ports
from tests.stranger import ask, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def state(daemon: Daemon) -> dict[str, Any]:
    answer = await ask(daemon, "GET", "/api/selftest")
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unpaired_client_is_refused(paired_daemon: Daemon, method: str) -> None:
    answer = await ask(
        paired_daemon, method, "/api/selftest", headers={"Origin": paired_daemon.base_url}
    )
    assert (answer.status, answer.code) == (401, "not_paired")


async def test_before_the_first_self_test_there_is_no_report(daemon: Daemon) -> None:
    assert await state(daemon) == {
        "running": False,
        "progress": None,
        "trouble": "",
        "report": None,
        "history": [],
    }


async def test_one_started_in_a_terminal_is_shown_and_a_second_refused(daemon: Daemon) -> None:
    kept = ReportStore(daemon.state)
    with kept.exclusive():
        kept.write_progress({"done": [], "total": 18, "now": "Board"})
        shown = await state(daemon)
        assert shown["running"]
        assert shown["progress"] == {"done": [], "total": 18, "now": "Board"}
        answer = await ask(daemon, "POST", "/api/selftest")
        assert (answer.status, answer.code) == (409, "selftest_running")
        assert answer.json["error"]["advice"]
    assert not (await state(daemon))["running"]


@pytest.mark.parametrize("body", [b'{"only": "board"}', b"[]", b"{"])
async def test_a_body_is_refused(daemon: Daemon, body: bytes) -> None:
    answer = await ask(daemon, "POST", "/api/selftest", data=body)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert not (await state(daemon))["running"]


@pytest.mark.slow
async def test_the_page_starts_one_and_sees_its_progress_and_report(tmp_path: Path) -> None:
    port = {"APPLIANCE__SERVER__PORT": str(free_ports(1)[0])}
    async with running(tmp_path / "state", port) as daemon:
        begun = await ask(daemon, "POST", "/api/selftest")
        assert (begun.status, begun.json["running"]) == (202, True)
        again = await ask(daemon, "POST", "/api/selftest")
        assert (again.status, again.code) == (409, "selftest_running")

        async def under_way() -> bool:
            progress = (await state(daemon))["progress"]
            return bool(progress and progress["done"])

        async def over() -> bool:
            return not (await state(daemon))["running"]

        await until(under_way, 60)
        assert (await ask(daemon, "GET", "/health")).status == 200
        await until(over, 100)
        shown = await state(daemon)
        assert shown["trouble"] == ""
        assert shown["report"]["findings"][-1]["figures"]["heard"].lower() == "what time is it"
        assert [line["verdict"] for line in shown["history"]] == [shown["report"]["verdict"]]


def children(daemon: Daemon) -> list[int]:
    pid = daemon.process.pid
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


@pytest.mark.slow
async def test_one_that_is_killed_is_reported_and_one_under_way_ends_with_the_daemon(
    tmp_path: Path,
) -> None:
    async with running(tmp_path / "state") as daemon:
        assert (await ask(daemon, "POST", "/api/selftest")).status == 202

        async def there() -> bool:
            return bool(children(daemon))

        async def over() -> bool:
            return not (await state(daemon))["running"]

        await until(there)
        os.kill(children(daemon)[0], signal.SIGKILL)
        await until(over)
        assert "could not run" in (await state(daemon))["trouble"]
        assert (await ask(daemon, "POST", "/api/selftest")).status == 202
        await until(there)
        child = Path(f"/proc/{children(daemon)[0]}")
        assert await daemon.stop() == 0
        async with asyncio.timeout(10):
            while child.exists():  # noqa: ASYNC110  another process ends
                await asyncio.sleep(0.05)
