"""Checks that the database is sound and writable, and that no entry was lost."""

from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext
from appliance.store.integrity import examine


class DatabaseCheck(BaseCheck):
    name: ClassVar[str] = "database"
    title: ClassVar[str] = "Database"
    limit: ClassVar[float] = 60.0  # every page of some gigabytes

    async def run(self, context: CheckContext) -> Finding:
        path = context.config.store.path
        if not path.exists():
            return self._absent(context)
        condition = await run_in_daemon_thread(lambda: examine(path))
        lost = (await context.daemon.status())["store"]["failed"] if context.daemon else 0
        summary = f"{path}, {condition.bytes / 1e6:.1f} MB"
        if condition.damage:
            finding = self.failure(
                f"{path} is damaged: {condition.damage}",
                "Copy it away first. At its next start the appliance moves a damaged database"
                " aside (*.corrupt.*) and begins a new one; then put the latest backup in place.",
            )
        elif condition.unwritable:
            finding = self.failure(
                f"{path} cannot be written: {condition.unwritable}",
                f"Make room, and give {path.parent} to the appliance's user:"
                f" `sudo chown -R --reference={path.parent} {path.parent}`.",
            )
        elif lost:
            finding = self.warning(
                f"{summary}; {lost} entries were lost since the appliance started",
                "The disk was full or failed: see `journalctl -u voice-appliance`, make room, and"
                " restart the appliance.",
            )
        else:
            finding = self.ok(f"{summary}, sound and writable")
        return finding.with_figures(bytes=condition.bytes, lost_entries=lost)

    def _absent(self, context: CheckContext) -> Finding:
        path = context.config.store.path
        if context.daemon:
            return self.failure(
                f"{path} is gone while the appliance runs",
                "It was removed, and new conversations are not stored. Restart the appliance.",
            )
        return self.warning(
            f"there is no {path} yet",
            "The appliance makes it when it first starts; check store.path if it should exist.",
        )
