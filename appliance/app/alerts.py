"""Judges the state of the appliance: what is wrong, worst first, and what to do about it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from typing import Any

from appliance.app.history_watch import NOTICES
from appliance.app.retention import RetentionNotice
from appliance.hardware.telemetry import Readings
from appliance.selftest.checks.disk import ENOUGH_FREE, MIN_FREE
from appliance.selftest.checks.temperature import HOT, WARM
from appliance.store.records import StoreStats
from appliance.store.retention_rules import RetentionKind

MB = 10**6


class Severity(StrEnum):
    """How much an alert matters, worst first."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know. `code` and `values` are for a page that translates."""

    code: str
    severity: Severity
    message: str
    advice: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """What is judged: gauges, engines by kind, memory, database, and sentences of the plan.

    `history_trouble` is why nothing is kept now: a key of NOTICES, or "".
    """

    readings: Readings
    engines: Mapping[str, Mapping[str, Any]]
    memory: Mapping[str, Any]
    store: StoreStats
    history_trouble: str
    quarantined: bool
    is_open: bool
    plan_warnings: Sequence[str]
    retention: RetentionNotice | None = None


def alerts(now: Condition) -> list[Alert]:
    """Returns what is wrong, worst first; nothing where all is well."""
    found = [
        *_of_store(now),
        *_of_engines(now.engines),
        *_of_memory(now.memory),
        *_of_disk(now.readings),
        *_of_heat(now.readings),
        *_of_plan(now),
        *_of_retention(now.retention),
    ]
    return sorted(found, key=lambda alert: list(Severity).index(alert.severity))


def _of_store(now: Condition) -> Iterator[Alert]:
    if now.history_trouble:
        notice = NOTICES[now.history_trouble]
        code = f"history_{now.history_trouble}"
        yield Alert(code, Severity.FAILURE, notice.message, notice.advice)
    if now.store.failed:
        yield Alert(
            "store_lost",
            Severity.FAILURE,
            f"{now.store.failed} entries could not be kept.",
            "Look at the free space of the disk, and at the log.",
            {"count": now.store.failed},
        )
    if now.quarantined:
        yield Alert(
            "store_damaged",
            Severity.FAILURE,
            "The database was damaged and has been moved aside; a new one was begun.",
            "The log names the file. A backup is in the appliance's directory of backups.",
        )


def _of_engines(engines: Mapping[str, Mapping[str, Any]]) -> Iterator[Alert]:
    for kind, state in engines.items():
        above = takewhile(lambda slot: slot["name"] != state["name"], state["ladder"])  # noqa: B023
        slot = next((slot for slot in above if slot["state"] in ("failed", "resting")), None)
        if slot is None:
            continue
        resting = slot["state"] == "resting"
        yield Alert(
            f"{kind}_{'resting' if resting else 'failed'}",
            Severity.WARNING,
            f"{slot['name']} {'rests' if resting else 'has failed'}; {state['name']} answers.",
            str(slot.get("advice", "")),
            {"engine": slot["name"], "instead": state["name"], "error": slot.get("error", "")},
        )


def _of_memory(memory: Mapping[str, Any]) -> Iterator[Alert]:
    level = memory.get("state", "ok")
    if level != "ok":
        yield Alert(
            f"memory_{level}",
            Severity.FAILURE if level == "critical" else Severity.WARNING,
            f"Memory is {level}: {memory['available'] // MB} MB are left.",
            "Close other programs, or choose smaller models.",
            {"bytes": memory["available"]},
        )


def _of_disk(now: Readings) -> Iterator[Alert]:
    if now.disk_free is not None and now.disk_free < ENOUGH_FREE:
        full = now.disk_free < MIN_FREE
        yield Alert(
            "disk_full" if full else "disk_low",
            Severity.FAILURE if full else Severity.WARNING,
            f"Only {now.disk_free // MB} MB of the disk are free.",
            "Delete old conversations and recordings, or models that are not used.",
            {"bytes": now.disk_free},
        )


def _of_heat(now: Readings) -> Iterator[Alert]:
    sensor = max(now.temperatures, key=lambda name: now.temperatures[name], default="")
    degrees = now.temperatures.get(sensor, 0.0)
    if degrees >= WARM:
        yield Alert(
            "hot" if degrees >= HOT else "warm",
            Severity.FAILURE if degrees >= HOT else Severity.WARNING,
            f"{sensor} is at {degrees:.0f} °C.",
            "Give the machine air, or choose a lower power mode.",
            {"sensor": sensor, "degrees": degrees},
        )
    if now.throttled:
        reasons = ", ".join(now.throttled)
        yield Alert(
            "throttled",
            Severity.WARNING,
            f"The clocks are held down now: {reasons}.",
            "Give the machine air, and a power supply that is strong enough.",
            {"reasons": reasons},
        )


def _of_retention(notice: RetentionNotice | None) -> Iterator[Alert]:
    if notice is None:
        return
    hours = max(1, round(notice.seconds / 3600))
    counts = {kind.value: notice.counts.get(kind, 0) for kind in RetentionKind}
    listed = ", ".join(f"{kind}: {count}" for kind, count in counts.items() if count)
    yield Alert(
        "retention",
        Severity.WARNING,
        f"In the first night after {hours} hours old things will be deleted: {listed}.",
        "To keep them, change in the settings for how long things are kept.",
        {"hours": hours, **counts},
    )


def _of_plan(now: Condition) -> Iterator[Alert]:
    if now.is_open:
        yield Alert(
            "access_open",
            Severity.WARNING,
            "Access is open: whoever reaches this address can talk and read everything.",
            'Set access.mode = "paired" unless this network is closed.',
        )
    for warning in now.plan_warnings:
        yield Alert("plan", Severity.NOTE, warning, "", {})
