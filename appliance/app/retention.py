"""Deletes at night what is older than the settings allow, after saying so a day before."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.access.audit import DONE, AuditAction
from appliance.app.audience import Audience
from appliance.config.schema import RetentionConfig
from appliance.errors import NotFound, StoreError
from appliance.event_hub import Topic
from appliance.store.clock_leaps import ClockReading, applied, leap_between, leap_while_off
from appliance.store.records import AuditEntry
from appliance.store.retention import Expired
from appliance.store.retention_rules import Limits, RetentionKind, RuleState, is_due, next_states
from appliance.store.store import Store

log = logging.getLogger(__name__)

_WORDS: Final = {
    RetentionKind.SIZE: "conversations beyond the size",
    RetentionKind.AUDIT: "entries of the audit trail",
}

PERIOD = 60.0  # seconds between two looks at the clocks
SEARCH_PERIOD = 900.0  # seconds between two searches for what is to go
MARGIN = 5.0  # seconds around the times that the new clock may have written after a leap


@dataclass(frozen=True, slots=True)
class RetentionNotice:
    """What is going to be deleted for the first time, by kind, and in how many seconds at least."""

    counts: Mapping[RetentionKind, int]
    seconds: float


class Retention:
    """Applies the settings of the section `retention`. `restore` before `run`.

    A rule that is new or stricter deletes nothing for a day after it first finds something;
    `notice` is what it found. Conversations that are open, or have a task that has not ended, stay.
    """

    def __init__(
        self,
        store: Store,
        audience: Audience,
        config: RetentionConfig,
        clocks: Callable[[], ClockReading],
    ) -> None:
        self._store = store
        self._audience = audience
        self._config = config
        self._clocks = clocks
        self._rules: dict[RetentionKind, RuleState] = {}
        self._last = self._searched = clocks()
        self._unexplained = 0.0
        self._ran = self._last.wall
        self._search_now = True
        self._changed = asyncio.Event()
        self._failed = ""
        self.notice: RetentionNotice | None = None

    def configure(self, config: RetentionConfig) -> None:
        """Takes other settings."""
        if config != self._config:
            self._config = config
            self._search_now = True
            self._changed.set()

    async def restore(self) -> None:
        """Reads what a former process left, and notes a leap of the clock since.

        Raises StoreError.
        """
        self._rules, state = await self._store.retention.states()
        now = self._last = self._searched = self._clocks()
        self._unexplained = state.get("unexplained", 0.0)
        self._ran = state.get("ran", now.wall)
        leap = leap_while_off(state.get("seen", now.wall), now.wall)
        if leap:
            await self._leapt(leap, now, within=0.0, while_off=True)

    async def run(self) -> None:
        """Looks again and again, and when the settings change, until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.look()
                self._failed = ""
            except StoreError as error:  # tried again; what lasts is said once
                if error.message != self._failed:
                    log.warning("nothing is deleted by its age: %s", error.message)
                self._failed = error.message
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD):
                    await self._changed.wait()

    async def look(self) -> None:
        """Searches, announces and deletes what is due now. Raises StoreError."""
        now = self._clocks()
        if leap := leap_between(self._last, now):
            await self._leapt(leap, now, within=now.steady - self._last.steady, while_off=False)
        self._last = now
        due = is_due(datetime.fromtimestamp(now.wall).astimezone(), self._ran, self._config.hour)
        if due or self._search_now or now.steady - self._searched.steady >= SEARCH_PERIOD:
            found = await self._search(now)
            if due:
                await self._delete(found)

    async def _leapt(
        self, leap: float, now: ClockReading, *, within: float, while_off: bool
    ) -> None:
        """Notes a leap that the clock made in the last seconds: nothing is older because of it."""
        by, unexplained = applied(self._unexplained, leap, while_off=while_off)
        log.warning("the clock leapt by %.0f s; ages are counted without it", leap)
        await self._store.retention.shift(by, now.wall - within - MARGIN, now.wall + MARGIN)
        self._unexplained = unexplained
        await self._save(now)

    async def _save(self, now: ClockReading) -> None:
        state = {"seen": now.wall, "unexplained": self._unexplained, "ran": self._ran}
        await self._store.retention.save(self._rules, state)

    async def _search(self, now: ClockReading) -> Expired:
        limits = limits_of(self._config)
        in_use = self._audience.conversations
        found = await self._store.retention.expired(limits, now.wall, in_use)
        elapsed = now.steady - self._searched.steady
        self._rules = next_states(self._rules, limits, found.counts(), elapsed)
        self._searched, self._search_now = now, False
        self._announce(found)
        await self._save(now)
        return found

    def _announce(self, found: Expired) -> None:
        waiting = {kind: rule.grace for kind, rule in self._rules.items() if rule.grace}
        counts = {kind: n for kind, n in found.counts().items() if n and kind in waiting}
        before = self.notice
        self.notice = RetentionNotice(counts, min(waiting[k] for k in counts)) if counts else None
        if self.notice and (before is None or before.counts.keys() != counts.keys()):
            log.warning(
                "in the first night after %.0f h these will be deleted, by the settings of"
                " retention: %s",
                self.notice.seconds / 3600,
                _listed(counts),
            )

    async def _delete(self, found: Expired) -> None:
        """Deletes what the rules in force have found, one thing at a time."""
        # Before anything is deleted: what fails today is tried again tomorrow.
        self._ran = self._last.wall
        await self._save(self._last)
        stored = self._store.retention
        old = {
            **dict(found.conversations if self._in_force(RetentionKind.CONVERSATIONS) else ()),
            **dict(found.over_size if self._in_force(RetentionKind.SIZE) else ()),
        }
        deleted = {
            RetentionKind.CONVERSATIONS: await self._delete_conversations(old),
            RetentionKind.RECORDINGS: await self._delete_recordings(found),
        }
        if self._in_force(RetentionKind.TASKS):
            for task_id in found.tasks:
                await stored.delete_task(task_id)
            deleted[RetentionKind.TASKS] = len(found.tasks)
        if self._in_force(RetentionKind.AUDIT) and found.audit:
            await stored.delete_entries(found.audit_through)
            deleted[RetentionKind.AUDIT] = found.audit
        if any(deleted.values()):
            self._note(_listed(deleted))

    def _in_force(self, kind: RetentionKind) -> bool:
        return kind in self._rules and self._rules[kind].in_force

    async def _delete_conversations(self, old: Mapping[str, float]) -> int:
        deleted = 0
        for conversation_id, used in old.items():
            if conversation_id in self._audience.conversations:  # opened meanwhile
                continue
            with suppress(NotFound):
                owner = await self._store.keeping.owner(conversation_id)
                if await self._store.retention.delete_conversation(conversation_id, used):
                    deleted += 1
                    data = {"id": conversation_id, "change": "deleted"}
                    self._audience.hub.publish(Topic.CONVERSATIONS, data, owner=owner or "")
        return deleted

    async def _delete_recordings(self, found: Expired) -> int:
        if not self._in_force(RetentionKind.RECORDINGS):
            return 0
        deleted = 0
        for file in found.recordings:
            with suppress(NotFound):  # deleted with its conversation
                await self._store.recordings.delete(file.conversation_id, file.recording_id)
                deleted += 1
        return deleted

    def _note(self, what: str) -> None:
        log.info("retention has deleted %s", what)
        entry = AuditEntry(
            *(self._last.wall, AuditAction.EXPIRED, "the appliance", None, DONE, None, what)
        )
        self._store.clients.audit(entry)
        self._store.scrubber.request()


def limits_of(config: RetentionConfig) -> Limits:
    """Returns the limits that are set; none where retention is switched off."""
    limits: Final = {
        RetentionKind.CONVERSATIONS: config.conversation_days,
        RetentionKind.RECORDINGS: config.recording_days,
        RetentionKind.TASKS: config.task_days,
        RetentionKind.AUDIT: config.audit_days,
        RetentionKind.SIZE: config.megabytes,
    }
    return {kind: value for kind, value in limits.items() if value and config.enabled}


def _listed(counts: Mapping[RetentionKind, int]) -> str:
    return ", ".join(f"{n} {_WORDS.get(kind, kind.value)}" for kind, n in counts.items() if n)
