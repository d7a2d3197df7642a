"""Decides from which moment a rule of retention deletes: it is announced a day before. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

DAY = 86_400.0
GRACE_SECONDS = DAY


class RetentionKind(StrEnum):
    """What a rule is about: the age of something in days, or the size of all in megabytes."""

    CONVERSATIONS = "conversations"
    RECORDINGS = "recordings"
    TASKS = "tasks"
    AUDIT = "audit"
    SIZE = "size"


Limits = Mapping[RetentionKind, float]
"""Days, or megabytes; what is not among them is kept for ever."""


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule as it was last seen.

    `grace` is how many seconds are left until it deletes, of those in which the appliance runs;
    None while it has found nothing to delete yet.
    """

    value: float
    grace: float | None = None

    @property
    def in_force(self) -> bool:
        return self.grace == 0


RuleStates = Mapping[RetentionKind, RuleState]


def next_states(
    known: RuleStates, limits: Limits, found: Mapping[RetentionKind, int], elapsed: float
) -> dict[RetentionKind, RuleState]:
    """Returns the rules after `elapsed` seconds, in which so much was found to delete.

    One that is new, or stricter than it was, deletes a day after it first finds something.
    """
    return {
        kind: _next_state(known.get(kind), value, found.get(kind, 0), elapsed)
        for kind, value in limits.items()
    }


def _next_state(known: RuleState | None, value: float, found: int, elapsed: float) -> RuleState:
    if known is None or value < known.value:
        return RuleState(value, GRACE_SECONDS if found else None)
    if known.grace is None:
        return RuleState(value, GRACE_SECONDS if found else None)
    return replace(known, value=value, grace=max(0.0, known.grace - elapsed))


def is_due(now: datetime, last_run: float, hour: int) -> bool:
    """Whether it is the hour for a run in local time, or one was missed. `now` has a time zone."""
    latest = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if latest > now:
        latest -= timedelta(days=1)
    return not latest.timestamp() <= last_run <= now.timestamp()
