"""What is wrong with the appliance, worst first."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.app.alerts import Condition, Severity, alerts
from appliance.app.history_watch import NOTICES
from appliance.app.retention import RetentionNotice
from appliance.hardware.telemetry import Readings
from appliance.store.records import StoreStats
from appliance.store.retention_rules import RetentionKind


def ladder(*states: tuple[str, str], answering: str) -> dict[str, Any]:
    slots = [{"name": name, "state": state, "error": "it broke"} for name, state in states]
    return {"name": answering, "state": "ready", "ladder": slots}


WELL = Condition(
    readings=Readings(temperatures={"cpu": 55.0}, disk_free=50 * 10**9),
    engines={"stt": ladder(("whisper", "ready"), ("sphinx", "ready"), answering="whisper")},
    memory={"state": "ok", "available": 4 * 10**9},
    store=StoreStats(0, 10, 0, 0, 0.0),
    history_trouble="",
    quarantined=False,
    is_open=False,
    plan_warnings=(),
)


def test_nothing_is_wrong_with_an_appliance_that_is_well() -> None:
    assert alerts(WELL) == []


def test_what_retention_is_going_to_delete_is_told_a_day_before() -> None:
    notice = RetentionNotice({RetentionKind.CONVERSATIONS: 12, RetentionKind.AUDIT: 3}, 86_000.0)
    (alert,) = alerts(replace(WELL, retention=notice))
    assert (alert.code, alert.severity) == ("retention", Severity.WARNING)
    assert alert.message == (
        "In the first night after 24 hours old things will be deleted: conversations: 12, audit: 3."
    )
    assert alert.values["conversations"] == 12
    assert alert.values["tasks"] == 0


def test_the_worst_comes_first() -> None:
    bad = replace(
        WELL,
        plan_warnings=("a better voice would fit",),
        is_open=True,
        engines={"tts": ladder(("kokoro", "failed"), ("espeak", "ready"), answering="espeak")},
        store=StoreStats(0, 10, 3, 0, 0.0),
        readings=Readings(temperatures={"cpu": 55.0, "gpu": 97.0}, throttled=("heat",)),
    )
    found = alerts(bad)
    assert [alert.code for alert in found] == [
        *("store_lost", "hot"),
        *("tts_failed", "throttled", "access_open"),
        "plan",
    ]
    order = list(Severity)
    severities = [order.index(alert.severity) for alert in found]
    assert severities == sorted(severities)


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"quarantined": True}, "store_damaged", "failure"),
        ({"store": StoreStats(0, 10, 3, 0, 0.0)}, "store_lost", "failure"),
        *(({"history_trouble": kind}, f"history_{kind}", "failure") for kind in NOTICES),
        ({"memory": {"state": "tight", "available": 1}}, "memory_tight", "warning"),
        ({"memory": {"state": "critical", "available": 1}}, "memory_critical", "failure"),
        ({"readings": Readings(disk_free=900 * 10**6)}, "disk_low", "warning"),
        ({"readings": Readings(disk_free=100 * 10**6)}, "disk_full", "failure"),
        ({"readings": Readings(temperatures={"cpu": 86.0})}, "warm", "warning"),
        (
            {"engines": {"stt": ladder(("a", "resting"), ("b", "ready"), answering="b")}},
            "stt_resting",
            "warning",
        ),
    ],
)
def test_each_trouble_has_its_code_and_a_sentence(
    change: dict[str, Any], code: str, severity: str
) -> None:
    (alert,) = alerts(replace(WELL, **change))
    assert (alert.code, alert.severity) == (code, severity)
    assert alert.message.endswith(".")


def test_an_engine_of_each_kind_is_looked_at() -> None:
    fine = ladder(("a", "ready"), answering="a")
    broken = ladder(("b", "failed"), ("c", "ready"), answering="c")
    found = alerts(replace(WELL, engines={"stt": fine, "tts": broken}))
    assert [(alert.code, alert.values["engine"]) for alert in found] == [("tts_failed", "b")]


def test_a_failed_engine_below_the_one_that_answers_is_no_trouble() -> None:
    fine = ladder(("a", "ready"), ("b", "failed"), ("c", "ready"), answering="a")
    assert alerts(replace(WELL, engines={"stt": fine})) == []
