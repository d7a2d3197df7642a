"""Is there room for what will be said, and for the next update?"""

import os
from pathlib import Path
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.context import CheckContext

MB = 10**6
LEAST = 200 * MB  # a database that grows, its log, and a copy of it
ENOUGH = 1000 * MB  # a release beside the one in use
FEW_FILES = 1000


class DiskCheck(BaseCheck):
    name: ClassVar[str] = "disk"
    title: ClassVar[str] = "Disk space"
    limit: ClassVar[float] = 10.0

    async def run(self, facts: CheckContext) -> Finding:
        if not facts.places:
            return self.skipped(f"{facts.state} is not there yet")
        found = [
            self._room(place, await run_in_daemon_thread(lambda at=place: os.statvfs(at)))  # type: ignore[misc]
            for place in facts.places
        ]
        order = (Verdict.FAILURE, Verdict.WARNING, Verdict.OK)
        return min(found, key=lambda finding: order.index(finding.verdict))

    def _room(self, place: Path, space: os.statvfs_result) -> Finding:
        free = space.f_bavail * space.f_frsize
        shown = f"{free // MB} MB free at {place}"
        advice = (
            "Make room: old conversations (`appliance conversations delete`), unused models"
            " (`appliance models rm`), or `sudo journalctl --vacuum-size=100M`."
        )
        # Some file systems make room for files as they come, and say 0 of 0.
        if space.f_files and space.f_favail < FEW_FILES:
            finding = self.failure(
                f"only {space.f_favail} more files can be made at {place}", advice
            )
        elif free < LEAST:
            finding = self.failure(f"{shown}; soon nothing can be kept", advice)
        elif free < ENOUGH:
            finding = self.warning(f"{shown}; an update needs 1 GB", advice)
        else:
            finding = self.ok(shown)
        return finding.with_figures(free_bytes=free)
