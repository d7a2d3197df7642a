"""Status, log and figures of use, as an administrator sees them."""

import csv
import io

import pytest

from appliance import __version__
from appliance.client import calling
from tests.api.test_clients import paired
from tests.daemon import Daemon
from tests.stranger import ask, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_status_tells_what_is_wrong_and_what_runs(daemon: Daemon) -> None:
    state = (await ask(daemon, "GET", "/api/status")).json
    assert "access_open" in [alert["code"] for alert in state["alerts"]]
    assert all(alert["message"] for alert in state["alerts"])
    assert (state["release"]["version"], state["release"]["update"]) == (__version__, "unknown")
    assert state["versions"]["pipecat-ai"]
    assert state["tasks"] == {"accepted": 0, "running": 0}
    assert state["gauges"]["disk_total"] > state["gauges"]["disk_free"]


async def test_the_log_is_read_from_where_it_was_left(daemon: Daemon) -> None:
    first = (await ask(daemon, "GET", "/api/logs?limit=4000")).json["entries"]
    assert any(entry["message"].startswith("listening on") for entry in first)
    last = first[-1]["id"]
    newer = (await ask(daemon, "GET", f"/api/logs?after={last}")).json["entries"]
    assert all(entry["id"] > last for entry in newer)
    grave = (await ask(daemon, "GET", "/api/logs?level=warning")).json["entries"]
    assert "Access is open" in "".join(entry["message"] for entry in grave)
    assert {entry["level"] for entry in grave} <= {"warning", "error", "critical"}
    wrong = await ask(daemon, "GET", "/api/logs?level=loud")
    assert (wrong.status, wrong.code) == (400, "bad_request")


async def test_a_session_shows_in_the_figures_of_today(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")

    async def sessions() -> int:
        answer = await ask(paired_daemon, "GET", "/api/analytics?days=2", headers=admin)
        _, today = answer.json["days"]
        count: int = today["sessions"]
        return count

    before = await sessions()
    token = admin["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)

    async def is_counted() -> bool:
        return await sessions() == before + 1

    await until(is_counted)
    answer = await ask(paired_daemon, "GET", "/api/analytics.csv?days=2", headers=admin)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    (turn,) = [row for row in rows if row["conversation_id"] == call.conversation_id]
    assert turn["words_heard"] == "4"
