"""Checks that there is disk space for conversations and for the next update."""

import os
from pathlib import Path
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.context import CheckContext

MB = 10**6
MIN_FREE = 200 * MB  # a growing database, its log, and a copy of it
ENOUGH_FREE = 1000 * MB  # a release beside the one in use
MIN_FREE_FILES = 1000


class DiskCheck(BaseCheck):
    name: ClassVar[str] = "disk"
    title: ClassVar[str] = "Disk space"
    limit: ClassVar[float] = 10.0

    async def run(self, context: CheckContext) -> Finding:
        if not context.directories:
            return self.skipped(f"{context.state} is not there yet")
        found = [
            self._assess(place, await run_in_daemon_thread(lambda at=place: os.statvfs(at)))  # type: ignore[misc]
            for place in context.directories
        ]
        order = (Verdict.FAILURE, Verdict.WARNING, Verdict.OK)
        return min(found, key=lambda finding: order.index(finding.verdict))

    def _assess(self, place: Path, space: os.statvfs_result) -> Finding:
        free = space.f_bavail * space.f_frsize
        summary = f"{free // MB} MB free at {place}"
        advice = (
            "Make room: old conversations (`appliance conversations delete`), unused models"
            " (`appliance models rm`), or `sudo journalctl --vacuum-size=100M`."
        )
        # Some file systems allocate inodes dynamically and report 0 of 0.
        if space.f_files and space.f_favail < MIN_FREE_FILES:
            finding = self.failure(
                f"only {space.f_favail} more files can be made at {place}", advice
            )
        elif free < MIN_FREE:
            finding = self.failure(f"{summary}; soon nothing can be kept", advice)
        elif free < ENOUGH_FREE:
            finding = self.warning(f"{summary}; an update needs 1 GB", advice)
        else:
            finding = self.ok(summary)
        return finding.with_figures(free_bytes=free)
